import ts from 'typescript';
import type { Complaint } from './inspect.js';

/** The files that may use private names of XState: one for its actors and snapshots, one for its actions. */
export const HOMES_OF_PRIVATE_NAMES: readonly string[] = [
  'machines/runtime/xstate-internals.ts',
  'machines/runtime/xstate-actions.ts',
];

/** Properties of XState's objects that its documentation does not have, besides all whose name begins with an underscore. */
const LISTED = new Set(
  ['historyValue', 'retryResolve', 'deferredActorIds', 'internalQueue', 'scheduler', 'assignment', 'getTransitionData'], // prettier-ignore
);
/** Where a file of `machines/` reads, writes, declares or destructures a private name of XState. */
export function privateNamesIn(file: string, text: string): readonly Complaint[] {
  if (!file.startsWith('machines/') || HOMES_OF_PRIVATE_NAMES.includes(file)) return [];
  return usesOf(file, text);
}

/** Fields that are handed to XState and never read from it, so that no version can lack them. */
const HANDED_OVER = new Set(['deferredActorIds', 'internalQueue']);

/** Every private name that the text reads, in whatever file. */
export function allPrivateNames(text: string): readonly string[] {
  return [...new Set(usesOf(HOMES_OF_PRIVATE_NAMES[0]!, text).map(({ found }) => found))]
    .filter((name) => !HANDED_OVER.has(name))
    .sort();
}

function usesOf(file: string, text: string): readonly Complaint[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const found: Complaint[] = [];
  const visit = (node: ts.Node): void => {
    const name = propertyNameOf(node);
    if (name !== undefined && (/^_[a-z]/.test(name) || LISTED.has(name))) {
      const line = source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1;
      found.push({ file, line, found: name, instead: `a function of ${HOMES_OF_PRIVATE_NAMES.join(' or ')} with a plain name` });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** The name of a property where a node uses or declares one; parameters and variables may begin with an underscore. */
function propertyNameOf(node: ts.Node): string | undefined {
  if (ts.isPropertyAccessExpression(node)) return node.name.text;
  if (ts.isElementAccessExpression(node) && ts.isStringLiteralLike(node.argumentExpression)) return node.argumentExpression.text;
  if (ts.isIndexedAccessTypeNode(node) && ts.isLiteralTypeNode(node.indexType) && ts.isStringLiteral(node.indexType.literal))
    return node.indexType.literal.text;
  if (ts.isBindingElement(node) && ts.isObjectBindingPattern(node.parent)) {
    const name = node.propertyName ?? node.name;
    return ts.isIdentifier(name) || ts.isStringLiteral(name) ? name.text : undefined;
  }
  if (
    ts.isPropertyAssignment(node) ||
    ts.isPropertySignature(node) ||
    ts.isPropertyDeclaration(node) ||
    ts.isMethodDeclaration(node)
  )
    return ts.isIdentifier(node.name) || ts.isStringLiteral(node.name) ? node.name.text : undefined;
  return ts.isShorthandPropertyAssignment(node) ? node.name.text : undefined;
}
