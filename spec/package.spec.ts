import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, posix } from 'node:path';

const root = join(__dirname, '..');

interface Manifest {
  readonly bin: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, string | null>>;
  readonly imports: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest;

/** Sources that package.json names and that are still to come. Whoever writes one takes it off this list; the goal is none. */
const toCome: readonly string[] = [];

const targets = Object.entries(manifest.exports).flatMap(([subpath, target]) => (target ? [{ subpath, target }] : []));
const entries = targets.filter(({ target }) => target.endsWith('.js') && !target.includes('*'));
const present = entries.filter(({ target }) => existsSync(join(root, sourceOf(target))));

describe('package: the package', () => {
  const named = [
    ...entries.map(({ target }) => target),
    ...Object.values(manifest.imports).flatMap((each) => Object.values(each)),
  ];
  const sources = [...named, ...Object.values(manifest.bin)].map(sourceOf);

  test('everything it names has a source file, save for what is still to come', () => {
    const missing = sources.filter((source) => !existsSync(join(root, source)));
    expect(missing.filter((source) => !toCome.includes(source))).toEqual([]);
  });

  test('what has come is no longer called still to come', () => {
    expect(toCome.filter((source) => existsSync(join(root, source)) || !sources.includes(source))).toEqual([]);
  });

  test('a folder of adapters or transports with an index has an export of its own', () => {
    const unreachable = ['adapters', 'transports']
      .flatMap((floor) => foldersWithIndex(floor).map((name) => `./${floor}/${name}`))
      .filter((subpath) => !targets.some((each) => each.subpath === subpath));
    expect(unreachable).toEqual([]);
  });

  test('a transport has an export of its own', () => {
    const transports = readdirSync(join(root, 'transports')).filter(
      (file) =>
        file.endsWith('.ts') &&
        /^export function \w+\([^)]*\): \w*Transport \{/m.test(readFileSync(join(root, 'transports', file), 'utf8')),
    );
    expect(transports.length).toBeGreaterThanOrEqual(6);
    const exported = transports.map((file) => `./transports/${file.replace(/\.ts$/, '')}`);
    expect(exported.filter((subpath) => !targets.some((each) => each.subpath === subpath))).toEqual([]);
  });

  test('the command starts with the line that makes it one', () => {
    const commands = Object.values(manifest.bin).map((target) => join(root, sourceOf(target)));
    for (const command of commands.filter(existsSync)) {
      expect(readFileSync(command, 'utf8').split('\n')[0]).toBe('#!/usr/bin/env node');
    }
  });

  test('it asks for few packages', () => {
    expect(Object.keys(manifest.dependencies).sort()).toEqual(['commander', 'ws', 'xstate', 'zod']);
  });
});

describe('package: the built package', () => {
  beforeAll(() => {
    // `npm test` has just built it; a single spec run by hand may be the first to need it.
    if (present.every(({ target }) => existsSync(join(root, target)))) return;
    const compiler = createRequire(join(root, 'package.json')).resolve('@typescript/native/package.json');
    execFileSync(process.execPath, [join(compiler, '..', 'bin', 'tsc'), '-p', '.config/tsconfig.build.json'], { cwd: root });
  }, 60_000);

  test('loads under plain node, by import and by require, as one and the same module', () => {
    const names = present.map(({ subpath }) => subpath.replace(/^\./, 'holdfast'));
    const program = `
      import { createRequire } from 'node:module';
      const require = createRequire(${JSON.stringify(join(root, 'package.json'))});
      const found = {};
      for (const name of ${JSON.stringify(names)}) {
        const imported = await import(name);
        found[name] = { names: Object.keys(imported).length > 0, same: require(name) === imported };
      }
      console.log(JSON.stringify(found));
    `;
    const output = execFileSync(process.execPath, ['--no-warnings', '--input-type=module', '-e', program], {
      cwd: root,
      encoding: 'utf8',
    });
    expect(JSON.parse(output)).toEqual(Object.fromEntries(names.map((name) => [name, { names: true, same: true }])));
  }, 60_000);

  test('every source map that a file names is in the package, and every source that a map names is in it or in the map', () => {
    const packed = new Set(packedFiles());
    const maps = [...packed].filter((path) => /\.[cm]?[jt]s$/.test(path)).flatMap((path) => mapsOf(path));
    expect(maps.length).toBeGreaterThan(100); // Else this test has looked for the wrong thing.
    expect(maps.flatMap((map) => deadEnds(map, packed))).toEqual([]);
    const named = new Set(maps.map(({ path }) => path));
    expect([...packed].filter((path) => path.endsWith('.map') && !named.has(path))).toEqual([]);
  }, 60_000);

  test('a map that is missing, or whose source is neither in the package nor in the map, would be noticed', () => {
    const map = (text: object): MapName => ({ by: 'dist/a.js', path: 'dist/a.js.map', read: () => JSON.stringify(text) });
    const packed = new Set(['dist/a.js', 'dist/a.js.map', 'src/a.ts']);
    expect(deadEnds(map({ sources: ['../src/a.ts'] }), packed)).toEqual([]);
    expect(deadEnds(map({ sources: ['../a.ts'], sourcesContent: ['text'] }), packed)).toEqual([]);
    expect(deadEnds(map({ sources: ['../a.ts'] }), packed)).toEqual(['dist/a.js.map names ../a.ts, which is not there']);
    expect(deadEnds(map({ sources: ['a.ts', 'b.ts'], sourcesContent: ['text', null], sourceRoot: '../' }), packed)).toEqual([
      'dist/a.js.map names b.ts, which is not there',
    ]);
    expect(deadEnds(map({ sources: [] }), new Set(['dist/a.js']))).toEqual(['dist/a.js names dist/a.js.map, which is not there']);
  });
});

interface MapName {
  /** The file that names the map. */
  readonly by: string;
  readonly path: string;
  readonly read: () => string;
}

/** Paths of what `npm pack` would pack. */
function packedFiles(): readonly string[] {
  const output = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 1 << 26,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  // A list up to npm 11, an object by package name from npm 12 on.
  const [pack] = Object.values(JSON.parse(output) as Record<string, { readonly files: readonly { readonly path: string }[] }>);
  return pack!.files.map(({ path }) => path);
}

function mapsOf(by: string): readonly MapName[] {
  const names = [...readFileSync(join(root, by), 'utf8').matchAll(/^\/\/[#@] sourceMappingURL=(\S+)\s*$/gm)];
  return names.map(([, name]) => {
    const path = posix.join(posix.dirname(by), name!);
    return { by, path, read: () => readFileSync(join(root, path), 'utf8') };
  });
}

/** What a debugger that follows the map would look for in vain. */
function deadEnds({ by, path, read }: MapName, packed: ReadonlySet<string>): readonly string[] {
  if (!packed.has(path)) return [`${by} names ${path}, which is not there`];
  const { sources, sourcesContent, sourceRoot } = JSON.parse(read()) as {
    readonly sources: readonly string[];
    readonly sourcesContent?: readonly (string | null)[];
    readonly sourceRoot?: string;
  };
  const isThere = (source: string, i: number): boolean =>
    typeof sourcesContent?.[i] === 'string' || packed.has(posix.join(posix.dirname(path), sourceRoot ?? '', source));
  return sources.filter((source, i) => !isThere(source, i)).map((source) => `${path} names ${source}, which is not there`);
}

/** `./dist/adapters/index.js` is built from `adapters/index.ts`. */
function sourceOf(target: string): string {
  return target.replace(/^(\.\/)?dist\//, '').replace(/\.js$/, '.ts');
}

function foldersWithIndex(floor: string): readonly string[] {
  if (!existsSync(join(root, floor))) return [];
  return readdirSync(join(root, floor)).filter((name) => existsSync(join(root, floor, name, 'index.ts')));
}
