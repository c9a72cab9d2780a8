import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setup } from 'xstate';
import { chartsOf, drawings, pictures } from '../../visualizer/draw.js';
import { compare, draw, drift, write } from '../../visualizer/files.js';
import { graphOf } from '../../visualizer/graph.js';
import { mermaidOf } from '../../visualizer/mermaid.js';
import { sampleMachine } from './sample.js';

const other = setup({}).createMachine({ id: 'other', initial: 'a', states: { a: { on: { go: 'b' } }, b: {} } });
const charts = { sample: sampleMachine, other };

let dir = '';
beforeEach(() => (dir = mkdtempSync(join(tmpdir(), 'holdfast-draw-'))));
afterEach(() => rmSync(dir, { recursive: true }));
const read = (file: string): string => readFileSync(join(dir, file), 'utf8');

test('visualizer/draw: draws each chart into a file of its own, and writes only what has changed', () => {
  expect(draw(charts, join(dir, 'new'))).toEqual(['other.mmd', 'sample.mmd']);
  expect(read('new/sample.mmd')).toBe(mermaidOf(graphOf(sampleMachine)));
  expect(drift(charts, join(dir, 'new'))).toEqual([]);
  writeFileSync(join(dir, 'new/other.mmd'), 'by hand');
  expect(draw(charts, join(dir, 'new'))).toEqual(['other.mmd']);
  expect(draw(charts, join(dir, 'new'))).toEqual([]);
});

test('visualizer/draw: checking writes nothing, and says of each drawing what is wrong with it', () => {
  expect(drift(charts, join(dir, 'none'))).toEqual([
    { file: 'other.mmd', firstDifference: 'is missing' },
    { file: 'sample.mmd', firstDifference: 'is missing' },
  ]);
  expect(existsSync(join(dir, 'none'))).toBe(false);
  draw(charts, dir);
  const lines = read('other.mmd').split('\n');
  writeFileSync(join(dir, 'other.mmd'), [...lines.slice(0, 3), lines[3]!.replace('"a"', '"x"'), ...lines.slice(4)].join('\n'));
  writeFileSync(join(dir, 'sample.mmd'), read('sample.mmd').trimEnd());
  const before = read('other.mmd');
  const changed = [lines[3]!.replace('"a"', '"x"'), lines[3]!].map((line) => JSON.stringify(line));
  expect(drift(charts, dir)).toEqual([
    { file: 'other.mmd', firstDifference: `line 4: ${changed[0]!} is now ${changed[1]!}` },
    { file: 'sample.mmd', firstDifference: expect.stringMatching(/^line \d+: \(end\) is now ""$/) as string },
  ]);
  expect(read('other.mmd')).toBe(before);
});

test('visualizer/draw: a drawing of ours whose machine is gone is reported; other people’s files are not', () => {
  draw(charts, dir);
  writeFileSync(join(dir, 'theirs.mmd'), 'stateDiagram-v2\n');
  expect(drift({ sample: sampleMachine }, dir)).toEqual([
    { file: 'other.mmd', firstDifference: 'shows a machine that is gone; delete it' },
  ]);
});

test('visualizer/draw: finds the machines among a module’s exports by their ids, each once', () => {
  expect(
    chartsOf({ a: sampleMachine, again: sampleMachine, b: other, text: 'x', fn: () => 1, nothing: null, plain: { root: 1 } }),
  ).toEqual({
    sample: sampleMachine,
    other,
  });
  const twin = setup({}).createMachine({ id: 'other' });
  expect(() => chartsOf({ other, twin })).toThrow('two machines are called "other"');
});

test.each(['../out', 'a/b', '.hidden', '', 'a b'])('visualizer/draw: %j is no name of a file', (name) => {
  expect(() => drawings({ [name]: other })).toThrow(expect.objectContaining({ code: 'bad-option' }));
});

test('visualizer/draw: the order of the charts makes no difference', () => {
  expect([...drawings({ other, sample: sampleMachine })]).toEqual([...drawings({ sample: sampleMachine, other })]);
});

test('visualizer/draw: pictures are written and compared like drawings; a difference in a long line is shortened', async () => {
  const files = await pictures(charts);
  expect(write(files, dir).slice().sort()).toEqual(['README.md', 'other.svg', 'sample.svg']);
  expect(readdirSync(dir).sort()).toEqual(['README.md', 'other.svg', 'sample.svg']);
  expect(compare(files, dir)).toEqual([]);
  writeFileSync(join(dir, 'other.svg'), read('other.svg').replace('data-state="other.a"', 'data-state="other.x"'));
  const [found] = compare(files, dir);
  expect(found?.firstDifference.length).toBeLessThan(400);
});
