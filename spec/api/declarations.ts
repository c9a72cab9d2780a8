import { execFileSync } from 'node:child_process';
import { realpathSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, relative } from 'node:path';
import ts from 'typescript';

/** An exported name of an entry of the package. */
export interface ApiExport {
  readonly name: string;
  /** Where it is declared, from the root, and as what: what is exported from several entries is one thing. */
  readonly origin: string;
  /** As a declaration file has it, without comments and without private members. */
  readonly declaration: string;
  /** The first paragraph of its docstring; empty where there is none. */
  readonly summary: string;
  /** Tagged `@internal`: exported for its neighbours in the package, and promised to nobody. */
  readonly isInternal: boolean;
  /** Its declaration says `any`. */
  readonly hasAny: boolean;
  /** The origins of what its declaration names and the package declares. */
  readonly mentions: readonly string[];
}

/** The declaration files of the package, as its compiler writes them for those who import it. */
export class Declarations {
  readonly #program: ts.Program;
  readonly #folder: string;
  readonly #printer = ts.createPrinter({ removeComments: true, newLine: ts.NewLineKind.LineFeed });

  /**
   * Runs the compiler that builds the package: a few seconds.
   * @param root of the package
   * @param folder an empty one, for the files
   * @param entries source files from the root, such as `transports/tcp.ts`
   */
  constructor(root: string, folder: string, entries: readonly string[]) {
    // Below `node_modules` of nobody: what the declarations import is of no interest here.
    this.#folder = realpathSync(folder);
    const compiler = join(createRequire(join(root, 'package.json')).resolve('@typescript/native/package.json'), '../bin/tsc');
    const emit = ['--emitDeclarationOnly', '--sourceMap', 'false', '--inlineSources', 'false', '--outDir', this.#folder];
    execFileSync(process.execPath, [compiler, '-p', '.config/tsconfig.build.json', ...emit], { cwd: root });
    const { NodeNext } = ts.ModuleKind;
    const options: ts.CompilerOptions = { noLib: true, types: [], module: NodeNext, target: ts.ScriptTarget.ES2022 };
    writeFileSync(join(this.#folder, 'package.json'), '{ "type": "module" }');
    this.#program = ts.createProgram(
      entries.map((entry) => this.#fileOf(entry)),
      options,
    );
  }

  /** What an entry exports, by name, in the order of the alphabet. */
  exportsOf(entry: string): readonly ApiExport[] {
    const checker = this.#program.getTypeChecker();
    const source = this.#program.getSourceFile(this.#fileOf(entry));
    const symbol = source === undefined ? undefined : checker.getSymbolAtLocation(source);
    if (symbol === undefined) throw new Error(`${entry} is no module`);
    const exported = checker.getExportsOfModule(symbol).map((each) => this.#exportOf(each, checker));
    return exported.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  #exportOf(symbol: ts.Symbol, checker: ts.TypeChecker): ApiExport {
    const declared = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
    const file = declared.declarations?.[0]?.getSourceFile();
    if (file === undefined) throw new Error(`${symbol.name} is declared nowhere in the package`);
    const statements = file.statements.filter((each) => isDeclarationOf(each, declared.name));
    const shown = statements.map(border);
    const summary = ts.displayPartsToString(declared.getDocumentationComment(checker)).split('\n\n')[0]!;
    return {
      name: symbol.name,
      origin: this.#originOf(declared),
      declaration: shown.map((each) => this.#printer.printNode(ts.EmitHint.Unspecified, each, file)).join('\n'),
      summary,
      isInternal: declared.getJsDocTags(checker).some(({ name }) => name === 'internal'),
      hasAny: shown.some(hasAny),
      mentions: [...new Set(statements.flatMap((each) => this.#mentionedIn(each, checker)))].sort(),
    };
  }

  #mentionedIn(node: ts.Node, checker: ts.TypeChecker): string[] {
    if ((ts.isClassElement(node) && isPrivate(node)) || isOfChart(node)) return [];
    const inner: string[] = [];
    ts.forEachChild(node, (child) => void inner.push(...this.#mentionedIn(child, checker)));
    const name = ts.isTypeReferenceNode(node)
      ? node.typeName
      : ts.isExpressionWithTypeArguments(node)
        ? node.expression
        : undefined;
    const found = name === undefined ? undefined : checker.getSymbolAtLocation(name);
    if (found === undefined || (found.flags & ts.SymbolFlags.TypeParameter) !== 0) return inner;
    const origin = this.#originOf(found.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(found) : found);
    return origin.startsWith('..') || origin === '' ? inner : [...inner, origin];
  }

  #originOf(symbol: ts.Symbol): string {
    const file = symbol.declarations?.[0]?.getSourceFile().fileName;
    return file === undefined ? '' : `${relative(this.#folder, file).split('\\').join('/')}#${symbol.name}`;
  }

  #fileOf(entry: string): string {
    return join(this.#folder, entry.replace(/\.ts$/, '.d.ts'));
  }
}

function isDeclarationOf(statement: ts.Statement, name: string): boolean {
  if (ts.isVariableStatement(statement))
    return statement.declarationList.declarations.some((each) => ts.isIdentifier(each.name) && each.name.text === name);
  const isNamed =
    ts.isFunctionDeclaration(statement) ||
    ts.isClassDeclaration(statement) ||
    ts.isInterfaceDeclaration(statement) ||
    ts.isTypeAliasDeclaration(statement);
  return isNamed && statement.name?.text === name;
}

/**
 * What of a declaration is anybody's business: members that are private are not. The type of a chart, which XState works out
 * from everything in it, is hundreds of lines that change with every state and every version; the drawings say it better.
 */
function border(statement: ts.Statement): ts.Statement {
  const { factory } = ts;
  const visit = (node: ts.Node): ts.Node | undefined => {
    if (ts.isClassElement(node) && isPrivate(node)) return undefined;
    if (isOfChart(node)) return factory.createTypeReferenceNode('StateMachine');
    return ts.visitEachChild(node, visit, undefined);
  };
  return ts.visitNode(statement, visit) as ts.Statement;
}

function isOfChart(node: ts.Node): boolean {
  if (ts.isTypeReferenceNode(node)) return node.typeName.getText() === 'StateMachine';
  return ts.isImportTypeNode(node) && node.qualifier?.getText() === 'StateMachine';
}

function isPrivate(member: ts.ClassElement): boolean {
  if (member.name !== undefined && ts.isPrivateIdentifier(member.name)) return true;
  return (ts.getCombinedModifierFlags(member) & ts.ModifierFlags.Private) !== 0;
}

function hasAny(node: ts.Node): boolean {
  return node.kind === ts.SyntaxKind.AnyKeyword || ts.forEachChild(node, (child) => hasAny(child) || undefined) === true;
}
