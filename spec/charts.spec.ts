import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as machines from '../machines/index.js';
import { chartsOf, compare, draw, drawings, drift, pictures, write } from '../visualizer/draw.js';

const dir = join(__dirname, 'charts');
const charts = chartsOf(machines);

test('the committed drawings show the machines that run; UPDATE=1 draws them anew', () => {
  if (process.env['UPDATE'] === '1') draw(charts, dir);
  expect(Object.keys(charts).sort()).toEqual(expect.arrayContaining(['connection', 'hub', 'resume']));
  expect(drift(charts, dir)).toEqual([]);
});

test('the picture of the connection chart is the one that is drawn', async () => {
  const files = await pictures({ connection: charts['connection']! });
  if (process.env['UPDATE'] === '1') write(files, dir);
  expect(compare(files, dir)).toEqual([]);
});

test('the README shows the connection chart as it is drawn', () => {
  const path = join(__dirname, '../README.md');
  const picture = `\`\`\`mermaid\n${drawings(charts).get('connection.mmd')!}\`\`\``;
  const readme = readFileSync(path, 'utf8');
  if (process.env['UPDATE'] === '1')
    writeFileSync(
      path,
      readme.replace(/```mermaid\n[\s\S]*?```/, () => picture),
    );
  expect(readFileSync(path, 'utf8')).toContain(picture);
});
