import { posix } from 'node:path';
import ts from 'typescript';
import { bans, floorRules, linesMax, mayBeLong, type FloorRule } from './rules.js';

/** One broken house rule: where, what was found, and what to write instead. */
export interface Complaint {
  readonly file: string;
  readonly line: number;
  /** The imported module, the banned word, or `length`: what an exemption names. */
  readonly found: string;
  readonly instead: string;
}

/**
 * Reads one source file and returns every house rule it breaks.
 *
 * The text is parsed, not searched: a word in a comment or a string is no offence, and neither is a method called
 * `setTimeout`, as XState's clock has one. Types count like values, since a type that leaks ties two floors together too.
 *
 * @param file path from the repository's root, with forward slashes
 */
export function inspect(file: string, text: string): readonly Complaint[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const complaints: Complaint[] = [];
  const complain = (node: ts.Node | undefined, found: string, instead: string): void => {
    const position = node?.getStart(source) ?? 0;
    complaints.push({ file, line: source.getLineAndCharacterOfPosition(position).line + 1, found, instead });
  };

  const floor = floorRules.find((rule) => file.startsWith(rule.at));
  const words = bans.filter((ban) => file.startsWith(ban.at));
  if (!floor) complain(undefined, file, `a file on one of the floors ${floorRules.map((rule) => rule.at).join(', ')}`);

  const visit = (node: ts.Node): void => {
    const reference = importOf(node);
    if (reference && floor) checkImport(reference, floor);
    const word = wordOf(node);
    const ban = word === undefined ? undefined : words.find((each) => each.words.some((banned) => isWithin(word, banned)));
    if (word !== undefined && ban) complain(node, word, ban.instead);
    ts.forEachChild(node, visit);
  };

  const checkImport = ({ node, name, lazy }: Reference, rule: FloorRule): void => {
    if (name === undefined) {
      if (!isWithinFolder(file, ['adapters/cli/', 'spec/']))
        complain(node, 'import()', 'the name of the module as a plain string');
      return;
    }
    const target = resolve(file, name);
    const allowed = rule.may.some((entry) => covers(entry, target)) && !rule.mayNot?.some((entry) => covers(entry, target));
    const allowedLazily = lazy && rule.lazily?.some((entry) => covers(entry, target));
    if (allowed || allowedLazily) return;
    const hint = rule.lazily?.some((entry) => covers(entry, target)) ? '`import()` where it is needed' : instead(rule);
    complain(node, target, hint);
  };

  visit(source);
  const lines = text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
  if (lines > linesMax && !isWithinFolder(file, mayBeLong)) {
    complain(undefined, 'length', `two files with one idea each: ${lines} lines are more than ${linesMax}`);
  }
  return complaints;
}

/** Every module that a file names, types included, as `resolve` spells it; computed names are left out. */
export function importsOf(file: string, text: string): readonly string[] {
  const found = new Set<string>();
  const visit = (node: ts.Node): void => {
    const name = importOf(node)?.name;
    if (name !== undefined) found.add(resolve(file, name));
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true));
  return [...found];
}

interface Reference {
  readonly node: ts.Node;
  /** Undefined where the name is computed. */
  readonly name: string | undefined;
  /** True where nothing is loaded when the file is: `import()` and types. */
  readonly lazy: boolean;
}

/** Every way one module can name another. */
function importOf(node: ts.Node): Reference | undefined {
  const literal = (expression: ts.Node | undefined): string | undefined =>
    expression && ts.isStringLiteralLike(expression) ? expression.text : undefined;
  if (ts.isImportDeclaration(node)) {
    return { node, name: literal(node.moduleSpecifier), lazy: node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword };
  }
  if (ts.isExportDeclaration(node) && node.moduleSpecifier) {
    return { node, name: literal(node.moduleSpecifier), lazy: node.isTypeOnly };
  }
  if (ts.isImportEqualsDeclaration(node) && ts.isExternalModuleReference(node.moduleReference)) {
    return { node, name: literal(node.moduleReference.expression), lazy: node.isTypeOnly };
  }
  if (ts.isImportTypeNode(node)) {
    return { node, name: ts.isLiteralTypeNode(node.argument) ? literal(node.argument.literal) : undefined, lazy: true };
  }
  if (ts.isModuleDeclaration(node) && ts.isStringLiteral(node.name)) return { node, name: node.name.text, lazy: true };
  if (!ts.isCallExpression(node)) return undefined;
  if (node.expression.kind === ts.SyntaxKind.ImportKeyword) return { node, name: literal(node.arguments[0]), lazy: true };
  const isRequire = ts.isIdentifier(node.expression) && node.expression.text === 'require';
  return isRequire ? { node, name: literal(node.arguments[0]), lazy: false } : undefined;
}

/** The word a node uses from the world around it: `Math.random`, `console.log`, `async`. Undefined for names it declares. */
function wordOf(node: ts.Node): string | undefined {
  if (node.kind === ts.SyntaxKind.AsyncKeyword) return 'async';
  if (node.kind === ts.SyntaxKind.AwaitKeyword || ts.isAwaitExpression(node)) return 'await';
  if (!ts.isIdentifier(node) || isMerelyAName(node)) return undefined;
  let word = node.text;
  let outer: ts.Node = node.parent;
  while (ts.isPropertyAccessExpression(outer)) {
    word = `${word}.${outer.name.text}`;
    outer = outer.parent;
  }
  return word.replace(/^(globalThis|window|self)\./, '');
}

/** True for the names of members, and for what an import or export is called on the other side. */
function isMerelyAName(node: ts.Identifier): boolean {
  const parent = node.parent;
  if (ts.isPropertyAccessExpression(parent)) return parent.name === node;
  if (ts.isQualifiedName(parent)) return parent.right === node;
  if (ts.isBindingElement(parent)) return parent.propertyName === node;
  if (ts.isImportSpecifier(parent) || ts.isExportSpecifier(parent)) return true;
  if (ts.isShorthandPropertyAssignment(parent)) return false;
  return (ts.isClassElement(parent) || ts.isTypeElement(parent) || ts.isObjectLiteralElement(parent)) && parent.name === node;
}

/** A module's path from the root without its ending, or a package's name, or `node:…`. */
function resolve(file: string, name: string): string {
  if (name === '#platform') return 'adapters/node';
  if (name === 'holdfast') return 'adapters/index';
  if (name.startsWith('holdfast/')) return name.slice('holdfast/'.length);
  if (name.startsWith('.')) return posix.join(posix.dirname(file), name).replace(/\.[cm]?[jt]sx?$/, '');
  if (name.startsWith('node:')) return name;
  const [scope = '', rest] = name.split('/');
  return name.startsWith('@') && rest !== undefined ? `${scope}/${rest}` : scope;
}

export function covers(entry: string, target: string): boolean {
  if (entry === 'node:*') return target.startsWith('node:');
  if (entry === 'npm:*') return !target.startsWith('node:') && !isWithinFolder(target, ['spec/', ...ownFolders]);
  if (entry.endsWith('/')) return `${target}/`.startsWith(entry);
  if (!entry.includes('*')) return target === entry;
  const [before = '', after = ''] = entry.split('*');
  const middle = target.slice(before.length, target.length - after.length);
  return target.startsWith(before) && target.endsWith(after) && middle !== '' && !middle.includes('/');
}

const ownFolders: readonly string[] = ['machines/', 'adapters/', 'transports/', 'visualizer/'];

function isWithin(word: string, banned: string): boolean {
  return word === banned || word.startsWith(`${banned}.`);
}

export function isWithinFolder(path: string, folders: readonly string[]): boolean {
  return folders.some((folder) => `${path}/`.startsWith(folder));
}

function instead(rule: FloorRule): string {
  const except = rule.mayNot ? `, but not ${rule.mayNot.join(', ')}` : '';
  return `only ${rule.may.join(', ')}${except}; a need from elsewhere is a port in machines/ports`;
}
