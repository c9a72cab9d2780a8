import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { CommanderError, type Command } from 'commander';
import ts from 'typescript';
import { makeProgram } from '../adapters/cli/program.js';
import { readRecording } from '../visualizer/reader/index.js';

/**
 * Every block of the README and of the guide is found here, new ones as well: it runs as it stands, or says in a comment what it needs.
 * Links between the documents lead somewhere.
 */
const root = join(__dirname, '..');
const guide = readdirSync(join(root, 'spec/guide'))
  .filter((name) => name.endsWith('.md'))
  .map((name) => `spec/guide/${name}`);
const pages = ['README.md', ...guide];
const textOf = (page: string): string => readFileSync(join(root, page), 'utf8');
interface Block {
  readonly page: string;
  readonly language: string;
  readonly line: number;
  readonly text: string;
}
const blocksIn = (page: string): Block[] =>
  [...textOf(page).matchAll(/^```(\w*)\n([^]*?)^```$/gm)].map((match) => ({
    page,
    language: match[1]!,
    line: textOf(page).slice(0, match.index).split('\n').length + 1,
    text: match[2]!,
  }));
const blocks = pages.flatMap(blocksIn);
const nameOf = ({ page, line }: Block): string => `${page}, line ${line}`;
const of = (language: string): [name: string, block: Block][] =>
  blocks.filter((block) => block.language === language).map((block) => [nameOf(block), block]);

test('documents: have blocks, of the languages that are checked', () => {
  const languages = new Set(blocks.map(({ language }) => language));
  expect([languages.has('sh'), languages.has('ts')]).toEqual([true, true]);
  // One of another kind needs a check of its own here; drawings are checked with the charts.
  expect([...languages].filter((language) => !['json', 'mermaid', 'sh', 'ts'].includes(language))).toEqual([]);
});

test.each(of('json'))('documents: %s shows lines of a recording that can be read', (_, { text }) => {
  expect(readRecording(`${text.trimEnd()}\n`)).toMatchObject({ warning: undefined, unknownLines: 0 });
});

// Programs.

/** A file name for a block. */
const slugOf = (block: Block): string => nameOf(block).replace(/\W+/g, '-');

/** Compiles each block as a module of its own, with the package as it was built. */
function compile(programs: readonly Block[]): Map<string, string[]> {
  const pathOf = (block: Block): string => join(root, 'spec', `${slugOf(block)}.ts`);
  const texts = new Map(programs.map((block) => [pathOf(block), `${block.text}\nexport {};\n`]));
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
      const file = program.getSourceFile(pathOf(block));
      const faults = [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)];
      return [nameOf(block), faults.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))];
    }),
  );
}

describe('documents: programs', () => {
  const faults = compile(of('ts').map(([, block]) => block));
  test.each(of('ts'))('%s: every name is declared, and the types hold', (name) => {
    expect(faults.get(name)).toEqual([]);
  });

  const dir = join(root, 'dist/readme');
  beforeAll(() => void mkdirSync(dir, { recursive: true }));
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  test.each(of('ts').filter(([, { text }]) => !/\/\/ Needs /.test(text)))(
    '%s: runs as it stands, and ends',
    async (_, block) => {
      const { text } = block;
      const path = join(dir, `${slugOf(block)}.mjs`);
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

describe('documents: command lines', () => {
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

// Links.

/** Headings as GitHub names them: lower case, without punctuation, with hyphens for spaces, and numbered where they repeat. */
function anchorsOf(text: string): Set<string> {
  const found = new Set<string>();
  for (const [, heading] of withoutCode(text).matchAll(/^#{1,6} (.+)$/gm)) {
    const plain = heading!.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1');
    const slug = plain.toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, '').trim().replace(/\s/g, '-'); // prettier-ignore
    let name = slug;
    for (let n = 1; found.has(name); n++) name = `${slug}-${n}`;
    found.add(name);
  }
  return found;
}

const withoutCode = (text: string): string => text.replace(/^```[^]*?^```$/gm, '');

/** Targets of links and pictures; what stands in code is none. */
function linksIn(text: string): string[] {
  const prose = withoutCode(text).replace(/`[^`\n]*`/g, '`');
  return [...prose.matchAll(/\]\(([^)\s]+)\)|\b(?:src|href)="([^"]+)"/g)].map(([, inline, attribute]) => (inline ?? attribute)!);
}

/** What is wrong with a relative link of a page; undefined where it leads somewhere. */
function faultOf(page: string, link: string, read: (path: string) => string | undefined): string | undefined {
  if (/^[a-z][a-z0-9+.-]*:/i.test(link)) return undefined;
  const [target = '', anchor] = link.split('#');
  const path = target === '' ? page : posix.join(posix.dirname(page), target);
  const text = read(path);
  if (text === undefined) return `${page}: ${link} leads to no file; expected a path that is relative to the page`;
  if (anchor !== undefined && !anchorsOf(text).has(anchor))
    return `${page}: ${link} leads to no heading; expected one of ${[...anchorsOf(text)].join(', ')}`;
  return undefined;
}

describe('documents: links', () => {
  const others = ['rules', 'decisions', 'charts', 'interop', 'bench'].flatMap((folder) =>
    readdirSync(join(root, 'spec', folder)).flatMap((name) => (name.endsWith('.md') ? [`spec/${folder}/${name}`] : [])),
  );
  const read = (path: string): string | undefined => {
    if (!existsSync(join(root, path))) return undefined;
    return path.endsWith('.md') ? textOf(path) : '';
  };

  test.each([...pages, 'CHANGELOG.md', ...others])('%s: lead to files and headings that exist', (page) => {
    expect(linksIn(textOf(page)).flatMap((link) => faultOf(page, link, read) ?? [])).toEqual([]);
  });

  test('lead from the README to every page of the guide', () => {
    const linked = [
      ...linksIn(textOf('README.md')),
      ...linksIn(textOf('spec/guide/README.md')).map((link) => `spec/guide/${link}`),
    ];
    expect(guide.filter((page) => page !== 'spec/guide/README.md' && !linked.includes(page))).toEqual([]);
    expect(guide.filter((page) => page !== 'spec/guide/README.md' && !linksIn(textOf('README.md')).includes(page))).toEqual([]);
  });

  test('from the README and the guide lead to files that the package ships', () => {
    const { files } = JSON.parse(textOf('package.json')) as { files: string[] };
    const isShipped = (path: string): boolean => files.some((each) => path === each || path.startsWith(`${each}/`));
    const targets = pages.flatMap((page) =>
      linksIn(textOf(page))
        .filter((link) => !/^[a-z]+:/i.test(link) && !link.startsWith('#'))
        .map((link) => posix.join(posix.dirname(page), link.split('#')[0]!)),
    );
    expect(targets.length).toBeGreaterThan(40);
    expect([...new Set(targets)].filter((target) => !isShipped(target))).toEqual([]);
  });

  const files: Readonly<Record<string, string>> = {
    'a/b.md': '# One\n\n## Two words, `three`!\n\n## One\n',
    'c.md': '```sh\n# comment\n```\n# See [there](a/b.md)\n',
    'd.svg': '',
  };
  test.each<[page: string, link: string, isGood: boolean]>([
    ['c.md', 'a/b.md', true],
    ['c.md', 'a/b.md#two-words-three', true],
    ['a/b.md', '#one-1', true],
    ['a/b.md', '../c.md#see-there', true],
    ['a/b.md', '../d.svg', true],
    ['c.md', 'https://example.org/x#y', true],
    ['c.md', 'b.md', false],
    ['a/b.md', 'c.md', false],
    ['c.md', 'a/b.md#two-words', false],
    ['c.md', '#comment', false],
    ['a/b.md', '#one-2', false],
  ])('the checker of links: %s to %s is good: %s', (page, link, isGood) => {
    expect(faultOf(page, link, (path) => files[path]) === undefined).toBe(isGood);
  });

  test('the checker of links finds links, pictures and attributes, and none in code', () => {
    expect(linksIn('[a](b.md) ![c](d.svg) <img src="e.svg"> `[f](g.md)`\n```ts\n[h](i.md)\n```\n[`j`](k.md#l)')).toEqual([
      ...['b.md', 'd.svg', 'e.svg', 'k.md#l'],
    ]);
  });
});
