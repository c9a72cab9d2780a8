import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/**
 * A TypeScript project of a user: strict, and with the declarations of libraries checked. It has what the package requires and
 * `@types/node`, as the README says, and none of the optional packages.
 */
const root = join(__dirname, '..');
const installed = ['xstate', 'commander', 'zod', 'ws', '@types/node', 'undici-types'];

/** Entries for one optional package each. Their own declarations need it; no other entry's do. */
const needs: Readonly<Record<string, readonly string[]>> = { 'holdfast/adapters/rx': ['rxjs'] };

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  readonly exports: Readonly<Record<string, string>>;
};
const names = Object.keys(manifest.exports)
  .filter((subpath) => subpath !== './package.json')
  .map((subpath) => subpath.replace(/^\./, 'holdfast'));
const compiler = join(
  dirname(createRequire(join(root, 'package.json')).resolve('@typescript/native/package.json')),
  'bin',
  'tsc',
);

describe('package types: the declarations of the package', () => {
  let project: string;

  beforeAll(() => {
    project = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-types-')));
    // Copied, because what a link leads to would find the optional packages beside it.
    const copy = join(project, 'node_modules', 'holdfast');
    cpSync(join(root, 'dist'), join(copy, 'dist'), {
      recursive: true,
      filter: (path) => !/\.(js|map|html|json|svg)$/.test(path),
    });
    cpSync(join(root, 'package.json'), join(copy, 'package.json'));
    for (const name of installed) link(project, name);
  }, 60_000);

  afterAll(() => rmSync(project, { recursive: true, force: true }));

  test.each(['node16', 'nodenext'])(
    'every entry compiles with skipLibCheck off under %s and without optional packages',
    (resolution) => {
      expect(
        compile(
          project,
          resolution,
          names.filter((name) => needs[name] === undefined),
        ),
      ).toBe('');
    },
    120_000,
  );

  test('the entry of an optional package compiles with that package', () => {
    for (const [name, packages] of Object.entries(needs)) {
      expect(compile(project, 'nodenext', [name])).toContain(`Cannot find module '${packages[0]}'`);
      for (const each of packages) link(project, each);
      expect(compile(project, 'nodenext', [name])).toBe('');
    }
  }, 120_000);
});

function link(project: string, name: string): void {
  const path = join(project, 'node_modules', name);
  mkdirSync(dirname(path), { recursive: true });
  symlinkSync(join(root, 'node_modules', name), path);
}

/** What the compiler complains of; nothing where the declarations hold. */
function compile(project: string, resolution: string, entries: readonly string[]): string {
  const lines = entries.map((name, i) => `export * as entry${i} from '${name}';`);
  writeFileSync(join(project, 'package.json'), JSON.stringify({ type: 'module' }));
  writeFileSync(join(project, 'index.ts'), `${lines.join('\n')}\n`);
  const compilerOptions = {
    target: 'ES2022',
    lib: ['ES2023', 'DOM'],
    module: resolution,
    moduleResolution: resolution,
    types: ['node'],
    strict: true,
    skipLibCheck: false,
    noEmit: true,
    // Linked packages look for theirs in this project and not where the link leads.
    preserveSymlinks: true,
  };
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['index.ts'] }));
  try {
    return execFileSync(process.execPath, [compiler, '-p', project, '--pretty', 'false'], { cwd: project, encoding: 'utf8' });
  } catch (error) {
    return (error as { readonly stdout: string }).stdout;
  }
}
