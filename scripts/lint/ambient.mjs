// Lint rule: clock, randomness and environment are handed in. Where each may be taken from the air
// is listed under `ambient` in scripts/rooms.json.

import { belowSource, isNodeFree, mayUse } from './house.mjs';

const RANDOM = new Set([
  'randomBytes',
  'randomFill',
  'randomFillSync',
  'randomInt',
  'randomUUID',
  'randomUUIDv7',
  'getRandomValues',
]);
const TIMERS = new Set(['setTimeout', 'setInterval', 'setImmediate', 'performance']);
const NODE_ONLY = new Set(['Buffer', 'process', 'global', 'require', 'setImmediate']);
const GLOBALS = new Set(['globalThis', 'global', 'self', 'window']);

const MODULES = new Map([
  ['process', 'environment'],
  ['perf_hooks', 'timer'],
  ['timers', 'timer'],
  ['timers/promises', 'timer'],
]);

function propertyOf(node) {
  if (node?.type !== 'MemberExpression') return undefined;
  if (!node.computed) return node.property.name;
  return node.property.type === 'Literal' ? String(node.property.value) : undefined;
}

/** The member expression that reads a property of `node`, if that is how `node` is used. */
function readOf(node) {
  return node.parent?.type === 'MemberExpression' && node.parent.object === node
    ? node.parent
    : undefined;
}

function kindOfDate(node) {
  const { parent } = node;
  if (parent.type === 'NewExpression' && parent.callee === node && parent.arguments.length > 0) {
    return undefined;
  }
  if (parent.type === 'BinaryExpression' && parent.operator === 'instanceof') return undefined;
  if (['parse', 'UTC', 'prototype'].includes(propertyOf(readOf(node)))) return undefined;
  return 'wall clock';
}

/** The kind of ambient thing that a reference to the global `name` at `node` is, if it is one. */
function kindOf(name, node) {
  const property = propertyOf(readOf(node));
  const whole = readOf(node) === undefined;
  if (GLOBALS.has(name)) return property === undefined ? undefined : kindOf(property, readOf(node));
  if (name === 'Date') return kindOfDate(node);
  if (name === 'Temporal') return whole || property === 'Now' ? 'wall clock' : undefined;
  if (TIMERS.has(name)) return 'timer';
  if (name === 'Math') return whole || property === 'random' ? 'weak randomness' : undefined;
  if (name === 'crypto') return whole || RANDOM.has(property) ? 'randomness' : undefined;
  if (name === 'process') {
    if (property === 'hrtime') return 'timer';
    return whole || property === 'env' ? 'environment' : undefined;
  }
  return undefined;
}

export const ambient = {
  meta: { type: 'problem', docs: { description: 'clock, randomness, environment are handed in' } },
  create(context) {
    const path = belowSource(context.filename);
    if (path === undefined) return {};

    const report = (node, kind) => {
      if (kind === undefined || mayUse(path, kind)) return;
      context.report({ node, message: `ambient ${kind} in \`${path}\`: it is handed in here` });
    };

    return {
      Identifier(node) {
        if (!context.sourceCode.isGlobalReference(node)) return;
        if (isNodeFree(path) && NODE_ONLY.has(node.name)) {
          const message = `\`${path}\` must run without Node and may not use \`${node.name}\``;
          context.report({ node, message });
        }
        report(node, kindOf(node.name, node));
      },
      MemberExpression(node) {
        const global =
          node.object.type === 'Identifier' && context.sourceCode.isGlobalReference(node.object);
        if (!global && RANDOM.has(propertyOf(node))) report(node, 'randomness');
      },
      ImportDeclaration(node) {
        const name = node.source.value.replace(/^node:/, '');
        if (node.importKind === 'type') return;
        report(node, MODULES.get(name));
        if (name !== 'crypto') return;
        for (const specifier of node.specifiers) {
          if (RANDOM.has(specifier.imported?.name)) report(specifier, 'randomness');
        }
      },
    };
  },
};
