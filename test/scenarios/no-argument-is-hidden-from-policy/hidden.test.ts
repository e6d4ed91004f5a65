// In a predecessor only the mapped argument was checked: `{path: allowed, paths: [...]}` went through.

import { expect, test } from 'vitest';

import { holderOf, inputOf, PERMIT_ALL, toolWith } from '../../support/decision.ts';

const definition = toolWith({
  type: 'object',
  properties: {
    path: { type: 'string' },
    filter: { type: ['object', 'string'] },
    at: { type: 'object', properties: { line: { type: 'integer' } } },
  },
});

const STRICT = 'forbid (principal, action, resource) unless { context.argsUnmapped.isEmpty() };';

test.each([
  ['a member the schema does not name', { path: '/a', paths: ['/etc/shadow'] }, '/paths'],
  ['one inside an object', { at: { line: 1, path: '/etc/shadow' } }, '/at/path'],
  ['a value of a type Cedar has not', { filter: { path: '/etc/shadow' } }, '/filter'],
  ['a name that is a pointer’s syntax', { 'a/b~c': 1 }, '/a~1b~0c'],
  ['a name of Cedar’s own syntax', { __extn: { fn: 'ip', arg: '10.0.0.1' } }, '/__extn'],
])('%s is named in argsUnmapped', async (_, args, pointer) => {
  const strict = await holderOf(PERMIT_ALL, STRICT);
  expect(strict.decide(inputOf(args, { definition })).kind).toBe('refused');
  const exact = await holderOf(
    `permit (principal, action, resource) when { context.argsUnmapped == ["${pointer}"] };`,
  );
  expect(exact.decide(inputOf(args, { definition })).kind).toBe('permit');
});

test('and stands in argsJson as the tool gets it', async () => {
  const holder = await holderOf(
    PERMIT_ALL,
    'forbid (principal, action, resource) when { context.argsJson like "*/etc/shadow*" };',
  );
  const seen = (args: Record<string, string[]>): string =>
    holder.decide(inputOf(args, { definition })).kind;
  expect(seen({ paths: ['/etc/hosts'] })).toBe('permit');
  expect(seen({ paths: ['/etc/shadow'] })).toBe('refused');
});

test('a call with nothing hidden passes the strict rule', async () => {
  const strict = await holderOf(PERMIT_ALL, STRICT);
  const args = { path: '/a', at: { line: 1 } };
  expect(strict.decide(inputOf(args, { definition })).kind).toBe('permit');
});
