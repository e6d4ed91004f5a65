// The desk at which agents ask for leases, over a gate in memory.

import { beforeEach, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../../src/base/encoding/json.ts';
import type { LeaseStanding } from '../../../../src/gate/leases/lease-door.ts';
import { leaseRequestTable } from '../../../../src/trust/lease/lease-request.ts';
import type { FakeConnection, FakeGate } from '../../../fakes/gate.ts';
import { filesOf, PERMIT_ALL, starter } from '../../../support/decision.ts';
import {
  ASKING,
  calls,
  CEILING,
  connectAs,
  FREE,
  leaseLeaves,
  openDesk,
  publicKey,
} from '../../../support/lease-desk.ts';

let gate: FakeGate;
let alice: FakeConnection;
beforeEach(async () => {
  ({ gate, alice } = await openDesk());
});
const request = (terms: JsonObject, who = alice): Promise<LeaseStanding> =>
  gate.desk.request(who.caller, terms);
const decide = (id: string) => gate.desk.decisions.show('default', id);
const approve = (id: string, more: object = {}): ReturnType<typeof gate.desk.decisions.approve> =>
  gate.desk.decisions.approve('default', id, { seen: decide(id).digest, by: 'operator', ...more });
const leaseOf = async (tool: string, who = alice): Promise<string | undefined> => {
  const call = { tool, arguments: {}, callDigest: '', toolDigest: '' };
  return (await who.caller.lease(gate.clock.wall(), call)).claims.task;
};

describe('a description', () => {
  it('tells what is free, what there is at most, and where requests stand', async () => {
    const { id } = await request(FREE);
    const told = gate.desk.describe(alice.caller);
    expect(told).toMatchObject({
      agent: 'default',
      principal: 'alice',
      tenant: 'default',
      holder: 'connection',
      free: { ttl_seconds: 600 },
      most: { ttl_seconds: 3600 },
      tools: ['text_echo'],
      askable_tools: ['text_write'],
      requests: [{ id, state: 'active' }],
    });
    const { requests: _, ...first } = told;
    const { requests: __, ...second } = gate.desk.describe(alice.caller);
    expect(second).toEqual(first);
  });
});

describe('a preview', () => {
  const preview = (terms: JsonObject) => gate.desk.preview(alice.caller, terms);
  it.each<[string, JsonObject, string]>([
    ['what is free', FREE, 'auto_approve'],
    ['more', ASKING, 'route_to_approver'],
    ['longer', { ...FREE, ttl_seconds: 601 }, 'route_to_approver'],
    ['beyond all', { ...FREE, capabilities: [calls('*')] }, 'hard_deny'],
    ['for too long', { ...FREE, ttl_seconds: 3601 }, 'hard_deny'],
  ])('of %s', (_, terms, verdict) => {
    expect(preview(terms).verdict).toBe(verdict);
  });

  it('of one that would live longer signed anew measures all of its life', () => {
    const again = (seconds: number): JsonObject => ({
      ...FREE,
      capabilities: [calls('text_echo'), { type: 'lease.refresh' }],
      max_exp: Math.floor(gate.clock.wall() / 1000) + seconds,
    });
    expect(preview(again(3600)).verdict).toBe('route_to_approver');
    expect(preview(again(3601)).verdict).toBe('hard_deny');
  });

  it('tells opaque rules and the reason of the policy that asks', () => {
    const told = preview(ASKING);
    expect(told).toMatchObject({ reason: 'the agent asks for more than it has by itself' });
    expect(JSON.stringify(told)).not.toContain('more-than-its-own-asks');
  });

  it('writes nothing and leaves a line in the log of the daemon', () => {
    const before = gate.parts.log.size;
    preview(ASKING);
    expect(gate.parts.log.size).toBe(before);
    expect(gate.desk.describe(alice.caller).requests).toEqual([]);
    expect(gate.notes).toEqual([
      'lease preview: agent default, principal "alice": route_to_approver',
    ]);
  });

  it('is had thirty times a minute by each principal', () => {
    for (let count = 0; count < 30; count += 1) preview(FREE);
    expect(() => preview(FREE)).toThrow(expect.objectContaining({ code: 'limit-reached' }));
    gate.desk.preview(connectAs(gate, 'bob').caller, FREE);
    gate.clock.advance(60_000);
    preview(FREE);
  });
});

describe('a request', () => {
  it('for what is free is granted at once, with its task on every leaf', async () => {
    const standing = await request(FREE);
    expect(standing).toMatchObject({ state: 'active', holder: 'connection', ttl_seconds: 300 });
    expect(leaseLeaves(gate)).toEqual([
      ['requested', 'task-1'],
      ['issued', 'task-1'],
    ]);
    expect(await leaseOf('text_echo')).toBe('task-1');
  });

  it('for more waits for a person, and runs nothing before', async () => {
    const { id, state, reason } = await request(ASKING);
    expect({ state, reason }).toEqual({
      state: 'pending',
      reason: 'the agent asks for more than it has by itself',
    });
    expect(alice.hand.covers('text_write')).toBe(false);
    expect(await leaseOf('text_write')).toBeUndefined();
    await approve(id);
    expect(await gate.desk.poll(alice.caller, id)).toMatchObject({ state: 'active' });
    expect(alice.hand.covers('text_write')).toBe(true);
    expect(await leaseOf('text_write')).toBe('task-2');
    expect(leaseLeaves(gate).map(([outcome]) => outcome)).toEqual([
      'requested',
      'issued',
      'approved',
      'issued',
    ]);
  });

  it('beyond the bounds is denied, with a row and a receipt that say why', async () => {
    const standing = await request({ ...FREE, capabilities: [calls('*')] });
    expect(standing).toMatchObject({ state: 'denied' });
    expect(standing.reason).toContain('capabilities[0]');
    expect(leaseLeaves(gate)).toEqual([
      ['requested', 'task-1'],
      ['denied', 'task-1'],
    ]);
    expect(await gate.desk.poll(alice.caller, standing.id)).toEqual(standing);
  });

  it('that policy forbids is denied with an opaque rule and the hint of its author', async () => {
    const never =
      '@id("secret-name")\n@hint("ask on a weekday")\n' +
      'forbid (principal, action == Action::"lease", resource) when { context.task == "task-1" };';
    ({ gate, alice } = await openDesk({ policy: [...starter(), ...filesOf(never)] }));
    const standing = await request(FREE);
    expect(standing.state).toBe('denied');
    expect(JSON.stringify(standing)).not.toContain('secret-name');
  });

  it('is refused to an agent whose policy says nothing of leases', async () => {
    ({ gate, alice } = await openDesk({ policy: filesOf(PERMIT_ALL) }));
    expect(await request(FREE)).toMatchObject({ state: 'denied' });
  });

  it('with limits grants a lease that has them', async () => {
    const { id } = await request({ ...FREE, max_uses: 3, max_bytes: 1000, max_depth: 2 });
    const { lease = '' } = decide(id);
    expect(gate.parts.leases.find('default', lease, gate.clock.wall())?.claims).toMatchObject({
      max_uses: 3,
      max_bytes: 1000,
      del_max: 2,
    });
  });

  it.each<[string, JsonObject]>([
    ['no task', { ...FREE, task: '' }],
    ['an unknown member', { ...FREE, principal: 'root' }],
    ['a half rate', { ...FREE, rate: { uses: 1 } }],
    ['a depth of five', { ...FREE, max_depth: 5 }],
    ['uses that are no number', { ...FREE, max_uses: '3' }],
    ['a private key', { ...FREE, holder_key: { ...publicKey(), d: 'x' } }],
    ['a renewal without an end', { ...FREE, capabilities: [{ type: 'lease.refresh' }] }],
  ])('with %s is malformed, and on a receipt', async (_, terms) => {
    await expect(request(terms)).rejects.toMatchObject({ code: 'malformed' });
    expect(leaseLeaves(gate)).toEqual([['refused', undefined]]);
  });

  it('names the member that was meant', async () => {
    await expect(request({ ...FREE, ttl_second: 1 })).rejects.toThrow('did you mean `ttl_seconds`');
  });
});

describe('who polls', () => {
  it('is woken by the decision', async () => {
    const { id } = await request(ASKING);
    const waiting = gate.desk.poll(alice.caller, id, new AbortController().signal);
    await new Promise(setImmediate);
    await gate.desk.decisions.deny('default', id, {
      seen: decide(id).digest,
      by: 'operator',
      reason: 'not today',
    });
    expect(await waiting).toMatchObject({ state: 'denied', reason: 'not today' });
  });

  it('waits no longer than it wanted', async () => {
    const { id } = await request(ASKING);
    const over = new AbortController();
    const waiting = gate.desk.poll(alice.caller, id, over.signal);
    over.abort();
    expect(await waiting).toMatchObject({ state: 'pending' });
  });
});

describe('a release', () => {
  it('ends a lease, once', async () => {
    const { id } = await request(FREE);
    const first = await gate.desk.release(alice.caller, id);
    expect(first).toMatchObject({ state: 'released' });
    expect(await gate.desk.release(alice.caller, id)).toEqual(first);
    expect(leaseLeaves(gate).map(([outcome]) => outcome)).toEqual([
      'requested',
      'issued',
      'released',
    ]);
    expect(await leaseOf('text_echo')).toBeUndefined();
  });

  it('takes a request back that waits', async () => {
    const { id } = await request(ASKING);
    expect(await gate.desk.release(alice.caller, id)).toMatchObject({ state: 'released' });
    await expect(approve(id)).rejects.toMatchObject({ code: 'conflict' });
  });

  it('comes with a connection that ends while its lease is written down', async () => {
    const commit = gate.store.commit.bind(gate.store);
    gate.store.commit = async (work) => {
      gate.store.commit = commit;
      const result = await commit(work);
      await alice.hand.release(gate.clock.wall());
      return result;
    };
    await request(FREE).catch(() => {});
    const [{ state } = { state: 'none' }] = gate.parts.leases.list('default', gate.clock.wall());
    expect(state).toBe('released');
  });

  it('comes with the end of the connection, signed or not', async () => {
    Object.defineProperty(gate.office.signer, 'sign', {
      value: () => Promise.reject(new Error('the device is gone')),
    });
    const { id } = await request(FREE);
    await alice.hand.release(gate.clock.wall());
    expect(decide(id).state).toBe('released');
  });

  it('comes with the end of the connection', async () => {
    const free = await request(FREE);
    const asking = await request(ASKING);
    const keyed = await request({ ...FREE, holder_key: publicKey() });
    await alice.hand.release(gate.clock.wall());
    expect(decide(free.id).state).toBe('released');
    expect(decide(asking.id).state).toBe('released');
    expect(decide(keyed.id).state).toBe('active');
    await expect(request(FREE)).rejects.toMatchObject({ code: 'lease-refused' });
  });
});

describe('a lease of somebody whose identity ends', () => {
  it('ends no later, bound to a key or not', async () => {
    const { capabilities } = CEILING.free;
    const until = Math.floor(gate.clock.wall() / 1000) + 100;
    const person = gate.connect({ principal: 'carol', capabilities, until });
    for (const more of [{}, { holder_key: publicKey() }]) {
      const longer = request({ ...FREE, ...more, ttl_seconds: 101 }, person);
      await expect(longer).rejects.toMatchObject({ code: 'lease-refused' });
      expect(await request({ ...FREE, ...more, ttl_seconds: 100 }, person)).toMatchObject({
        state: 'active',
      });
    }
  });
});

describe('an operator', () => {
  it('grants less than was asked', async () => {
    const { id } = await request({ ...ASKING, capabilities: [calls('text_*')] });
    await approve(id, { capabilities: [calls('text_write')], ttlSeconds: 60 });
    const { lease = '' } = decide(id);
    const { claims } = gate.parts.leases.find('default', lease, gate.clock.wall()) ?? {};
    expect(claims?.authorization_details).toEqual([calls('text_write')]);
    expect((claims?.exp ?? 0) - (claims?.nbf ?? 0)).toBe(60);
  });

  it.each<[string, object]>([
    ['wider', { capabilities: [calls('text_*')] }],
    ['longer', { ttlSeconds: 901 }],
  ])('does not grant it %s', async (_, more) => {
    const { id } = await request(ASKING);
    await expect(approve(id, more)).rejects.toMatchObject({ code: 'lease-refused' });
    expect(decide(id)).toMatchObject({ state: 'pending', yeses: [] });
  });

  it('is one of as many as policy says, each of whom has seen what the one before left', async () => {
    const two =
      '@approval("two of you")\n@approvals("2")\n' +
      'forbid (principal, action == Action::"lease", resource)\n' +
      'unless { context.approved };';
    ({ gate, alice } = await openDesk({ policy: [...starter(), ...filesOf(two)] }));
    const { id } = await request(ASKING);
    const shown = decide(id).digest;
    const first = await approve(id, { ttlSeconds: 60 });
    expect(first).toMatchObject({ state: 'pending', terms: { ttlSeconds: 60 } });
    await expect(approve(id)).rejects.toMatchObject({ code: 'conflict' });
    const stale = { seen: shown, by: 'olga' };
    await expect(gate.desk.decisions.approve('default', id, stale)).rejects.toMatchObject({
      code: 'verification-failed',
    });
    expect(await approve(id, { by: 'olga' })).toMatchObject({ state: 'active' });
  });

  it('does not grant what policy forbids by now', async () => {
    const { id } = await request(ASKING);
    const files = [
      ...starter(),
      ...filesOf('forbid (principal, action == Action::"lease", resource);'),
    ];
    gate.parts.policy.use(gate.parts.policy.prepare(files, []));
    await expect(approve(id)).rejects.toMatchObject({ code: 'policy-denied' });
    expect(decide(id).state).toBe('pending');
  });

  it('does not grant to a connection that has ended', async () => {
    const { id } = await request(ASKING);
    // As after a daemon that was killed: nothing gave the request back.
    const { store } = gate.parts;
    const row = decide(id);
    await alice.hand.release(gate.clock.wall());
    await store.commit((tx) =>
      tx.put(leaseRequestTable, 'default', id, { ...row, state: 'pending' as const }),
    );
    await expect(approve(id)).rejects.toMatchObject({ code: 'conflict' });
  });
});

describe('a signature that cannot be had', () => {
  it('is asked for again when the lease is', async () => {
    const { signer } = gate.office;
    const sign = signer.sign.bind(signer);
    let broken = true;
    Object.defineProperty(signer, 'sign', {
      value: (...args: Parameters<typeof sign>) =>
        broken ? Promise.reject(new Error('the device is gone')) : sign(...args),
    });
    const { id } = await request(FREE);
    expect(await leaseOf('text_echo').catch(() => 'none')).toBe('none');
    expect(gate.notes[0]).toContain('not signed yet');
    broken = false;
    expect(await gate.desk.poll(alice.caller, id)).toMatchObject({ state: 'active' });
    expect(await leaseOf('text_echo')).toBe('task-1');
  });
});
