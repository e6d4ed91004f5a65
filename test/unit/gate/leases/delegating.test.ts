// Narrower leases that the daemon makes, tokens for holders of keys, and signing anew.

import { beforeEach, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../../src/base/encoding/json.ts';
import { generateHolderKey, type HolderKey } from '../../../../src/trust/holder/holder-key.ts';
import { HeldLease } from '../../../../src/trust/holder/held-lease.ts';
import { proofAddress } from '../../../../src/trust/lease/lease-reception.ts';
import { verifyLease } from '../../../../src/trust/lease/verify-lease.ts';
import type { FakeConnection, FakeGate } from '../../../fakes/gate.ts';
import {
  ASKING,
  calls,
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
const PARENT: JsonObject = { ...FREE, max_depth: 2, max_uses: 10 };
const parent = async (more: JsonObject = {}): Promise<string> =>
  (await gate.desk.request(alice.caller, { ...PARENT, ...more })).id;
const delegate = (id: string, terms: JsonObject = {}, who = alice) =>
  gate.desk.delegate(who.caller, id, { holder_key: publicKey(), ...terms });
const verified = (text: string) =>
  verifyLease(text, gate.office.keys, { now: gate.clock.wall(), audience: gate.office.origin });

describe('a child', () => {
  it('is made by the daemon, for the holder of a key, from a lease of the connection', async () => {
    const child = await delegate(await parent(), { ttl_seconds: 60, max_uses: 2 });
    expect(child).toMatchObject({ state: 'active', holder: 'key', ttl_seconds: 60, max_uses: 2 });
    const { chain, claims } = await verified(await gate.desk.token(alice.caller, child.id));
    expect(chain).toHaveLength(2);
    expect(claims).toMatchObject({ task: 'task-1', del_depth: 1, del_max: 1, sub: 'alice' });
  });

  it('has the limits of its parent when it names none', async () => {
    const child = await delegate(await parent());
    const { claims } = await verified(await gate.desk.token(alice.caller, child.id));
    expect(claims.max_uses).toBe(10);
  });

  it('has children of its own as far as it was asked for', async () => {
    const child = await delegate(await parent(), { max_depth: 1 });
    const grandchild = await delegate(child.id);
    const { chain } = await verified(await gate.desk.token(alice.caller, grandchild.id));
    expect(chain).toHaveLength(3);
    await expect(delegate(grandchild.id)).rejects.toMatchObject({ code: 'lease-refused' });
  });

  it.each<[string, JsonObject]>([
    ['wider', { capabilities: [calls('text_*')] }],
    ['longer', { ttl_seconds: 301 }],
    ['with more uses', { max_uses: 11 }],
    ['deeper', { max_depth: 2 }],
    ['for another task', { task: 'task-9' }],
  ])('is not %s', async (_, terms) => {
    await expect(delegate(await parent(), terms)).rejects.toMatchObject({ code: 'lease-refused' });
    expect(leaseLeaves(gate).map(([outcome]) => outcome)).toEqual([
      'requested',
      'issued',
      'refused',
    ]);
  });

  it.each<[string, JsonObject]>([
    ['has no depth left', { max_depth: 0 }],
    ['is not delegatable', { delegatable: false }],
  ])('is not made from one that %s', async (_, more) => {
    await expect(delegate(await parent(more))).rejects.toMatchObject({ code: 'lease-refused' });
  });

  it('needs a holder', async () => {
    const asked = gate.desk.delegate(alice.caller, await parent(), {});
    await expect(asked).rejects.toMatchObject({ code: 'malformed' });
  });

  it('ends with its parent, and is made from none that has ended', async () => {
    const id = await parent();
    const child = await delegate(id);
    await gate.desk.release(alice.caller, id);
    expect(await gate.desk.poll(alice.caller, child.id)).toMatchObject({ state: 'released' });
    await expect(gate.desk.token(alice.caller, child.id)).rejects.toMatchObject({
      code: 'lease-refused',
    });
    await expect(delegate(id)).rejects.toMatchObject({ code: 'lease-refused' });
  });
});

describe('a token', () => {
  it('is handed out for a lease bound to a key alone, once it is active', async () => {
    const bound = await gate.desk.request(alice.caller, FREE);
    const waits = await gate.desk.request(alice.caller, { ...ASKING, holder_key: publicKey() });
    for (const { id } of [bound, waits]) {
      await expect(gate.desk.token(alice.caller, id)).rejects.toMatchObject({
        code: 'lease-refused',
      });
    }
  });

  it('is there for the same agent on another connection, and for nobody else', async () => {
    const { id } = await gate.desk.request(alice.caller, { ...FREE, holder_key: publicKey() });
    const text = await gate.desk.token(alice.caller, id);
    await alice.hand.release(gate.clock.wall());
    expect(await gate.desk.token(connectAs(gate).caller, id)).toBe(text);
    await expect(gate.desk.token(connectAs(gate, 'bob').caller, id)).rejects.toMatchObject({
      code: 'not-found',
    });
  });
});

describe('signing anew', () => {
  const held = async (key: HolderKey, life = 500): Promise<HeldLease> => {
    const { id } = await gate.desk.request(alice.caller, {
      ...FREE,
      capabilities: [calls('text_echo'), { type: 'lease.refresh' }],
      ttl_seconds: 100,
      max_exp: Math.floor(gate.clock.wall() / 1000) + life,
      holder_key: key.jwk as unknown as JsonObject,
    });
    const { digest } = gate.desk.decisions.show('default', id);
    await gate.desk.decisions.approve('default', id, { seen: digest, by: 'operator' });
    const text = await gate.desk.token(alice.caller, id);
    return new HeldLease(text, key, () => gate.clock.wall());
  };
  const prove = (lease: HeldLease, more: object = {}): Promise<string> =>
    lease.prove({
      method: 'POST',
      uri: proofAddress('default'),
      audience: gate.office.origin,
      nonce: gate.nonces.current(gate.clock.monotonic()),
      ...more,
    });
  const refresh = async (lease: HeldLease, proof?: string): Promise<string> =>
    gate.desk.refresh(alice.caller, { text: lease.text, proof: proof ?? (await prove(lease)) });

  it('gives the same lease a later end, with a receipt', async () => {
    const lease = await held(await generateHolderKey());
    gate.clock.advance(50_000);
    const { claims } = await verified(await refresh(lease));
    expect(claims).toMatchObject({ jti: lease.claims.jti, exp: lease.claims.exp + 50 });
    expect(leaseLeaves(gate).at(-1)).toEqual(['renewed', 'task-1']);
  });

  it('never goes beyond the latest end', async () => {
    const lease = await held(await generateHolderKey(), 120);
    gate.clock.advance(50_000);
    const { claims } = await verified(await refresh(lease));
    expect(claims.exp).toBe(lease.claims.max_exp);
  });

  it('takes a proof of its holder, once, and none that is for a call', async () => {
    const lease = await held(await generateHolderKey());
    gate.clock.advance(50_000);
    const other = new HeldLease(lease.text, await generateHolderKey(), () => gate.clock.wall());
    const call = { tool: 'd'.repeat(64), digest: 'd'.repeat(64) };
    for (const proof of [await prove(other), await prove(lease, { call })]) {
      await expect(refresh(lease, proof)).rejects.toMatchObject({ code: 'lease-refused' });
    }
    const proof = await prove(lease);
    await refresh(lease, proof);
    await expect(refresh(lease, proof)).rejects.toMatchObject({ code: 'lease-refused' });
  });

  it('is refused for one that has ended', async () => {
    const lease = await held(await generateHolderKey());
    const [row] = gate.parts.leases.list('default', gate.clock.wall());
    await gate.administration.revokeLease('default', row?.stateKey ?? '', 'why');
    gate.clock.advance(50_000);
    await expect(refresh(lease)).rejects.toMatchObject({ code: 'lease-refused' });
  });
});
