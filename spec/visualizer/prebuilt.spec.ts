import { build, stop } from 'esbuild';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import * as machines from '../../machines/index.js';
import { chartsOf } from '../../visualizer/draw.js';
import { graphOf } from '../../visualizer/graph.js';
import { drawPictures, keyOf, readPrebuilt } from '../../visualizer/server/pictures.js';

const root = join(__dirname, '../..');
const path = join(root, 'dist/visualizer/server/pictures.json');

afterAll(() => stop()); // Its service would keep the tests from ending.

describe('inspector: pictures of the built package', () => {
  // `npm test` has just built it; a single spec run by hand may be the first to need it.
  beforeAll(() => {
    if (!existsSync(path)) execFileSync('npm', ['run', 'build'], { cwd: root, shell: true });
  }, 120_000);

  test('there are some for every chart, as it runs and as they are drawn', async () => {
    const prebuilt = await readPrebuilt(path);
    for (const graph of Object.values(chartsOf(machines)).map(graphOf))
      expect({ id: graph.id, pictures: prebuilt[keyOf(graph)] }).toEqual({ id: graph.id, pictures: await drawPictures(graph) });
  }, 60_000);

  test('the page is there, and its charts all have pictures', () => {
    const program = `
      import * as machines from 'holdfast/machines';
      import { chartsOf } from 'holdfast/visualizer';
      import { serveRecording } from 'holdfast/visualizer/server';
      const { url, close } = await serveRecording([]);
      const page = await (await fetch(url)).text();
      const { charts } = await (await fetch(url + 'facts')).json();
      await close();
      console.log(JSON.stringify({
        charts: charts.length,
        all: Object.keys(chartsOf(machines)).length,
        pictures: charts.filter(({ pictures }) => pictures.length > 0).length,
        script: /<script nonce="[0-9a-f]{32}">/.test(page),
        licence: page.includes('Permission is hereby granted'),
        elsewhere: page.replace(/<script nonce[^]*<.script>/, '').match(/(src|href)="?(?!"?data:,)/g) ?? [],
      }));
    `;
    const output = execFileSync(process.execPath, ['--no-warnings', '--input-type=module', '-e', program], {
      cwd: root,
      encoding: 'utf8',
    });
    const found = JSON.parse(output) as { charts: number; all: number; pictures: number };
    expect(found).toMatchObject({ script: true, licence: true, elsewhere: [] });
    expect(found.all).toBeGreaterThan(8);
    expect([found.charts, found.pictures]).toEqual([found.all, found.all]);
  }, 60_000);
});

test('demo --inspect: the address is printed before the engine, the charts or a library are loaded', async () => {
  // What is imported as it starts, and by the inspector it opens; what either imports later, by `import()`, is left out.
  const entryPoints = [
    'adapters/cli/main.ts',
    'adapters/cli/inspector.ts',
    'visualizer/server/serve.ts',
    'visualizer/server/live-feed.ts',
  ];
  const { metafile } = await build({ entryPoints, absWorkingDir: root, outdir: 'unused', write: false, ...ALL_INPUTS });
  const ahead = new Set(entryPoints);
  for (const file of ahead)
    for (const { path: to, kind } of metafile.inputs[file]?.imports ?? []) if (kind === 'import-statement') ahead.add(to);
  expect(
    [...ahead].filter(
      (file) =>
        !/^(node:|visualizer\/|adapters\/cli\/|adapters\/(printable|stringify)\.|machines\/(errors|arguments)\.)/.test(file),
    ),
  ).toEqual([]);
  expect(ahead.size).toBeLessThan(30);
});

const ALL_INPUTS = {
  bundle: true,
  platform: 'node',
  format: 'esm',
  splitting: true,
  packages: 'external',
  metafile: true,
} as const;
