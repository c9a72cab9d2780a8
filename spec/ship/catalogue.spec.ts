import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const cases = readFileSync(join(__dirname, '..', 'vectors', 'ship', 'catalogue.txt'), 'utf8')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
  .map((line) => `TC_SHIP_${line.split(/\s+/)[0]}`);

/** What names tests: the strings in front of a test's body, and the rows of its table. Comments and helpers don't count. */
function namesIn(source: string): string[] {
  const names = source.matchAll(/\btest(?:\.each\([^]*?\)(?: as const)?\)?)?\(\s*(['`])([^]*?)\1/g);
  const rows = source.matchAll(/^\s*\[(['`])(TC_SHIP_[^]*?)\1/gm);
  return [...names, ...rows].map((found) => found[2]!);
}

test('SHIP/catalogue: every case of the official catalogue is in the name of a test', () => {
  const sources = readdirSync(__dirname)
    .filter((name) => name.endsWith('.spec.ts') && name !== 'catalogue.spec.ts')
    .map((name) => readFileSync(join(__dirname, name), 'utf8'));
  const named = sources.flatMap(namesIn).join('\n');
  expect(cases).toHaveLength(33);
  expect(cases.filter((each) => !named.includes(each))).toEqual([]);
});
