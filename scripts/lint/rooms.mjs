// Lint rule: every source file stands in a listed room and imports only rooms before it. It sees
// every way of naming another module, the computed ones as faults of their own.

import { belowSource, house, importFault, roomOf, within } from './house.mjs';

function text(node) {
  if (node?.type === 'Literal' && typeof node.value === 'string') return node.value;
  if (node?.type === 'TSLiteralType') return text(node.literal);
  if (node?.type === 'TemplateLiteral' && node.expressions.length === 0) {
    return node.quasis[0].value.cooked;
  }
  return undefined;
}

function isImportMeta(node, property) {
  return (
    node?.type === 'MemberExpression' &&
    node.object.type === 'MetaProperty' &&
    (node.property.name ?? text(node.property)) === property
  );
}

/** `require(x)`, `require.resolve(x)`, `module.require(x)`, `import.meta.resolve(x)`. */
function isResolver(callee) {
  if (callee.type === 'Identifier') return callee.name === 'require';
  if (isImportMeta(callee, 'resolve')) return true;
  if (callee.type !== 'MemberExpression') return false;
  const property = callee.property.name ?? text(callee.property);
  return property === 'require' || (property === 'resolve' && callee.object.name === 'require');
}

export const rooms = {
  meta: { type: 'problem', docs: { description: 'a room imports only rooms before it' } },
  create(context) {
    const path = belowSource(context.filename);
    if (path === undefined) return {};

    const check = (node, specifier) => {
      const fault = importFault(path, specifier);
      if (fault !== undefined) context.report({ node, message: fault });
    };
    const checkNamed = (node) => {
      const specifier = text(node.source ?? node.argument);
      if (specifier !== undefined) check(node, specifier);
    };
    const checkComputed = (node, argument) => {
      const specifier = text(argument);
      if (specifier !== undefined) check(node, specifier);
      else if (!house.computedImports.some((room) => within(path, room))) {
        context.report({ node, message: 'a computed module name hides which room is imported' });
      }
    };

    return {
      Program(node) {
        if (roomOf(path) === undefined) {
          context.report({ node, message: `\`${path}\` stands in no room of scripts/rooms.json` });
        }
        for (const comment of context.sourceCode.getAllComments()) {
          const named = /^\/\s*<reference\s+path=["']([^"']+)/.exec(comment.value);
          if (named !== null) check(comment, named[1].replace(/^(?!\.)/, './'));
        }
      },
      ImportDeclaration: checkNamed,
      ExportNamedDeclaration: checkNamed,
      ExportAllDeclaration: checkNamed,
      TSImportType: checkNamed,
      ImportExpression: (node) => checkComputed(node, node.source),
      TSExternalModuleReference: (node) => checkComputed(node, node.expression),
      CallExpression(node) {
        if (isResolver(node.callee)) checkComputed(node, node.arguments[0]);
      },
      NewExpression(node) {
        const [first, base] = node.arguments;
        if (node.callee.name !== 'URL' || !isImportMeta(base, 'url')) return;
        const specifier = text(first);
        if (specifier !== undefined && /\.[cm]?[jt]s$/.test(specifier)) {
          check(node, specifier.replace(/^(?!\.)/, './').replace(/\.[cm]?js$/, '.ts'));
        }
      },
    };
  },
};
