import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CommanderError, type Command } from 'commander';
import ts from 'typescript';
import { makeProgram } from '../adapters/cli/program.js';

/** Every block of the README is found here, new ones as well: it runs as it stands, or says in a comment what it needs. */
const root = join(__dirname, '..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');
interface Block {
  readonly language: string;
  readonly line: number;
  readonly text: string;
}
const blocks: Block[] = [...readme.matchAll(/^```(\w*)\n([^]*?)^```$/gm)].map((match) => ({
  language: match[1]!,
  line: readme.slice(0, match.index).split('\n').length + 1,
  text: match[2]!,
}));
const of = (language: string): [name: string, block: Block][] =>
  blocks.filter((block) => block.language === language).map((block) => [`line ${block.line}`, block]);

test('README: there are blocks, of the languages that are checked', () => {
  const languages = new Set(blocks.map(({ language }) => language));
  expect([languages.has('sh'), languages.has('ts')]).toEqual([true, true]);
  // One of another kind needs a check of its own here; drawings are checked with the charts.
  expect([...languages].filter((language) => !['mermaid', 'sh', 'ts'].includes(language))).toEqual([]);
});

// Programs.

/** Compiles each block as a module of its own, with the package as it was built. */
function compile(programs: readonly Block[]): Map<number, string[]> {
  const nameOf = ({ line }: Block): string => join(root, 'spec', `readme-line-${line}.ts`);
  const texts = new Map(programs.map((block) => [nameOf(block), `${block.text}\nexport {};\n`]));
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), (path) => readFileSync(path, 'utf8')) as { config: { compilerOptions: object } }; // prettier-ignore
  const { options } = ts.convertCompilerOptionsFromJson({ ...config.compilerOptions, noEmit: true, types: ['node'] }, root);
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists, readFile } = host;
  host.fileExists = (path) => texts.has(path) || fileExists(path);
  host.readFile = (path) => texts.get(path) ?? readFile(path);
  host.getSourceFile = (path, ...more) =>
    texts.has(path) ? ts.createSourceFile(path, texts.get(path)!, ts.ScriptTarget.ES2023, true) : getSourceFile(path, ...more);
  const program = ts.createProgram([...texts.keys()], options, host);
  return new Map(
    programs.map((block) => {
      const file = program.getSourceFile(nameOf(block));
      const faults = [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)];
      return [block.line, faults.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))];
    }),
  );
}

describe('README: programs', () => {
  const faults = compile(of('ts').map(([, block]) => block));
  test.each(of('ts'))('%s: every name is declared, and the types hold', (_, { line }) => {
    expect(faults.get(line)).toEqual([]);
  });

  const dir = join(root, 'dist/readme');
  beforeAll(() => void mkdirSync(dir, { recursive: true }));
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  test.each(of('ts').filter(([, { text }]) => !/\/\/ Needs /.test(text)))(
    '%s: runs as it stands, and ends',
    async (_, { line, text }) => {
      const path = join(dir, `line-${line}.mjs`);
      const { outputText } = ts.transpileModule(text, { compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 } }); // prettier-ignore
      writeFileSync(path, outputText);
      const ended = await new Promise((resolve) =>
        execFile(process.execPath, [path], { timeout: 50_000 }, (error, _out, err) =>
          resolve({ code: error?.code ?? 0, signal: error?.signal ?? null, err }),
        ),
      );
      expect(ended).toEqual({ code: 0, signal: null, err: '' });
    },
    60_000,
  );

  test('names that a block leaves to its reader are declared in it, with what they are', () => {
    for (const [, { text }] of of('ts')) if (text.includes('declare const')) expect(text).toMatch(/\/\/ Needs /);
  });
});

// Command lines.

const PLACES: [RegExp, string][] = [
  [/<[^>]*fingerprint>/g, 'a'.repeat(64)],
  [/(tcp|tls|wss?):\/\/…/g, '$1://host:7000'],
  [/\b[0-9a-f]{4}…/g, 'a'.repeat(40)],
];
interface Said {
  readonly words: string[];
  readonly isCut: boolean;
}

/** The command lines of a block: prompts are taken off, comments and what the command answers are left out. */
function commandsIn(text: string): Said[] {
  return text.split('\n').flatMap((line) => {
    const bare = line.replace(/^\w+\$ /, '').replace(/\s+#.*$/, '');
    const isCommand = /^(npx )?holdfast |^npm /.test(bare);
    if (!isCommand) return [];
    return bare.split(' && ').map((each) => {
      const filled = PLACES.reduce((so, [pattern, value]) => so.replace(pattern, value), each);
      const words = filled.trim().split(/\s+/);
      return { words: words.filter((word) => word !== '…'), isCut: words.includes('…') };
    });
  });
}

function leavesOf(command: Command): Command[] {
  return [command, ...command.commands.flatMap(leavesOf)];
}

/** Parses the words as the command line would, and does nothing. */
function parse(words: readonly string[]): string {
  const program = makeProgram();
  for (const command of leavesOf(program)) {
    command.configureOutput({ writeOut: () => {}, writeErr: () => {} });
    if (command.commands.length === 0) command.action(() => {});
  }
  try {
    program.parse(words, { from: 'user' });
    return 'fine';
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 'fine' : error.code;
    throw error;
  }
}

describe('README: command lines', () => {
  const scripts = (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> }).scripts;
  const said = of('sh').flatMap(([name, { text }]) => commandsIn(text).map((each): [string, Said] => [`${name}: ${each.words.join(' ')}`, each])); // prettier-ignore

  test('there are some', () => expect(said.length).toBeGreaterThan(10));

  test.each(said)('%s', (_, { words: [first, ...rest], isCut }) => {
    if (first === 'npm') {
      const [verb, script = verb] = rest;
      expect(['ci', 'install'].includes(verb!) || script! in scripts).toBe(true);
      return;
    }
    const words = first === 'npx' ? rest.slice(1) : rest;
    expect(isCut ? ['fine', 'commander.missingMandatoryOptionValue'] : ['fine']).toContain(parse(words));
  });
});
