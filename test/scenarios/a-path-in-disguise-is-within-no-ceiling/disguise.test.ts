// The attack: a path that begins as the rule says and leads elsewhere, or one spelt so that the rule's
// matcher and the one that opens files read it differently; or the path in an argument nobody looks at.

import { expect, test } from 'vitest';

import type { JsonObject } from '../../../src/base/encoding/json.ts';
import { PolicyHolder } from '../../../src/decide/policy/policy-holder.ts';
import { parseCapabilities } from '../../../src/trust/lease/capability.ts';
import { inputOf, NOW, toolWith } from '../../support/decision.ts';

const definition = toolWith(
  {
    type: 'object',
    properties: {
      path: { type: 'string' },
      paths: { type: 'array', items: { type: 'string' } },
    },
  },
  'files_read',
);
const path = { glob: ['/data/**'], optional: true };
const holder = await PolicyHolder.open([
  { name: '1.cedar', text: 'permit (principal, action, resource);' },
  {
    name: '2.rules.json',
    text: JSON.stringify({
      rules: [
        {
          name: 'only-data',
          effect: 'deny',
          applies: 'both',
          unless: {
            ceiling: [
              { type: 'fs.read', paths: ['/data/**'] },
              { type: 'tool.call', tools: ['files_read'], arguments: { path, paths: path } },
            ],
          },
        },
      ],
    }),
  },
]);

function call(args: JsonObject): string {
  return holder.decide(inputOf(args, { definition })).kind;
}

function lease(paths: readonly string[]): string {
  const { kind } = holder.decideLease({
    tenant: 'default',
    principal: 'alice',
    agent: 'desk',
    task: 'x',
    reason: 'x',
    ttlSeconds: 60,
    capabilities: parseCapabilities([{ type: 'fs.read', paths }]),
    depth: 0,
    free: true,
    operator: false,
    now: NOW,
  });
  return kind;
}

const DISGUISED = [
  './data/../private/x',
  '/data/../private/x',
  '/data/a/../../private/x',
  '/data/./x',
  '/data//x',
  'data/x',
  '//data/x',
  String.raw`/data\..\private\x`,
  '/data/x\u0000/../../private',
  '/data/..',
  '/database/x',
  '/Data/x',
  '/{data,private}/x',
];

test('paths in plain form under the rule are within', () => {
  expect(call({ path: '/data/a/b' })).toBe('permit');
  expect(call({ paths: ['/data/a', '/data/{b,c}'] })).toBe('permit');
  expect(lease(['/data/**', '/data/{a,b}/*'])).toBe('granted');
});

test.each([...DISGUISED, '/data'])('%j as an argument is not', (disguised) => {
  expect(call({ path: disguised })).toBe('refused');
});

test.each(DISGUISED)('%j beside a good one is not', (disguised) => {
  expect(call({ path: '/data/a', paths: ['/data/a', disguised] })).toBe('refused');
});

test.each([...DISGUISED.map((each) => `${each}/**`), '/data*/**', '/**', '/*/x', '/dat*/**'])(
  'a lease for %j is refused, if it can be asked for at all',
  (disguised) => {
    const asked = (): string => lease([disguised]);
    let kind: string;
    try {
      kind = asked();
    } catch (thrown) {
      kind = (thrown as { readonly code?: string }).code ?? 'crash';
    }
    expect(['refused', 'malformed']).toContain(kind);
  },
);

test('a grant that reaches further than the rule is outside, whatever the arguments say', () => {
  const read = [{ host: '/srv', guest: '/data' }];
  expect(holder.decide(inputOf({ path: '/data/a' }, { definition, grant: { read } })).kind).toBe(
    'permit',
  );
  const wide = [...read, { host: '/srv/private', guest: '/private' }];
  const input = inputOf({ path: '/data/a' }, { definition, grant: { read: wide } });
  expect(holder.decide(input).kind).toBe('refused');
});
