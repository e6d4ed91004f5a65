import { describe, expect, test } from 'vitest';

import type { WarderError } from '../../../../src/base/errors/errors.ts';
import type { NetRule } from '../../../../src/catalog/installation.ts';
import { parseSecretRule } from '../../../../src/catalog/secret-rule.ts';
import type { Decision } from '../../../../src/decide/policy/decide.ts';
import { PolicyHolder } from '../../../../src/decide/policy/policy-holder.ts';
import {
  ALL_CAPABILITIES,
  ECHO,
  holderOf,
  inputOf,
  installed,
  leaseOf,
  NOW,
  PERMIT_ALL,
  starter,
} from '../../../support/decision.ts';

const API: NetRule = {
  methods: ['GET'],
  scheme: 'https',
  host: 'api.example.com',
  port: 443,
  path: '/v1/**',
};
const DATA = { host: '/srv/data', guest: '/data' };

function refusal(decision: Decision): WarderError {
  if (decision.kind !== 'refused') throw new Error(`not refused but ${decision.kind}`);
  return decision.error;
}

describe('the starter policy', () => {
  const holder = PolicyHolder.open(starter());

  test('lets a tool that only computes run at once', async () => {
    const decision = (await holder).decide(inputOf({ text: 'x' }));
    expect(decision.kind).toBe('permit');
    expect(decision.rules).toHaveLength(1);
    expect(decision.policyDigest).toBe((await holder).digest);
  });

  test('lets a tool read what it was granted', async () => {
    const decision = (await holder).decide(inputOf({}, { grant: { read: [DATA] } }));
    if (decision.kind !== 'permit') throw new Error(decision.kind);
    expect(decision.permit.terms.read).toEqual([DATA]);
  });

  test.each([
    [
      'the network',
      { allowNet: [API] },
      'the tool can use the network',
      'request GET https://api.example.com:443/v1/**',
    ],
    [
      'file writes',
      { write: [DATA] },
      'the tool can write files',
      'write files under /data (/srv/data here)',
    ],
    [
      'kept data',
      { kv: true },
      'the tool can keep data between calls',
      'keep data between calls in its own store',
    ],
  ])('asks a person about %s', async (_, grant, reason, effect) => {
    const decision = (await holder).decide(inputOf({}, { grant }));
    if (decision.kind !== 'approval-required') throw new Error(decision.kind);
    expect(decision.reason).toBe(reason);
    expect(decision.effects).toContain(effect);
  });

  test('asks a person about secrets, if the lease lets it have them', async () => {
    const grant = { secrets: [parseSecretRule('KEY@GET,https://api.example.com/**:x-key')] };
    const without = (await holder).decide(inputOf({}, { grant }));
    if (without.kind !== 'permit') throw new Error(without.kind);
    expect(without.permit.terms.secrets).toEqual([]);
    const lease = leaseOf([...ALL_CAPABILITIES, { type: 'credential', names: ['KEY'] }]);
    const decision = (await holder).decide(inputOf({}, { lease, grant }));
    if (decision.kind !== 'approval-required') throw new Error(decision.kind);
    expect(decision.reason).toBe('the tool can have secrets sent with its requests');
    expect(decision.effects).toContain('send the secret KEY to https://api.example.com:443/**');
  });

  test('asks once, with every reason', async () => {
    const decision = (await holder).decide(inputOf({}, { grant: { kv: true, write: [DATA] } }));
    if (decision.kind !== 'approval-required') throw new Error(decision.kind);
    expect(decision.reason.split('; ').sort()).toEqual([
      'the tool can keep data between calls',
      'the tool can write files',
    ]);
  });

  test('asks nobody about a reach that the lease does not give', async () => {
    const lease = leaseOf([{ type: 'tool.call', tools: ['text_*'] }]);
    const decision = (await holder).decide(
      inputOf({}, { lease, grant: { allowNet: [API], write: [DATA], read: [DATA] } }),
    );
    if (decision.kind !== 'permit') throw new Error(decision.kind);
    const { allowNet, write, read } = decision.permit.terms;
    expect([allowNet, write, read]).toEqual([[], [], []]);
  });

  test('treats the operator on behalf of a principal like the principal', async () => {
    const decision = (await holder).decide(inputOf({}, { operator: true, grant: { kv: true } }));
    expect(decision.kind).toBe('approval-required');
  });
});

describe('an approval', () => {
  const asks = `${PERMIT_ALL}
    @approval("sensitive") forbid (principal, action, resource)
    when { context.args has text && context.args.text like "*secret*" }
    unless { context.approved };`;

  test('turns an asking denial into a permit for the call it names', async () => {
    const input = inputOf({ text: 'a secret' });
    const approval = { id: 'appr_1', digest: input.call.digest, persons: 1, terms: [] };
    const decision = (await holderOf(asks)).decide({ ...input, approval });
    if (decision.kind !== 'permit') throw new Error(decision.kind);
    expect(decision.approval).toBe('appr_1');
  });

  test('buys nothing for other arguments', async () => {
    const { digest } = inputOf({ text: 'a secret' }).call;
    const decision = (await holderOf(asks)).decide(
      inputOf(
        { text: 'another secret' },
        { approval: { id: 'appr_1', digest, persons: 1, terms: [] } },
      ),
    );
    expect(refusal(decision).code).toBe('policy-denied');
  });

  test('is not used up by a call that needs none', async () => {
    const input = inputOf({ text: 'plain' });
    const decision = (await holderOf(asks)).decide({
      ...input,
      approval: { id: 'appr_1', digest: input.call.digest, persons: 1, terms: [] },
    });
    expect(decision).toMatchObject({ kind: 'permit' });
    expect(decision).not.toHaveProperty('approval');
  });

  const hard = `forbid (principal, action, resource) when { context.args has text && context.args.text like "*never*" };`;

  test.each([
    ['a plain forbid stands beside the asking one', [asks, hard], { text: 'never a secret' }],
    [
      'a forbid that would lift, but asks nobody, stands beside the asking one',
      [
        asks,
        'forbid (principal, action, resource) when { context.args has text } unless { context.approved };',
      ],
      { text: 'secret' },
    ],
    [
      'no policy would permit the call even then',
      [asks.replace(PERMIT_ALL, '')],
      { text: 'secret' },
    ],
    [
      'nothing determined the denial',
      ['permit (principal, action, resource) when { context.approved };'],
      {},
    ],
    [
      'the asking policy cannot be lifted',
      [`${PERMIT_ALL} @approval("why") forbid (principal, action, resource);`],
      {},
    ],
    [
      'approved, a policy errs',
      [
        asks,
        'forbid (principal, action, resource) when { context.approved && context.args.nope == 1 };',
      ],
      { text: 'secret' },
    ],
  ])('is neither asked for nor worth anything when %s', async (_, texts, args) => {
    const holder = await holderOf(...texts);
    const input = inputOf(args);
    expect(refusal(holder.decide(input)).code).toBe('policy-denied');
    const approval = { id: 'appr_1', digest: input.call.digest, persons: 1, terms: [] };
    expect(refusal(holder.decide({ ...input, approval })).code).toBe('policy-denied');
  });
});

describe('an evaluation error denies', () => {
  test.each([
    [
      'a forbid that errs',
      'forbid (principal, action, resource) when { context.args.missing == 1 };',
      {},
    ],
    [
      'a permit that errs',
      'permit (principal, action, resource) when { context.args.missing == 1 };',
      {},
    ],
    [
      'an overflow',
      'forbid (principal, action, resource) when { context.args.count * 9007199254740991 > 1 };',
      { count: 2 ** 52 },
    ],
    [
      'an unknown attribute of context',
      'forbid (principal, action, resource) when { context.nope };',
      {},
    ],
  ])('%s', async (_, text, args) => {
    const decision = (await holderOf(PERMIT_ALL, text)).decide(inputOf(args));
    expect(refusal(decision).code).toBe('policy-denied');
    expect(refusal(decision).message).toContain('cannot judge');
    expect(decision).toHaveProperty('faults.length', 1);
    expect(decision.rules).toHaveLength(1);
  });

  test('what Cedar throws or answers with nonsense', async () => {
    const holder = await holderOf(
      PERMIT_ALL,
      'forbid (principal, action, resource) when { context.args == {} };',
    );
    const { call } = inputOf({ text: 'x' });
    // A call no parser made: the lone surrogate makes Cedar's own JSON reader throw.
    const broken = { ...call, arguments: { text: '\ud800' } };
    expect(refusal(holder.decide(inputOf({}, { call: broken }))).message).toContain('cannot judge');
  });
});

describe('arguments that Cedar cannot see as they are', () => {
  test('an integer beyond 2^53 is refused, even if no parser stopped it', async () => {
    const holder = await holderOf(
      PERMIT_ALL,
      'forbid (principal, action, resource) when { context.args.count > 5 };',
    );
    for (const count of [2 ** 53, 2 ** 63, 1.5, Number.NaN]) {
      const { call } = inputOf({});
      const decision = holder.decide(inputOf({}, { call: { ...call, arguments: { count } } }));
      expect(refusal(decision).code).toBe('policy-denied');
    }
  });

  test('a value of another type than its schema says is refused', async () => {
    const holder = await holderOf(
      PERMIT_ALL,
      'forbid (principal, action, resource) when { context.args has text };',
    );
    const { call } = inputOf({});
    for (const text of [1, null, ['a'], { a: 1 }]) {
      const decision = holder.decide(inputOf({}, { call: { ...call, arguments: { text } } }));
      expect(refusal(decision).code).toBe('policy-denied');
    }
  });

  test('a fraction is named in argsUnmapped and stands in argsJson', async () => {
    const strict = await holderOf(
      PERMIT_ALL,
      'forbid (principal, action, resource) unless { context.argsUnmapped.isEmpty() };',
    );
    expect(strict.decide(inputOf({ text: 'x' })).kind).toBe('permit');
    expect(strict.decide(inputOf({ ratio: 0.5 })).kind).toBe('refused');
    const byText = await holderOf(
      PERMIT_ALL,
      'forbid (principal, action, resource) when { context.argsJson like "*\\"ratio\\":0.5*" };',
    );
    expect(byText.decide(inputOf({ ratio: 0.25 })).kind).toBe('permit');
    expect(byText.decide(inputOf({ ratio: 0.5 })).kind).toBe('refused');
  });

  test('an argument cannot pose as an entity', async () => {
    const definition = {
      name: 'text_echo',
      description: '',
      inputSchema: {
        type: 'object',
        properties: {
          who: {
            type: 'object',
            properties: {
              __entity: {
                type: 'object',
                properties: { type: { type: 'string' }, id: { type: 'string' } },
              },
            },
          },
        },
      },
    };
    const holder = await holderOf(
      'permit (principal, action, resource) when { context.args.who == Principal::"root" };',
    );
    const decision = holder.decide(
      inputOf({ who: { __entity: { type: 'Principal', id: 'root' } } }, { definition }),
    );
    expect(decision.kind).toBe('refused');
  });
});

describe('what policies can look at', () => {
  test.each([
    ['text', 'context.args.text == "x"'],
    ['integer', 'context.args.count == 7'],
    ['set', 'context.args.tags.contains("b")'],
    ['record', 'context.args.at.path == "/p"'],
    ['principal', 'principal == Principal::"alice"'],
    ['tenant', 'principal in Tenant::"default"'],
    ['agent', 'principal in Agent::"desk"'],
    ['action', 'action == Action::"call:text_echo"'],
    ['tool', 'resource == Tool::"text_echo" && resource.name == "text_echo"'],
    ['installation', 'resource in Installation::"text" && resource.installation == "text"'],
    ['digest', `resource.digest == "${'d'.repeat(64)}"`],
    ['hint', '!resource.readOnly'],
    ['operator', '!context.operator'],
    ['lease', 'context.lease.holder == "connection" && context.lease.depth == 0'],
    [
      'time',
      'context.time.unix == 1700000000 && context.time.hour == 22 && context.time.weekday == 2',
    ],
    ['task', 'context has task && context.task == "t1"'],
    [
      'reach',
      'context.reach == {net: false, read: false, write: false, kv: false, secrets: false}',
    ],
    ['context whole', '{c: context}.c.args.count == 7'],
    ['escaped name', 'context["\\u{61}rgs"].count == 7'],
  ])('%s', async (_, condition) => {
    const input = inputOf(
      { text: 'x', count: 7, tags: ['a', 'b'], at: { path: '/p' } },
      { agent: 'desk', lease: leaseOf(ALL_CAPABILITIES, { task: 't1' }) },
    );
    const holder = await holderOf(`permit (principal, action, resource) when { ${condition} };`);
    const decision = holder.decide(input);
    expect(decision).toMatchObject({ kind: 'permit' });
    const opposite = await holderOf(
      `${PERMIT_ALL} forbid (principal, action, resource) when { ${condition} };`,
    );
    expect(opposite.decide(input).kind).toBe('refused');
  });

  test('two principals are told apart, whoever asked first', async () => {
    const holder = await holderOf('permit (principal == Principal::"alice", action, resource);');
    const bob = { principal: 'bob', lease: leaseOf(ALL_CAPABILITIES, { sub: 'bob' }) };
    for (let round = 0; round < 2; round += 1) {
      expect(holder.decide(inputOf({})).kind).toBe('permit');
      expect(holder.decide(inputOf({}, bob)).kind).toBe('refused');
    }
  });
});

describe('the lease', () => {
  test.each([
    ['names other tools', leaseOf([{ type: 'tool.call', tools: ['json_*', 'text_echo2'] }])],
    ['names no tool', leaseOf([])],
    ['is for another principal', leaseOf(ALL_CAPABILITIES, { sub: 'bob' })],
    ['is of another tenant', leaseOf(ALL_CAPABILITIES, { tenant: 'other' })],
    ['has expired', leaseOf(ALL_CAPABILITIES, { exp: NOW / 1000 })],
    ['has no readable expiry', leaseOf(ALL_CAPABILITIES, { exp: Number.NaN })],
    ['is not valid yet', leaseOf(ALL_CAPABILITIES, { nbf: NOW / 1000 + 1 })],
  ])('refuses when it %s', async (_, lease) => {
    const decision = (await holderOf(PERMIT_ALL)).decide(inputOf({}, { lease }));
    expect(refusal(decision).code).toBe('lease-refused');
  });

  test('refuses when it is a look-alike, not one that was checked', async () => {
    const holder = await holderOf(PERMIT_ALL);
    const decision = holder.decide(inputOf({}, { lease: { ...leaseOf() } }));
    expect(decision.kind).toBe('refused');
  });

  test('narrows the grant in the permit', async () => {
    const lease = leaseOf([
      { type: 'tool.call', tools: ['text_echo'] },
      {
        type: 'http.call',
        methods: ['GET', 'POST'],
        origins: ['https://api.example.com'],
        paths: ['/v1/items/*'],
      },
      { type: 'fs.read', paths: ['/data/**'] },
    ]);
    const grant = {
      allowNet: [API, { ...API, host: 'other.example.com' }],
      denyNet: [{ ...API, path: '/v1/items/0' }],
      read: [DATA, { host: '/etc', guest: '/etc' }],
      write: [DATA],
    };
    const decision = (await holderOf(PERMIT_ALL)).decide(inputOf({}, { lease, grant }));
    if (decision.kind !== 'permit') throw new Error(decision.kind);
    expect(decision.permit.terms).toMatchObject({
      allowNet: [{ ...API, path: '/v1/items/*' }],
      denyNet: grant.denyNet,
      read: [DATA],
      write: [],
    });
  });

  test('bounds the life of the permit', async () => {
    const holder = await holderOf(PERMIT_ALL);
    const ends = (exp: number): number => {
      const decision = holder.decide(inputOf({}, { lease: leaseOf(ALL_CAPABILITIES, { exp }) }));
      if (decision.kind !== 'permit') throw new Error(decision.kind);
      return decision.permit.terms.expiresAt;
    };
    expect(ends(NOW / 1000 + 600)).toBe(NOW + 5000 + 60_000);
    expect(ends(NOW / 1000 + 1)).toBe(NOW + 1000);
  });
});

test('a tool that is switched off is refused', async () => {
  const installation = { ...installed(), enabled: false };
  const decision = (await holderOf(PERMIT_ALL)).decide(inputOf({}, { installation }));
  expect(refusal(decision).code).toBe('policy-denied');
});

test('an installation that does not have the operation is refused', async () => {
  const installation = installed({}, [{ ...ECHO, name: 'other' }]);
  expect(refusal((await holderOf(PERMIT_ALL)).decide(inputOf({}, { installation }))).code).toBe(
    'internal',
  );
});

describe('what a refused agent reads', () => {
  test('an opaque rule and the author’s hint; no name, place or wording of the policy', async () => {
    const holder = await holderOf(
      PERMIT_ALL,
      '@id("block-competitor") @hint("ask for public data instead") forbid (principal, action, resource) when { context.args.text like "*acme*" };',
    );
    const error = refusal(holder.decide(inputOf({ text: 'acme' })));
    expect(error.hint).toBe('ask for public data instead');
    const said = JSON.stringify(error);
    expect(said).toMatch(/rule_[0-9a-f]{16}/);
    for (const secret of ['block-competitor', '.cedar', 'forbid', '*acme*']) {
      expect(said).not.toContain(secret);
    }
    const [rule] = holder.explain(holder.decide(inputOf({ text: 'acme' })).rules);
    expect(rule).toMatchObject({ id: 'block-competitor', file: '1.cedar', line: 1 });
  });

  test('a remedy, also where the author wrote none', async () => {
    const none = refusal((await holderOf('')).decide(inputOf({})));
    expect(none.message).toBe('no policy permits `text_echo` here');
    expect(none.hint).toContain('ask an operator');
    const plain = await holderOf(PERMIT_ALL, 'forbid (principal, action, resource);');
    expect(refusal(plain.decide(inputOf({}))).hint).toContain('ask an operator');
  });
});
