import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

const root = join(__dirname, '..');

function filesBelow(dir: string, ending: string): string[] {
  return readdirSync(dir).flatMap((name) => {
    const path = join(dir, name);
    if (name === 'node_modules') return [];
    return statSync(path).isDirectory() ? filesBelow(path, ending) : path.endsWith(ending) ? [path] : [];
  });
}
const textOf = (files: readonly string[]): string => files.map((file) => readFileSync(file, 'utf8')).join('\n');

const rules = filesBelow(join(__dirname, 'rules'), '.md').flatMap((file) =>
  [...readFileSync(file, 'utf8').matchAll(/^- \*\*([A-Z]+-\d+)\*\*/gm)].map((match) => match[1]!),
);
const tests = textOf(filesBelow(__dirname, '.spec.ts'));
const code = textOf([...filesBelow(join(root, 'machines'), '.ts'), ...filesBelow(join(root, 'adapters'), '.ts')]);

test('there are rules', () => expect(rules.length).toBeGreaterThanOrEqual(19));

test('every rule is cited by a test, in brackets in its name', () => {
  expect(rules.filter((rule) => !tests.includes(`[${rule}]`))).toEqual([]);
});

test('every rule is cited where it is enforced', () => {
  expect(rules.filter((rule) => !new RegExp(`\\b${rule}\\b`).test(code))).toEqual([]);
});
