import fc from 'fast-check';
import { expect, test } from 'vitest';

import { argumentMapping } from '../../../../src/decide/policy/argument-mapping.ts';
import { loadCedar } from '../../../../src/decide/policy/cedar.ts';
import { cedarSchema } from '../../../../src/decide/policy/cedar-schema.ts';
import { questionOf } from '../../../../src/decide/policy/question.ts';
import { reachOf } from '../../../../src/decide/policy/reach.ts';
import { ECHO, inputOf, leaseOf, PERMIT_ALL, toolWith } from '../../../support/decision.ts';

const EVERYTHING = { context: 'all', lease: 'all', principal: true, resource: true } as const;

test('every question a call can become is one that Cedar itself holds to fit the schema', async () => {
  const cedar = await loadCedar();
  const schema = cedarSchema([ECHO, toolWith({ type: 'object' }, 'other')]);
  const args = fc.record(
    {
      text: fc.string({ unit: 'grapheme' }),
      count: fc.maxSafeInteger(),
      ratio: fc.integer().map((n) => n / 8),
      tags: fc.array(fc.string()),
      at: fc.record({ path: fc.string() }),
      extra: fc.constant(null),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(args, fc.boolean(), (given, approved) => {
      const input = inputOf(given, {
        grant: { categories: given.tags === undefined ? [] : ['payments', 'web'] },
        lease: leaseOf(undefined, given.text === undefined ? {} : { task: given.text }),
        circumstances: given.count === undefined ? {} : { usesLeft: given.count, budgetLeft: 7 },
      });
      const reach = reachOf(input.installation.grant, input.lease.claims.authorization_details);
      const answer = cedar.isAuthorized({
        ...questionOf(EVERYTHING, input, reach, approved),
        entities: [...questionOf(EVERYTHING, input, reach, approved).entities],
        schema,
        validateRequest: true,
        policies: { staticPolicies: PERMIT_ALL },
      });
      expect(answer).toMatchObject({ type: 'success', response: { decision: 'allow' } });
    }),
    { numRuns: 60 },
  );
});

test('what of a schema Cedar can see, and why not the rest', () => {
  const { root, unmapped } = argumentMapping({
    type: 'object',
    properties: {
      s: { type: 'string', enum: ['a'] },
      n: { type: 'number' },
      maybe: { type: ['string', 'null'] },
      any: {},
      yes: true,
      mixed: { type: 'array', items: { type: 'object' } },
      tuple: { type: 'array', prefixItems: [{ type: 'integer' }], items: { type: 'string' } },
      ints: { type: 'array', items: { type: 'integer' } },
      deep: { type: 'object', properties: { x: { type: 'boolean' } }, required: ['x'] },
      __extn: { type: 'string' },
      __proto__x: { type: 'string' },
    },
    required: ['s'],
  });
  expect([...root.members.keys()]).toEqual(['s', 'ints', 'deep', '__proto__x']);
  expect(root.members.get('s')?.required).toBe(true);
  expect(unmapped.map(({ pointer }) => pointer)).toEqual([
    '/n',
    '/maybe',
    '/any',
    '/yes',
    '/mixed',
    '/tuple',
    '/deep/*',
    '/__extn',
    '/*',
  ]);
});

test('a member named `__proto__` is mapped like any other', async () => {
  const cedar = await loadCedar();
  const inputSchema = JSON.parse(
    '{"type":"object","properties":{"__proto__":{"type":"string"},"constructor":{"type":"integer"}}}',
  ) as typeof ECHO.inputSchema;
  const schema = cedarSchema([toolWith(inputSchema)]);
  const staticPolicies =
    'permit (principal, action in Action::"call", resource) when { context.args has "__proto__" && context.args["__proto__"] == "x" && context.args has constructor && context.args.constructor == 1 };';
  const answer = cedar.validate({ schema, policies: { staticPolicies } });
  expect(answer).toMatchObject({ type: 'success', validationErrors: [] });
});

test('of tools of one name in two tenants only what they share is typed', () => {
  const one = toolWith({
    type: 'object',
    properties: { a: { type: 'string' }, b: { type: 'string' }, c: { type: 'string' } },
    required: ['a', 'b'],
  });
  const other = toolWith({
    type: 'object',
    properties: { a: { type: 'string' }, b: { type: 'integer' }, d: { type: 'string' } },
  });
  const schema = JSON.stringify(cedarSchema([one, other])['']?.actions['call:text_echo']);
  expect(schema).toContain(
    '"args":{"type":"Record","attributes":{"a":{"type":"String","required":false}}}',
  );
});
