import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { defaultLimits } from '../../../../src/catalog/grant.ts';
import type { Grant, NetRule } from '../../../../src/catalog/installation.ts';
import { parseSecretRule } from '../../../../src/catalog/secret-rule.ts';
import {
  type ApprovalTerms,
  type GivenTerms,
  narrowReach,
  parseTerms,
} from '../../../../src/decide/policy/approval-terms.ts';
import { type Reach, reachOf } from '../../../../src/decide/policy/reach.ts';
import { compileRules } from '../../../../src/reach/egress/rules.ts';
import { parseTarget } from '../../../../src/reach/egress/target.ts';
import { covers } from '../../../../src/trust/lease/action.ts';
import type { Capability } from '../../../../src/trust/lease/lease.ts';
import {
  ALL_CAPABILITIES,
  holderOf,
  inputOf,
  installed,
  leaseOf,
  NOW,
  PERMIT_ALL,
} from '../../../support/decision.ts';

const hosts = ['a.example.com', 'b.example.com', '*.example.com', 'other.org'];
const globs = ['/**', '/v1/**', '/v1/*', '/v1/items', '/v2/**'];
const methods = ['GET', 'POST', '*'];
const directories = ['/data', '/data/in', '/out'];
const some = <T>(values: readonly T[]): fc.Arbitrary<T[]> =>
  fc.subarray([...values], { minLength: 1 });

const netRule: fc.Arbitrary<NetRule> = fc.record({
  methods: some(methods),
  scheme: fc.constant('https' as const),
  host: fc.constantFrom(...hosts),
  port: fc.constant(443),
  path: fc.constantFrom(...globs),
});
const grants: fc.Arbitrary<Partial<Grant>> = fc.record({
  allowNet: fc.array(netRule, { maxLength: 3 }),
  denyNet: fc.array(netRule, { maxLength: 1 }),
  read: fc.subarray(directories.map((guest) => ({ host: `/srv${guest}`, guest }))),
  write: fc.subarray(directories.map((guest) => ({ host: `/srv${guest}`, guest }))),
  kv: fc.boolean(),
  secrets: fc.subarray(
    ['ONE', 'TWO'].map((name) => parseSecretRule(`${name}@GET,https://a.example.com/**:x-key`)),
  ),
});
const times = fc.record(
  { notBefore: fc.constantFrom(1, NOW / 1000 + 60), notAfter: fc.constant(NOW / 1000 + 120) },
  { requiredKeys: [] },
);
const capability: fc.Arbitrary<object> = fc
  .tuple(
    fc.oneof(
      fc.record({
        type: fc.constant('http.call'),
        methods: some(methods),
        origins: some(['*', 'https://a.example.com', 'https://*.example.com', 'https://other.org']),
        paths: some(globs),
      }),
      fc.record({
        type: fc.constantFrom('fs.read', 'fs.write'),
        paths: some(['/**', '/data/**', '/out/**', '/data/in/**']),
      }),
      fc.record({ type: fc.constant('credential'), names: some(['ONE', 'TWO', 'THREE']) }),
    ),
    times,
  )
  .map(([what, when]) => ({ ...what, ...when }));
const given: fc.Arbitrary<GivenTerms> = fc.record(
  {
    capabilities: fc.array(capability, { maxLength: 3 }),
    without: fc.subarray(['net', 'write', 'kv', 'secrets']),
    limits: fc.subarray([
      '--max-output=2KiB',
      '--max-net=1GiB',
      '--max-requests=1',
      '--timeout=1s',
    ]),
  },
  { requiredKeys: [] },
);

const requests = ['GET', 'POST', 'PUT'].flatMap((method) =>
  ['https://a.example.com', 'https://b.example.com', 'https://x.a.example.com', 'https://other.org']
    .flatMap((origin) => ['/', '/v1/items', '/v1/items/1', '/v2/x'].map((path) => origin + path))
    .map((url) => ({ method, url })),
);

/** What a reach really lets through, by the matcher that egress uses. */
function letsThrough(reach: Reach): ReadonlySet<string> {
  const rules = compileRules(reach.allowNet, reach.denyNet);
  const open = requests.filter(({ method, url }) => rules.coversRequest(method, parseTarget(url)));
  return new Set(open.map(({ method, url }) => `${method} ${url}`));
}

describe('whatever the terms', () => {
  test('the reach with them lies within the reach without, and within each of them', () => {
    const wideLease: readonly Capability[] = [
      ...ALL_CAPABILITIES,
      { type: 'credential', names: ['ONE', 'TWO'] },
    ];
    fc.assert(
      fc.property(grants, fc.array(given, { minLength: 1, maxLength: 3 }), (grant, all) => {
        const wide = reachOf(installed(grant).grant, wideLease);
        const terms = all.flatMap((each) => parseTerms(each) ?? []);
        const narrow = narrowReach(wide, terms, NOW);
        const before = letsThrough(wide);
        for (const asked of letsThrough(narrow)) {
          expect(before).toContain(asked);
          const [method = '', url = ''] = asked.split(' ');
          for (const { capabilities, without = [] } of terms) {
            expect(without).not.toContain('net');
            if (capabilities === undefined) continue;
            expect(covers(capabilities, { type: 'http.call', method, url }, NOW)).toBe(true);
          }
        }
        expect(narrow.denyNet).toEqual(wide.denyNet);
        for (const part of ['read', 'write', 'secrets'] as const) {
          expect(wide[part]).toEqual(expect.arrayContaining([...narrow[part]]));
        }
        for (const { capabilities, without = [] } of terms) {
          for (const [part, type] of [
            ['read', 'fs.read'],
            ['write', 'fs.write'],
          ] as const) {
            for (const { guest } of capabilities === undefined ? [] : narrow[part]) {
              const path = `${guest}/deep/x`;
              expect(covers(capabilities ?? [], { type, path }, NOW)).toBe(true);
            }
          }
          if (without.includes('write')) expect(narrow.write).toEqual([]);
          if (without.includes('secrets')) expect(narrow.secrets).toEqual([]);
          if (without.includes('kv')) expect(narrow.kv).toBe(false);
        }
        expect(!narrow.kv || wide.kv).toBe(true);
        for (const [name, limit] of Object.entries(narrow.limits)) {
          expect(limit).toBeLessThanOrEqual(wide.limits[name as keyof typeof wide.limits]);
        }
        const { env, config, unsafeNoJail } = narrow;
        expect({ env, config, unsafeNoJail }).toEqual({
          env: wide.env,
          config: wide.config,
          unsafeNoJail: wide.unsafeNoJail,
        });
      }),
      { numRuns: 1000 },
    );
  });
});

describe('terms as they are given', () => {
  test('nothing is no terms; the same terms, read twice, are the same', () => {
    expect(parseTerms({})).toBe(undefined);
    expect(parseTerms({ without: [], limits: [] })).toBe(undefined);
    const terms = { without: ['kv', 'net'], limits: ['--max-output', '2KiB'], withinSeconds: 60 };
    expect(parseTerms(terms)).toEqual({
      without: ['net', 'kv'],
      limits: { outputBytes: 2048 },
      withinSeconds: 60,
    });
  });

  test('an empty list of capabilities is nothing, not everything', () => {
    const wide = reachOf(
      installed({ read: [{ host: '/srv', guest: '/data' }] }).grant,
      ALL_CAPABILITIES,
    );
    expect(wide.read).toHaveLength(1);
    const terms = parseTerms({ capabilities: [] });
    expect(narrowReach(wide, terms === undefined ? [] : [terms], NOW).read).toEqual([]);
  });

  test.each<[string, GivenTerms]>([
    ['an unknown part', { without: ['files'] }],
    ['a grant', { limits: ['--allow-kv'] }],
    ['a limit that is not lowered so', { limits: ['--max-memory', '1MiB'] }],
    ['a limit that is none', { limits: ['--max-output', 'lots'] }],
    ['no time', { withinSeconds: 0 }],
    ['half a second', { withinSeconds: 0.5 }],
    ['longer than a yes holds', { withinSeconds: 601 }],
    ['what the call is', { capabilities: [{ type: 'tool.call', tools: ['*'] }] }],
    ['what it costs', { capabilities: [{ type: 'spend', currency: 'EUR', amount: 1 }] }],
    ['a misspelt member', { capabilities: [{ type: 'fs.read', path: ['/**'] }] }],
    ['capabilities that are none', { capabilities: 'fs.read' }],
  ])('%s is refused', (_, terms) => {
    expect(() => parseTerms(terms)).toThrow();
  });
});

describe('a decision with terms', () => {
  const ASK = `@approval("it keeps data")
forbid (principal, action in Action::"call", resource)
when { context.reach.kv || context.reach.read } unless { context.approved };`;
  const yes = (input: { call: { digest: string } }, ...terms: ApprovalTerms[]) =>
    ({ id: 'appr_1', digest: input.call.digest, persons: 1, terms }) as const;
  const grant = { kv: true, read: [{ host: '/srv', guest: '/data' }] };

  test('permits no more than they say, and counts as approved though less would not have asked', async () => {
    const holder = await holderOf(PERMIT_ALL, ASK);
    const input = inputOf({}, { grant });
    const approval = yes(input, { without: ['kv'] }, { capabilities: [] });
    const decision = holder.decide({ ...input, approval });
    if (decision.kind !== 'permit') throw new Error(decision.kind);
    expect(decision.approval).toBe('appr_1');
    expect(decision.permit.terms).toMatchObject({ kv: false, read: [] });
  });

  test('is refused when policies allow the whole but not what is left', async () => {
    const holder = await holderOf(
      'permit (principal, action, resource) when { context.reach.read };',
      ASK,
    );
    const input = inputOf({}, { grant });
    expect(holder.decide({ ...input, approval: yes(input) }).kind).toBe('permit');
    const narrowed = yes(input, { capabilities: [] });
    expect(holder.decide({ ...input, approval: narrowed }).kind).toBe('refused');
  });

  test('ends with the first capability of the terms', async () => {
    const holder = await holderOf(PERMIT_ALL, ASK);
    const input = inputOf({}, { grant, lease: leaseOf() });
    const read = { type: 'fs.read', paths: ['/**'], notAfter: NOW / 1000 + 3 } as const;
    const decision = holder.decide({ ...input, approval: yes(input, { capabilities: [read] }) });
    if (decision.kind !== 'permit') throw new Error(decision.kind);
    expect(decision.permit.terms.expiresAt).toBe(NOW + 3000);
  });

  test('asks when fewer said yes than the policies of now take', async () => {
    const holder = await holderOf(PERMIT_ALL, ASK.replace('forbid', '@approvals("2")\nforbid'));
    const input = inputOf({}, { grant });
    const kindWith = (persons: number): string =>
      holder.decide({ ...input, approval: { ...yes(input), persons } }).kind;
    expect([0, 1, 2, 3].map(kindWith)).toEqual([
      'approval-required',
      'approval-required',
      'permit',
      'permit',
    ]);
  });

  test('has the lower of the limits', async () => {
    const holder = await holderOf(PERMIT_ALL, ASK);
    const input = inputOf({}, { grant });
    const limits = { outputBytes: 2048, netBytes: Number.MAX_SAFE_INTEGER };
    const decision = holder.decide({ ...input, approval: yes(input, { limits }) });
    if (decision.kind !== 'permit') throw new Error(decision.kind);
    expect(decision.permit.terms.limits).toEqual({ ...defaultLimits, outputBytes: 2048 });
  });
});
