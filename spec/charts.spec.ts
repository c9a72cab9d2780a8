import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as machines from '../machines/index.js';
import { chartsOf, pictures, tablesOf, type Drawings } from '../visualizer/draw.js';
import { compare, draw, drift, write } from '../visualizer/files.js';
import { graphOf } from '../visualizer/graph.js';
import { VIEW_WIDTH_MAX } from '../visualizer/views.js';

const dir = join(__dirname, 'charts');
const charts = chartsOf(machines);
const drawn = { ...charts, ...tablesOf(machines.phaseTables) };
const isUpdate = process.env['UPDATE'] === '1';

test('charts: the committed Mermaid drawings show the machines and tables that run; UPDATE=1 draws them anew', () => {
  if (isUpdate) draw(drawn, dir);
  expect(Object.keys(charts).sort()).toEqual(expect.arrayContaining(['connection', 'hub', 'resume']));
  expect(drift(drawn, dir)).toEqual([]);
});

describe('charts: the committed pictures', () => {
  let files: Drawings;
  beforeAll(async () => {
    files = await pictures(drawn);
    if (isUpdate) write(files, dir);
  }, 60_000);

  test('are those that are drawn, and there are no others; UPDATE=1 draws them anew', () => {
    expect(compare(files, dir)).toEqual([]);
    const committed = readdirSync(dir).filter((file) => /\.(svg|md)$/.test(file));
    expect(committed.filter((file) => !files.has(file))).toEqual([]);
  });

  test('are narrow enough to be read at the width of a README', () => {
    const widths = [...files].flatMap(([file, text]) => (file.endsWith('.svg') ? [[file, widthOf(text)] as const] : []));
    expect(widths.length).toBeGreaterThan(Object.keys(charts).length);
    expect(widths.filter(([, width]) => width > VIEW_WIDTH_MAX * 1.1)).toEqual([]);
  });

  test('of the connection, with the table of its exits, are in the README as they are in the gallery', () => {
    const path = join(__dirname, '../README.md');
    const [, section = ''] = /^## connection\n([\s\S]*?)(?=^## )/m.exec(files.get('README.md')!)!;
    const shown = section
      .replace(/\]\(/g, '](spec/charts/')
      .replace(/^###.*\n\n/gm, '')
      .trim();
    const block = `<!-- charts: drawn -->\n${shown}\n<!-- /charts -->`;
    const readme = readFileSync(path, 'utf8');
    if (isUpdate)
      writeFileSync(
        path,
        readme.replace(/<!-- charts: drawn -->[\s\S]*?<!-- \/charts -->/, () => block),
      );
    expect(readFileSync(path, 'utf8')).toContain(block);
  });
});

test('charts: every named delay states its default, and none is stated that is not there', () => {
  const silent = Object.values(charts).flatMap((machine) => {
    const { id, edges, delays } = graphOf(machine);
    const used = edges.flatMap(({ delay }) => (typeof delay === 'string' ? [delay] : []));
    const stale = Object.keys(delays).filter((name) => !used.includes(name));
    return [...new Set(used.filter((name) => !(name in delays))), ...stale].map((name) => `${id}: ${name}`);
  });
  expect(silent).toEqual([]);
});

const widthOf = (svg: string): number => Number(/^<svg [^>]*width="([\d.]+)"/.exec(svg)![1]);
