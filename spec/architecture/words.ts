import ts from 'typescript';

/** Words that documents, comments, messages and titles of tests do not use, and what to write instead. */
export interface ForbiddenWords {
  readonly pattern: RegExp;
  readonly instead: string;
}

export const forbiddenWords: readonly ForbiddenWords[] = [
  {
    pattern: /\b(whoever|whomever|whosoever|somebody|someone|nobody|no one|anybody|everybody)\b/gi,
    instead: 'the role: the peer, the caller, an attacker, a user, another process',
  },
  {
    pattern: /\b(?:is|are|was|were|be|been|being) told\b/gi,
    instead: 'the event, the error or the call: "gets `peer-lost-session`", "the event names it", "is distinguished"',
  },
  { pattern: /\b(hear|hears|heard|unheard)\b/gi, instead: 'gets, receives, reads' },
  { pattern: /\b(judge|judges|judged|judging|judgement|verdicts?)\b/gi, instead: 'decides, checks, the result' },
  { pattern: /\b(affairs?|wish|wishes|wished)\b/gi, instead: 'the request, the registration, or nothing' },
  { pattern: /\b(doors?|knocks?|knocked|desks?)\b/gi, instead: 'the listener, the hello, the connection manager' },
  {
    pattern: /(?<=^|[.!?:|] )(?:Who|Whom|What|Whatever)\b(?![^.!?]*\?)/gm,
    instead: 'a noun as the subject: "A caller that …", "Events from …"',
  },
];

/** Words that no name contains, in any folder: a private term of the past and the field's term for it. */
export const forbiddenInNames: ReadonlyMap<string, string> = new Map([
  ['abroad', 'not queued'],
  ['affair', 'request'],
  ['apart', 'disconnected'],
  ['bench', 'context, rig'],
  ['bury', 'stop'],
  ['deaf', 'ignoring input'],
  ['departing', 'closingRemote'],
  ['desk', 'manager, responder'],
  ['door', 'listener, pending accepts'],
  ['gatherer', 'deferred'],
  ['greet', 'send the hello'],
  ['greeting', 'handshake, hello'],
  ['greeted', 'handshake done'],
  ['guest', 'deferred connection'],
  ['hopeless', 'all dials failed'],
  ['hush', 'clear'],
  ['judge', 'authorizer, check'],
  ['judged', 'checked'],
  ['knock', 'client hello, dial'],
  ['lane', 'link'],
  ['laned', 'with links'],
  ['lean', 'compact'],
  ['letter', 'signed message'],
  ['mail', 'signaling'],
  ['nobody', 'none'],
  ['outlet', 'sender, output'],
  ['parted', 'closed'],
  ['parting', 'closing'],
  ['road', 'route'],
  ['signalling', 'signaling'],
  ['sleeper', 'timer'],
  ['somebody', 'the role'],
  ['someone', 'the role'],
  ['spoil', 'corrupt'],
  ['spoilt', 'corrupt'],
  ['strayed', 'unknown session'],
  ['swift', 'precomputed'],
  ['tally', 'counts, tracker'],
  ['tenancy', 'binding'],
  ['verdict', 'result'],
  ['whoever', 'the role'],
  ['wish', 'target, request'],
]);

/** In names of the product. */
export const forbiddenInProductNames: ReadonlyMap<string, string> = new Map([
  ...forbiddenInNames,
  ['hear', 'receive'],
  ['heard', 'received'],
]);

export interface FoundWord {
  readonly line: number;
  readonly found: string;
  readonly instead: string;
}

/** Finds forbidden words in prose. Lines are counted from 1. */
export function wordsIn(prose: string): FoundWord[] {
  return forbiddenWords
    .flatMap(({ pattern, instead }) =>
      [...prose.matchAll(pattern)].map((match) => ({ line: lineOf(prose, match.index), found: match[0], instead })),
    )
    .sort((a, b) => a.line - b.line);
}

/** The prose of a Markdown page: code, targets of links and headings are blank, lines stay where they are. */
export function proseOfPage(text: string): string {
  return text
    .replace(/<!--[^]*?-->|^```[^]*?^```$|`[^`]*`|\]\([^)\s]*\)|^#+ .*$|^<[^>]*>$/gm, blank)
    .replace(/\*\*[A-Z]+-\d+\*\*|[*[\]]/g, '')
    .replace(/ \| /g, ' | \u0000')
    .replace(/^[\s|-]*?(?=[^\s|-])/gm, (start) => start.replace(/[^\n]/g, ''))
    .replace(/\u0000 */g, '');
}

/** The prose of a program: docstrings of what it exports and of their members, as blank lines elsewhere. */
export function docstringsOf(text: string): string {
  const source = ts.createSourceFile('a.ts', text, ts.ScriptTarget.Latest, true);
  const kept: ts.TextRange[] = [];
  const keep = (node: ts.Node): void => {
    for (const each of ts.getJSDocCommentsAndTags(node)) if (ts.isJSDoc(each)) kept.push({ pos: each.pos, end: each.end });
  };
  for (const statement of source.statements) {
    const isExported =
      ts.canHaveModifiers(statement) && ts.getModifiers(statement)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword);
    if (!isExported) continue;
    keep(statement);
    const membered = ts.isClassDeclaration(statement) || ts.isInterfaceDeclaration(statement) ? statement.members : [];
    for (const member of membered) if (!ts.isPrivateIdentifier(member.name ?? source)) keep(member);
  }
  return keptIn(text, kept)
    .replace(/`[^`]*`/g, blank)
    .replace(/^(\s*\/?\*+\/?)/gm, blank)
    .replace(/^ +/gm, '');
}

/** All comments of a program, docstrings among them. Each comment begins a sentence. */
export function commentsOf(text: string): string {
  const source = ts.createSourceFile('a.ts', text, ts.ScriptTarget.Latest, true);
  let masked = text;
  const visit = (node: ts.Node): void => {
    if (ts.isStringLiteralLike(node) || ts.isRegularExpressionLiteral(node) || isTemplatePart(node))
      masked = masked.slice(0, node.getStart()) + blank(text.slice(node.getStart(), node.end)) + masked.slice(node.end);
    else ts.forEachChild(node, visit);
  };
  visit(source);
  const kept = [...masked.matchAll(/\/\*[^]*?\*\/|\/\/.*/g)].map(({ 0: found, index }) => ({
    pos: index,
    end: index + found.length,
  }));
  return keptIn(text, kept)
    .replace(/`[^`\n]*`/g, blank)
    .replace(/\/\/|\/\*+/g, '.')
    .replace(/\*+\/?/g, blank)
    .replace(/^ +/gm, '');
}

/** The titles of a test file, without their rule numbers: one line for each, as blank lines elsewhere. */
export function titlesOf(text: string): string {
  const source = ts.createSourceFile('a.spec.ts', text, ts.ScriptTarget.Latest, true);
  const kept: ts.TextRange[] = [];
  const visit = (node: ts.Node): void => {
    const title = titleOf(node);
    if (title !== undefined) kept.push({ pos: title.getStart() + 1, end: title.end - 1 });
    ts.forEachChild(node, visit);
  };
  visit(source);
  return keptIn(text, kept).replace(/^ +/gm, '').replace(RULES, '');
}

/** The titles that are in no `describe`, without their rule numbers. */
export function topTitlesOf(text: string): { readonly line: number; readonly title: string }[] {
  const source = ts.createSourceFile('a.spec.ts', text, ts.ScriptTarget.Latest, true);
  const found: { line: number; title: string }[] = [];
  const visit = (node: ts.Node): void => {
    const title = titleOf(node);
    if (title === undefined) return ts.forEachChild(node, visit);
    found.push({ line: lineOf(text, title.getStart()), title: title.getText().slice(1, -1).replace(RULES, '') });
  };
  visit(source);
  return found;
}

/** Rule numbers in front of a title. */
const RULES = /^(?:\[[^\]\n]*\] )+/gm;

function titleOf(node: ts.Node): ts.StringLiteralLike | ts.TemplateExpression | undefined {
  const title = ts.isCallExpression(node) && isTest(node.expression) ? node.arguments[0] : undefined;
  return title !== undefined && (ts.isStringLiteralLike(title) || ts.isTemplateExpression(title)) ? title : undefined;
}

/** `test`, `it` or `describe`, also with `each`, `skip` and their like behind. */
function isTest(expression: ts.Expression): boolean {
  if (ts.isIdentifier(expression)) return ['describe', 'it', 'test'].includes(expression.text);
  if (ts.isTaggedTemplateExpression(expression)) return isTest(expression.tag);
  return (ts.isCallExpression(expression) || ts.isPropertyAccessExpression(expression)) && isTest(expression.expression);
}

function isTemplatePart(node: ts.Node): boolean {
  return [ts.SyntaxKind.TemplateHead, ts.SyntaxKind.TemplateMiddle, ts.SyntaxKind.TemplateTail].includes(node.kind);
}

/** The texts that a program prints or throws: its strings with more than one word. */
export function messagesOf(text: string): string {
  const source = ts.createSourceFile('a.ts', text, ts.ScriptTarget.Latest, true);
  const kept: ts.TextRange[] = [];
  const visit = (node: ts.Node): void => {
    const isText = ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node) || isTemplatePart(node);
    if (isText && / /.test(node.getText())) kept.push({ pos: node.getStart() + 1, end: node.end - 1 });
    ts.forEachChild(node, visit);
  };
  visit(source);
  return keptIn(text, kept).replace(/^ +/gm, '');
}

/** Removes all but the ranges; lines stay where they are. */
function keptIn(text: string, ranges: readonly ts.TextRange[]): string {
  let at = 0;
  let result = '';
  for (const { pos, end } of [...ranges].sort((a, b) => a.pos - b.pos)) {
    if (pos < at) continue;
    result += text.slice(at, pos).replace(/[^\n]/g, ' ') + text.slice(pos, end);
    at = end;
  }
  return result + text.slice(at).replace(/[^\n]/g, ' ');
}

const blank = (text: string): string => text.replace(/[^\n]/g, ' ');
const lineOf = (text: string, index: number): number => text.slice(0, index).split('\n').length;

interface FoundName {
  readonly line: number;
  readonly name: string;
}

/** What a program declares: its variables, functions, types, members, parameters, and the `type` of its events. */
export function namesIn(text: string): { readonly names: readonly FoundName[]; readonly deprecated: readonly string[] } {
  const source = ts.createSourceFile('a.ts', text, ts.ScriptTarget.Latest, true);
  const names: FoundName[] = [];
  const deprecated: string[] = [];
  const visit = (node: ts.Node, isFormer: boolean): void => {
    const former = isFormer || isDeprecated(node);
    for (const { at, name } of namesOf(node)) {
      if (former) deprecated.push(name);
      else names.push({ line: lineOf(text, at), name });
    }
    ts.forEachChild(node, (child) => visit(child, former));
  };
  visit(source, false);
  return { names, deprecated };
}

/** Only its own tag: `getJSDocDeprecatedTag` would find that of a declaration around it as well. */
function isDeprecated(node: ts.Node): boolean {
  const last = ts.getLeadingCommentRanges(node.getSourceFile().text, node.pos)?.at(-1);
  return last !== undefined && node.getSourceFile().text.slice(last.pos, last.end).includes('@deprecated');
}

function namesOf(node: ts.Node): { readonly at: number; readonly name: string }[] {
  const { name } = node as ts.NamedDeclaration;
  const isDeclared = name !== undefined && !ts.isPropertyAccessExpression(node) && !ts.isMetaProperty(node);
  const own = isDeclared && (ts.isIdentifier(name) || ts.isPrivateIdentifier(name) || ts.isStringLiteral(name));
  const event = own && ts.isIdentifier(name) && name.text === 'type' ? typeOf(node) : undefined;
  return [...(own ? [name] : []), ...(event === undefined ? [] : [event])].map((each) => ({
    at: each.getStart(),
    name: each.text,
  }));
}

/** The `x` of `type: 'x'`, in a type or in a value. */
function typeOf(node: ts.Node): ts.StringLiteral | undefined {
  const value = ts.isPropertyAssignment(node)
    ? node.initializer
    : ts.isPropertySignature(node) && node.type !== undefined && ts.isLiteralTypeNode(node.type)
      ? node.type.literal
      : undefined;
  return value !== undefined && ts.isStringLiteral(value) ? value : undefined;
}

/** The forbidden words of a name, in the singular: `#lettersOf`, `LETTERS_MAX` and `letter.known` have the word `letter`. */
export function forbiddenIn(name: string, forbidden: ReadonlyMap<string, string>): string[] {
  return name
    .replace(/([a-z0-9])([A-Z])|([A-Z])([A-Z][a-z])/g, '$1$3 $2$4')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .flatMap((word) => [word, word.replace(/s$/, '')].filter((each, at) => (at === 0 || each !== word) && forbidden.has(each)));
}
