/**
 * Tests run as CommonJS, where `import.meta` is a syntax error. This ts-jest transformer writes what CommonJS calls the same
 * thing: `import.meta.url`, `.filename` and `.dirname` become values made of `__filename` and `__dirname`.
 */
const ts = require('typescript');

const replacements = {
  url: "require('node:url').pathToFileURL(__filename).href",
  filename: '__filename',
  dirname: '__dirname',
};

module.exports = {
  name: 'import-meta',
  version: 1,
  factory: () => (context) => (source) => {
    const visit = (node) => {
      if (ts.isPropertyAccessExpression(node) && ts.isMetaProperty(node.expression)) {
        const replacement = replacements[node.name.text];
        if (replacement) return ts.factory.createIdentifier(replacement);
      }
      return ts.visitEachChild(node, visit, context);
    };
    return ts.visitNode(source, visit);
  },
};
