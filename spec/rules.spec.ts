import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

const root = join(__dirname, '..');

function filesBelow(dir: string, ending: string): string[] {
  return readdirSync(dir).flatMap((name) => {
    const path = join(dir, name);
    if (name === 'node_modules') return [];
    return statSync(path).isDirectory() ? filesBelow(path, ending) : path.endsWith(ending) ? [path] : [];
  });
}
const textOf = (files: readonly string[]): string => files.map((file) => readFileSync(file, 'utf8')).join('\n');

const rules = filesBelow(join(__dirname, 'rules'), '.md').flatMap((file) =>
  [...readFileSync(file, 'utf8').matchAll(/^- \*\*([A-Z]+-\d+)\*\*/gm)].map((match) => match[1]!),
);
const tests = textOf(filesBelow(__dirname, '.spec.ts'));
const code = textOf([...filesBelow(join(root, 'machines'), '.ts'), ...filesBelow(join(root, 'adapters'), '.ts')]);

test('rules: there are rules', () => expect(rules.length).toBeGreaterThanOrEqual(19));

test('rules: every rule is cited by a test, in brackets in its name', () => {
  expect(rules.filter((rule) => !tests.includes(`[${rule}]`))).toEqual([]);
});

test('rules: every rule is cited where it is enforced', () => {
  expect(rules.filter((rule) => !new RegExp(`\\b${rule}\\b`).test(code))).toEqual([]);
});

/** The pages that a file's comments name. */
const cites = (file: string): string[] => {
  const comments = readFileSync(file, 'utf8').match(/\/\*[\s\S]*?\*\/|(?<![:'"`])\/\/.*/g) ?? [];
  return comments.flatMap((comment) => comment.match(/[\w./*-]*\w\.md\b/g) ?? []);
};

test('comments: cite only pages that are in the repository', () => {
  const files = ['machines', 'adapters', 'transports', 'visualizer'].flatMap((floor) => filesBelow(join(root, floor), '.ts'));
  const pages = filesBelow(__dirname, '.md').map((file) => file.slice(root.length + 1).replace(/\\/g, '/'));
  const isThere = (cited: string): boolean => {
    const pattern = new RegExp(`^${cited.replace(/\./g, '\\.').replace(/\*/g, '[^/]*')}$`);
    return ['README.md', 'CHANGELOG.md', ...pages].some((page) => pattern.test(page));
  };
  const lost = files.flatMap((file) =>
    cites(file).flatMap((cited) => (isThere(cited) ? [] : [`${file.slice(root.length + 1)}: ${cited}`])),
  );
  expect(lost).toEqual([]);
});
