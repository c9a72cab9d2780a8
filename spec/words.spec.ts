import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  commentsOf,
  docstringsOf,
  forbiddenIn,
  forbiddenInNames,
  forbiddenInProductNames,
  messagesOf,
  namesIn,
  proseOfPage,
  titlesOf,
  topTitlesOf,
  wordsIn,
} from './architecture/words.js';

/**
 * Documents, comments (docstrings of exported names among them), printed messages, and the titles of tests use the field's words
 * and plain sentences.
 */
const root = join(__dirname, '..');
const read = (file: string): string => readFileSync(join(root, file), 'utf8');

/** Files that are not yet clean. A file that needs its exemption no more fails the test. */
const exempt: readonly string[] = [];

/** Pages that are generated from code, which has the words. */
const isGenerated = (page: string): boolean => /^spec\/(api|charts)\//.test(page);

const pages = filesBelow('', '.md').filter((page) => !isGenerated(page));
const sources = ['adapters', 'transports', 'visualizer'].flatMap((folder) => [
  ...filesBelow(folder, '.ts'),
  ...filesBelow(folder, '.tsx'),
]);
const machines = filesBelow('machines', '.ts');
const tests = filesBelow('spec', '.spec.ts');

const complaints = [
  ...pages.flatMap((page) => complaintsOf(page, proseOfPage(read(page)))),
  ...sources.flatMap((file) => complaintsOf(file, docstringsOf(read(file)))),
  ...[...sources, ...machines].flatMap((file) => complaintsOf(file, messagesOf(read(file)))),
  ...[...sources, ...machines].flatMap((file) => complaintsOf(file, commentsOf(read(file)))),
  ...tests.flatMap((file) => complaintsOf(file, titlesOf(read(file)))),
];

test('words: documents, comments, messages and titles of tests use plain ones', () => {
  expect(pages.length).toBeGreaterThan(40);
  expect(sources.length).toBeGreaterThan(120);
  expect(machines.length).toBeGreaterThan(150);
  expect(tests.length).toBeGreaterThan(150);
  expect(complaints.filter(({ file }) => !exempt.includes(file)).map(({ text }) => text)).toEqual([]);
});

/** Tests are found by searching for their feature: "resume/cuts: …". */
test('words: the title of every test at the top of a file begins with its feature', () => {
  const titles = tests.flatMap((file) =>
    topTitlesOf(read(file)).map(({ line, title }) => ({
      place: `${file}:${line}: ${title}`,
      isNamed: /^[^:]{1,60}: /.test(title),
    })),
  );
  expect(titles.filter(({ isNamed }) => !isNamed).map(({ place }) => place)).toEqual([]);
});

test('words: names, names of events and names of files are the field’s; former ones are deprecated aliases', () => {
  const product = [...sources, ...machines];
  const helpers = filesBelow('spec', '.ts').filter((file) => !file.startsWith('spec/bench/'));
  const read_ = [...product, ...helpers].map((file) => ({ file, ...namesIn(read(file)) }));
  const former = new Set(read_.filter(({ file }) => product.includes(file) || /^spec\/\w+\/index\.ts$/.test(file)).flatMap(({ deprecated }) => deprecated)); // prettier-ignore
  const found = read_.flatMap(({ file, names }) => {
    const forbidden = product.includes(file) ? forbiddenInProductNames : forbiddenInNames;
    return [{ line: 0, name: file }, ...names]
      .filter(({ name }) => !former.has(name))
      .flatMap(({ line, name }) =>
        forbiddenIn(name, forbidden).map((word) => `${file}:${line}: ${name}: not "${word}", but ${forbidden.get(word)}`),
      );
  });
  expect(read_.flatMap(({ names }) => names).length).toBeGreaterThan(10_000);
  expect(found).toEqual([]);
});

test('words: every exemption is still needed', () => {
  expect(exempt.filter((file) => !complaints.some((each) => each.file === file))).toEqual([]);
});

describe('words: the finder', () => {
  test.each([
    ['Whoever asks gets an answer.', 'Whoever'],
    ['The caller is told so.', 'is told'],
    ['A peer hears the reason.', 'hears'],
    ['It passes a verdict.', 'verdict'],
    ['Each dial knocks once.', 'knocks'],
    ['Who comes late gets nothing.', 'Who'],
    ['It ends. What remains is dropped.', 'What'],
    ['Nothing counts: nobody reads it.', 'nobody'],
  ])('finds in %j the word %j', (prose, word) => {
    expect(wordsIn(prose).map(({ found }) => found)).toEqual([word]);
  });

  test.each(['What did the peer send?', 'The heart of the doorway is a judgmental deskilling.', 'It asks what is there.'])(
    'finds nothing in %j',
    (prose) => {
      expect(wordsIn(prose)).toEqual([]);
    },
  );

  test('reads names, and leaves those out that are deprecated', () => {
    const text = [
      'interface A {',
      '  /** @deprecated The former name of `isClosing`. */ readonly isParting: boolean;',
      "  readonly type: 'letter.known';",
      '}',
      'class B { #letters = 1; ofTheDoor({ lane }: A) { return this.judge(lane); } }',
      "const HUSH_MS = { 'peer.greeted': 1, type: 'parting' };",
    ].join('\n');
    const { names, deprecated } = namesIn(text);
    expect(deprecated).toEqual(['isParting']);
    expect(names.flatMap(({ line, name }) => forbiddenIn(name, forbiddenInNames).map((word) => [line, word]))).toEqual([
      [3, 'letter'],
      [5, 'letter'],
      [5, 'door'],
      [5, 'lane'],
      [6, 'hush'],
      [6, 'greeted'],
      [6, 'parting'],
    ]);
  });

  test('reads the prose of a page, not its code, links, headings or comments', () => {
    const page =
      '# What nobody reads\n\n- **X-1** Who `nobody` [is](nobody.md)\n```ts\n// nobody\n```\n| nobody |\n<!-- nobody -->\n';
    expect(wordsIn(proseOfPage(page)).map(({ line, found }) => [line, found])).toEqual([
      [3, 'Who'],
      [7, 'nobody'],
    ]);
  });

  test('reads docstrings of exported names and of their public members', () => {
    const text = [
      '/** Nobody knows. */ function hidden() {}',
      '/** Somebody asks `nobody`. */',
      'export class A {',
      '  /** What counts. */ readonly a = 1;',
      '  /** Nobody counts. */ #b = 1; // nobody',
      '}',
    ].join('\n');
    expect(wordsIn(docstringsOf(text)).map(({ line, found }) => [line, found])).toEqual([
      [2, 'Somebody'],
      [4, 'What'],
    ]);
  });

  test('reads all comments of a program, and no text that looks like one', () => {
    const text = [
      "const url = 'http://nobody'; // Nobody hears `whoever`.",
      '/** Asks. */ const a = `// nobody ${b /* What counts. */}`;',
      'const slashes = /\\/\\/ nobody/;',
      '// A *verdict*.',
    ].join('\n');
    expect(wordsIn(commentsOf(text)).map(({ line, found }) => [line, found])).toEqual([
      [1, 'Nobody'],
      [1, 'hears'],
      [2, 'What'],
      [4, 'verdict'],
    ]);
  });

  test('reads the titles of tests, behind their rule numbers', () => {
    const text = [
      "describe('the door', () => {",
      "  test('[RES-1] Who comes late', () => say('nobody'));",
      "  test.each(['whoever'])(`%s ${1} hears`, () => {});",
      "  it.skip('calls', () => {});",
      '});',
    ].join('\n');
    expect(wordsIn(titlesOf(text)).map(({ line, found }) => [line, found])).toEqual([
      [1, 'door'],
      [2, 'Who'],
      [3, 'hears'],
    ]);
  });

  test('reads the texts of a program, also those with values in them, and no single words', () => {
    const text = "throw new Error(`${peer}: nobody\n listens`); // nobody\nconst kind = 'nobody';\nsay('who hears it');";
    expect(wordsIn(messagesOf(text)).map(({ line, found }) => [line, found])).toEqual([
      [1, 'nobody'],
      [4, 'hears'],
    ]);
  });
});

function complaintsOf(file: string, prose: string): { readonly file: string; readonly text: string }[] {
  return wordsIn(prose).map(({ line, found, instead }) => ({ file, text: `${file}:${line}: not "${found}", but ${instead}` }));
}

function filesBelow(folder: string, ending: string): readonly string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    const isForeign = ['node_modules', 'dist', 'coverage'].includes(entry.name) || entry.name.startsWith('.');
    if (entry.isDirectory()) return isForeign ? [] : filesBelow(path, ending);
    return path.endsWith(ending) ? [path] : [];
  });
}
