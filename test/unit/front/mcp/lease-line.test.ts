// The lease protocol of an agent's socket, and the refresher that speaks it.

import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../../src/base/encoding/json.ts';
import { generateHolderKey, type HolderKey } from '../../../../src/trust/holder/holder-key.ts';
import { HeldLease } from '../../../../src/trust/holder/held-lease.ts';
import { agentSocketRefresher } from '../../../../src/trust/holder/socket-refresher.ts';
import type { AgentFront } from '../../../support/agent-front.ts';
import { ASKING, calls, FREE } from '../../../support/lease-desk.ts';
import { leaseFront, leaseLine } from '../../../support/lease-front.ts';

let front: AgentFront;
let key: HolderKey;
beforeEach(async () => {
  front = await leaseFront();
  key = await generateHolderKey();
});
afterEach(() => front[Symbol.asyncDispose]());
const terms = (more: JsonObject): JsonObject => ({
  ...more,
  holder_key: key.jwk as unknown as JsonObject,
});
const approve = (id: string) => {
  const { decisions } = front.gate.desk;
  const { digest } = decisions.show('default', id);
  return decisions.approve('default', id, { seen: digest, by: 'operator' });
};
const now = (): number => front.gate.clock.wall();

describe('a line', () => {
  it('asks for a lease, whose text comes along once it is active', async () => {
    const { standing } = await leaseLine(front, { op: 'request', terms: terms(ASKING) });
    expect(standing).toMatchObject({ state: 'pending', holder: 'key' });
    expect(standing.lease).toBeUndefined();
    await approve(standing.id);
    const polled = await leaseLine(front, { op: 'poll', id: standing.id });
    expect(new HeldLease(polled['standing'].lease, key, now).status().state).toBe('active');
  });

  it('lets calls be made with the lease and its key', async () => {
    const { standing } = await leaseLine(front, { op: 'request', terms: terms(FREE) });
    const held = new HeldLease(standing.lease, key, now);
    const proof = await front.prove(held, { text: 'hi' });
    expect(await front.call({ text: 'hi' }, { lease: held.text, proof })).toHaveProperty('answer');
  });

  it('waits for a decision', async () => {
    const { standing } = await leaseLine(front, { op: 'request', terms: terms(ASKING) });
    const waiting = leaseLine(front, { op: 'poll', id: standing.id, wait_seconds: 60 });
    await new Promise((resolve) => setTimeout(resolve, 20));
    await approve(standing.id);
    expect((await waiting)['standing']).toMatchObject({ state: 'active' });
  });

  it('previews, describes, delegates and releases', async () => {
    const preview = await leaseLine(front, { op: 'preview', terms: terms(ASKING) });
    expect(preview).toMatchObject({ preview: { verdict: 'route_to_approver' } });
    const asked = { op: 'request', terms: { ...terms(FREE), max_depth: 1 } };
    const { standing } = await leaseLine(front, asked);
    const child = await leaseLine(front, { op: 'delegate', id: standing.id, terms: terms({}) });
    expect(child['standing'].lease.split('~')).toHaveLength(2);
    const { description } = await leaseLine(front, { op: 'describe' });
    expect(description.requests).toHaveLength(2);
    const released = await leaseLine(front, { op: 'release', id: standing.id });
    expect(released['standing'].state).toBe('released');
  });

  it.each<[string, unknown]>([
    ['no object', '[]\n'],
    ['no JSON', 'lease\n'],
    ['an unknown operation', { op: 'grant' }],
    ['an unknown member', { op: 'poll', id: 'x', principal: 'root' }],
    ['a prototype', '{"op":"__proto__"}\n'],
    ['a wait for ever', { op: 'poll', id: 'x', wait_seconds: 1e9 }],
    ['no holder', { op: 'request', terms: FREE }],
    ['a handle that is no text', { op: 'release', id: 7 }],
  ])('with %s is malformed', async (_, line) => {
    expect(await leaseLine(front, line)).toMatchObject({ error: { code: 'malformed' } });
  });

  it('says which operation was meant', async () => {
    const { error } = await leaseLine(front, { op: 'pol' });
    expect(error.message).toContain('did you mean op `poll`');
  });
});

describe('a holder', () => {
  const granted = async (): Promise<HeldLease> => {
    const { standing } = await leaseLine(front, {
      op: 'request',
      terms: terms({
        ...FREE,
        capabilities: [calls('text_echo'), { type: 'lease.refresh' }],
        ttl_seconds: 100,
        max_exp: Math.floor(now() / 1000) + 500,
      }),
    });
    await approve(standing.id);
    const polled = await leaseLine(front, { op: 'poll', id: standing.id });
    return new HeldLease(polled['standing'].lease, key, now);
  };
  const refresher = (by = key) => agentSocketRefresher(join(front.home, 'default.sock'), by, now);

  it('keeps its lease fresh in the background, through the socket', async () => {
    const held = await granted();
    const before = held.claims.exp;
    front.gate.clock.advance(80_000);
    held.start(refresher());
    await expect.poll(() => held.claims.exp).toBe(before + 80);
    held.stop();
    const proof = await front.prove(held, { text: 'hi' });
    front.gate.clock.advance(50_000);
    expect(await front.call({ text: 'hi' }, { lease: held.text, proof })).toHaveProperty('answer');
  });

  it('is told when it may not', async () => {
    const held = await granted();
    const [row] = front.gate.parts.leases.list('default', now());
    await front.gate.administration.revokeLease('default', row?.stateKey ?? '', 'why');
    await expect(held.refresh(refresher())).rejects.toMatchObject({ code: 'lease-refused' });
  });

  it('of another key refreshes nothing', async () => {
    const held = await granted();
    const other = refresher(await generateHolderKey());
    await expect(held.refresh(other)).rejects.toMatchObject({ code: 'lease-refused' });
  });

  it('learns that nobody is there', async () => {
    const held = await granted();
    const nobody = agentSocketRefresher(join(front.home, 'nobody.sock'), key, now);
    await expect(held.refresh(nobody)).rejects.toMatchObject({ code: 'unavailable' });
  });
});

it('an agent whose calls need a key asks for its leases here', async () => {
  const dpop = await leaseFront({
    agents: {
      default: {
        principal: 'alice',
        capabilities: [{ type: 'tool.call', tools: ['*'] }],
        holder: 'dpop',
      },
    },
  });
  const { standing } = await leaseLine(dpop, { op: 'request', terms: terms(FREE) });
  expect(standing).toMatchObject({ state: 'active' });
  const held = new HeldLease(standing.lease, key, () => dpop.gate.clock.wall());
  const proof = await dpop.prove(held, { text: 'hi' });
  expect(await dpop.call({ text: 'hi' }, { lease: held.text, proof })).toHaveProperty('answer');
  await dpop[Symbol.asyncDispose]();
});
