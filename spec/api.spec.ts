import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compare, write } from '../visualizer/files.js';
import { Declarations, type ApiExport } from './api/declarations.js';
import { entriesOf, experimental, nameOf, reports } from './api/report.js';

const root = join(__dirname, '..');
const dir = join(__dirname, 'api');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { exports: Record<string, string | null> };
const entries = entriesOf(manifest.exports);

describe('api: what the package exports', () => {
  let folder = '';
  const exported = new Map<string, readonly ApiExport[]>();
  const public_ = (): [string, ApiExport][] =>
    entries.flatMap((entry) =>
      exported
        .get(entry.subpath)!
        .filter(({ isInternal }) => !isInternal)
        .map((each): [string, ApiExport] => [`${nameOf(entry)} ${each.name}`, each]),
    );

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'holdfast-api-'));
    const declarations = new Declarations(
      root,
      folder,
      entries.map(({ source }) => source),
    );
    for (const { subpath, source } of entries) exported.set(subpath, declarations.exportsOf(source));
  }, 120_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('is what the committed reports say; UPDATE=1 writes them anew', () => {
    const files = reports(entries, ({ subpath }) => exported.get(subpath)!);
    if (process.env['UPDATE'] === '1') write(files, dir);
    expect(compare(files, dir)).toEqual([]);
    const committed = readdirSync(dir).filter((file) => file.endsWith('.api.md'));
    expect(committed.filter((file) => !files.has(file))).toEqual([]);
  });

  test('says what it is, in a sentence at least', () => {
    const silent = public_().flatMap(([name, { summary }]) => (/[.:!?)](\s|$)/.test(summary) ? [] : [name]));
    expect(silent).toEqual([]);
  });

  test('has no `any` at the border', () => {
    expect(public_().flatMap(([name, { hasAny }]) => (hasAny ? [name] : []))).toEqual([]);
  });

  test('names nothing, in the engine and its transports, that can’t be imported', () => {
    const importable = new Set(public_().map(([, { origin }]) => origin));
    const core = public_().filter(([name]) => /^holdfast( |\/transports\/)/.test(name));
    expect(core.length).toBeGreaterThan(20);
    const inner = ['machines/hub/connection-manager.d.ts#ConnectionManager']; // What `Peers` is made from, by the engine alone.
    const lacking = core.flatMap(([name, { mentions }]) =>
      mentions.filter((each) => !importable.has(each) && !inner.includes(each)).map((each) => `${name}: ${each}`),
    );
    expect(lacking).toEqual([]);
  });

  test('is experimental where the list says so, and the list names what there is', () => {
    expect(experimental.filter((subpath) => !entries.some((entry) => entry.subpath === subpath))).toEqual([]);
    const readme = readFileSync(join(root, 'README.md'), 'utf8');
    const sentence = experimental.map((subpath) => `\`${nameOf({ subpath, source: '' })}\``).join(', ');
    expect(readme.replace(/\s+/g, ' ')).toContain(sentence);
  });

  test('has no pattern among its entries, which would export files that were not reviewed', () => {
    expect(Object.keys(manifest.exports).filter((subpath) => subpath.includes('*'))).toEqual([]);
  });
});

describe('api: the report', () => {
  test('finds what has no words, says `any`, or is internal, and leaves out what is private', () => {
    const project = mkdtempSync(join(tmpdir(), 'holdfast-api-'));
    try {
      const out = mkdtempSync(join(project, 'out-'));
      mkdirSync(join(project, '.config'));
      symlinkSync(join(root, 'node_modules'), join(project, 'node_modules'), 'junction');
      const options = { module: 'NodeNext', target: 'ES2022', declaration: true, rootDir: '..', types: [] };
      writeFileSync(join(project, 'package.json'), '{ "type": "module" }');
      writeFileSync(
        join(project, '.config/tsconfig.build.json'),
        JSON.stringify({ compilerOptions: options, files: ['../index.ts'] }),
      );
      writeFileSync(join(project, 'parts.ts'), SAMPLE);
      writeFileSync(join(project, 'index.ts'), `export { Thing, plain, loose, near as nearby } from './parts.js';\n`);
      const found = new Declarations(project, out, ['index.ts']).exportsOf('index.ts');
      expect(found).toEqual([
        {
          name: 'Thing',
          origin: 'parts.d.ts#Thing',
          declaration: 'export declare class Thing {\n    constructor(n: number);\n    get n(): number;\n}',
          summary: 'Holds a number.',
          isInternal: false,
          hasAny: false,
          mentions: [],
        },
        expect.objectContaining({ name: 'loose', summary: 'Takes what it gets.', hasAny: true, mentions: ['parts.d.ts#Hidden'] }),
        expect.objectContaining({ name: 'nearby', origin: 'parts.d.ts#near', isInternal: true }),
        expect.objectContaining({ name: 'plain', summary: '', declaration: 'export declare const plain = 1;' }),
      ]);
      const entry = (subpath: string) => ({ subpath, source: 'index.ts' });
      const files = reports([entry('.'), entry('./spec/sim')], () => found);
      expect([...files.keys()]).toEqual(['holdfast.api.md', 'spec-sim.api.md']);
      expect(files.get('holdfast.api.md')).toContain('`@public`');
      expect(files.get('spec-sim.api.md')).toMatch(/`@experimental`[\s\S]*export \{ plain \} from 'holdfast';/);
      expect(files.get('holdfast.api.md')).not.toContain('near');
      expect(files.get('holdfast.api.md')).toContain('Named above and exported by no entry: `Hidden`.');
    } finally {
      rmSync(project, { recursive: true, force: true });
    }
  }, 60_000);
});

const SAMPLE = `
/** Holds a number. */
export class Thing {
  #secret = 0;
  private hidden = 1;
  constructor(n: number) {
    this.#secret = n + this.hidden;
  }
  get n(): number {
    return this.#secret;
  }
}
export const plain = 1;
/** Takes what it gets. */
export function loose(what: any, how: Hidden): void {
  void [what, how];
}
export interface Hidden {
  readonly thing: Thing;
}
/** @internal */
export function near(): void {}
`;
