// What a running guest may still do through the host: only under the permit that was really made for
// this call, while it and its lease hold; and what the receipt then says it did.

import { afterAll, beforeEach, describe, expect, test } from 'vitest';

import { type CallSession, CallSessions } from '../../../src/gate/host-calls.ts';
import { type CallOutcome, outcomeOf } from '../../../src/gate/run-permitted.ts';
import { makePermit, type Permit } from '../../../src/decide/policy/permit.ts';
import type { EgressEffect } from '../../../src/reach/egress/egress.ts';
import type { HostReply, HostRequest } from '../../../src/run/sandbox/host-calls.ts';
import type { RunOutcome } from '../../../src/run/sandbox/runner.ts';
import type { CheckedLease } from '../../../src/trust/lease/lease.ts';
import { fakeEgress, type FakeResult } from '../../fakes/egress.ts';
import { type FakeGate, noNetwork, openGate } from '../../fakes/gate.ts';
import { answers, USAGE } from '../../fakes/runner.ts';
import { ECHO, NOW } from '../../support/decision.ts';
import { testFiles } from '../../support/files.ts';
import { reachPermit } from '../../support/reach-permit.ts';

const LIST: HostRequest = { op: 'kv-list', prefix: '' };
const signal = new AbortController().signal;

let gate: FakeGate;
let sessions: CallSessions;
let lease: CheckedLease;
const disk = await testFiles();
afterAll(() => disk.close());

beforeEach(async () => {
  gate = await openGate({ files: disk.files });
  ({ sessions } = gate.parts);
  lease = await gate.connect().lease.current(NOW);
});

function permitOf(callId = 'call_1'): Permit {
  return reachPermit({ callId, kv: true, expiresAt: NOW + 10_000 });
}

function serve(permit: Permit, request: HostRequest = LIST): Promise<HostReply> {
  return sessions.serve(permit, request, signal);
}

/** Sessions whose requests go to `fetch`. */
function withNetwork(fetch: () => Promise<FakeResult>): CallSessions {
  const { clock, store, leases } = gate.parts;
  return new CallSessions({
    clock,
    store,
    leases,
    egress: fakeEgress(fetch),
    files: disk.files,
  });
}

const get = (url: string): HostRequest => ({
  op: 'http',
  method: 'GET',
  url,
  headers: [],
  body: new Uint8Array(),
});

function http(state: EgressEffect['state'], ...targets: readonly string[]): FakeResult {
  return {
    reply: { ok: false, code: 'failed', message: 'no' },
    effects: targets.map((target) => ({ kind: 'http', state, count: 1, target, bytes: 7 })),
  };
}

describe('what is not the permit of a running call is served nothing', () => {
  test('the control: the permit of an open call is served', async () => {
    const permit = permitOf();
    sessions.open(permit, lease);
    expect(await serve(permit)).toMatchObject({ ok: true });
  });

  test('a copy, a look-alike and a subclass', async () => {
    const permit = permitOf();
    sessions.open(permit, lease);
    const forged = [
      { ...permit },
      structuredClone(permit),
      { terms: permit.terms },
      Object.create(Object.getPrototypeOf(permit) as object, { terms: { value: permit.terms } }),
    ] as Permit[];
    for (const forgery of forged) {
      await expect(serve(forgery)).rejects.toThrow(TypeError);
      expect(() => sessions.open(forgery, lease)).toThrow(TypeError);
    }
  });

  test('a real permit that names an open call but is not the one it was opened with', async () => {
    const permit = permitOf();
    sessions.open(permit, lease);
    const other = makePermit({ ...permit.terms });
    expect(await serve(other)).toMatchObject({ ok: false, code: 'denied' });
  });

  test('a permit of a call that was never opened', async () => {
    sessions.open(permitOf('call_1'), lease);
    expect(await serve(permitOf('call_2'))).toMatchObject({ ok: false, code: 'denied' });
  });

  test('a call that is over', async () => {
    const permit = permitOf();
    const session = sessions.open(permit, lease);
    sessions.close(session);
    expect(await serve(permit)).toMatchObject({ ok: false, code: 'denied' });
  });

  test('an expired permit', async () => {
    let fetched = 0;
    sessions = withNetwork(() => Promise.resolve(http('answered', `GET ${(fetched += 1)}`)));
    const permit = permitOf();
    sessions.open(permit, lease);
    gate.clock.advance(9_999);
    await serve(permit, get('http://a/'));
    gate.clock.advance(1);
    const reply = await serve(permit, get('http://a/'));
    expect(reply).toMatchObject({ ok: false, code: 'denied' });
    expect(fetched).toBe(1);
  });

  test('a guest that goes on asking after its call was answered', async () => {
    let late: (() => Promise<HostReply>) | undefined;
    gate.runner.behaviour = ({ ask }) => {
      late = () => ask({ op: 'file-roots' });
      return answers('hi');
    };
    await gate.connect().call({ text: 'hi' });
    expect(await late?.()).toMatchObject({ ok: false, code: 'denied' });
  });

  test('a lease that has expired', async () => {
    const permit = reachPermit({ kv: true, expiresAt: NOW + 10_000_000 });
    sessions.open(permit, lease);
    gate.clock.advance(600_000);
    expect(await serve(permit)).toMatchObject({ ok: false, code: 'denied' });
  });
});

test('a lease revoked while a tool runs ends what it may do with the next host call', async () => {
  const on = await openGate({ grant: { kv: true } });
  const agent = on.connect();
  const held = await agent.call({ text: 'a' });
  if (held.kind !== 'stopped') throw new Error('not held');
  await on.administration.decideApproval('default', held.approval ?? '', { kind: 'yes' });
  const replies: HostReply[] = [];
  on.runner.behaviour = async ({ ask, permit }) => {
    replies.push(await ask({ op: 'kv-set', key: 'k', value: new Uint8Array(1) }));
    await on.administration.revokeLease('default', permit.terms.lease, 'stop it');
    replies.push(await ask({ op: 'kv-set', key: 'l', value: new Uint8Array(1) }));
    return answers('done');
  };
  await agent.call({ text: 'a' });
  expect(replies).toMatchObject([{ ok: true }, { ok: false, code: 'denied' }]);
  expect(on.receipts().at(-1)?.statement.predicate.effects).toMatchObject([{ count: 1 }]);
});

test('a clock that was set back makes the host broken, not generous', async () => {
  const permit = permitOf();
  const { store, leases } = gate.parts;
  const clock = {
    wall: () => {
      throw new Error('set back');
    },
    monotonic: () => 0,
  };
  sessions = new CallSessions({ clock, store, leases, egress: noNetwork, files: disk.files });
  sessions.open(permit, lease);
  await expect(serve(permit)).rejects.toThrow('set back');
});

test('the key/value store of a call lives by the clock of the gate', async () => {
  const permit = permitOf();
  sessions.open(permit, lease);
  // The machine's clock is years past this permit's end.
  expect(Date.now()).toBeGreaterThan(permit.terms.expiresAt);
  expect(await serve(permit, { op: 'kv-get', key: 'k' })).toMatchObject({ ok: true });
});

describe('effects on the receipt', () => {
  let session: CallSession;

  beforeEach(() => {
    session = sessions.open(permitOf(), lease);
  });

  test('the same thing done again is counted', () => {
    for (const bytes of [1, 2, 3]) {
      session.record({ kind: 'kv', state: 'answered', target: 'set k', bytes });
    }
    session.record({ kind: 'kv', state: 'refused', target: 'set k', bytes: 0 });
    expect(session.effects()).toEqual([
      { kind: 'kv', state: 'answered', target: 'set k', bytes: 6, count: 3 },
      { kind: 'kv', state: 'refused', target: 'set k', bytes: 0, count: 1 },
    ]);
  });

  test('however many there are, the list is bounded, and no count is lost or moved', () => {
    for (let n = 0; n < 10_000; n += 1) {
      session.record({ kind: 'kv', state: 'answered', target: `get ${n}`, bytes: 1 });
      session.record({ kind: 'http', state: 'refused', target: `GET ${n}`, bytes: 0 });
    }
    session.record({ kind: 'http', state: 'sent', target: 'GET last', bytes: 5 });
    const effects = session.effects();
    expect(effects.length).toBeLessThan(100);
    const total = (kind: string, state: string): number =>
      effects
        .filter((effect) => effect.kind === kind && effect.state === state)
        .reduce((sum, effect) => sum + effect.count, 0);
    expect(total('kv', 'answered')).toBe(10_000);
    expect(total('http', 'refused')).toBe(10_000);
    expect(total('http', 'sent')).toBe(1);
    expect(session.unanswered()).toBe(true);
  });

  test('every hop of a redirect and the end of it are told', async () => {
    sessions = withNetwork(() => Promise.resolve(http('answered', 'GET a', 'GET b')));
    const permit = permitOf();
    const open = sessions.open(permit, lease);
    await serve(permit, get('http://a/'));
    expect(open.effects().map(({ target }) => target)).toEqual(['GET a', 'GET b']);
  });

  test('a fault of ours is an answer to the guest, without its text’s stack', async () => {
    sessions = withNetwork(() => Promise.reject(new Error('broken')));
    const permit = permitOf();
    const open = sessions.open(permit, lease);
    expect(await serve(permit, get('http://a/'))).toEqual({
      ok: false,
      code: 'failed',
      message: 'broken',
    });
    expect(open.unanswered()).toBe(false);
  });
});

function endOf(outcome: RunOutcome, session: CallSession): CallOutcome {
  const { firewall } = gate.parts;
  const guard = firewall.guard(session.permit, undefined);
  return outcomeOf({ outcome, session, guard }, ECHO, firewall);
}

describe('a call that is cut off while a request is under way', () => {
  const ends = [
    { kind: 'limit', limit: 'deadline', reason: 'late', usage: USAGE },
    { kind: 'cancelled', usage: USAGE },
    { kind: 'crashed', reason: 'gone', usage: USAGE },
  ] as const;

  test.each(ends)(
    'ended as $kind is `unknown`, and its receipt names the request',
    async (outcome) => {
      sessions = withNetwork(() => new Promise(() => {}));
      const permit = permitOf();
      const session = sessions.open(permit, lease);
      void serve(permit, get('https://bank.example/pay'));
      const read = endOf(outcome, session);
      expect(read).toMatchObject({ kind: 'stopped', outcome: 'unknown' });
      expect(read.kind === 'stopped' && read.error.code).toBe('outcome-unknown');
      expect(session.effects()).toEqual([
        { kind: 'http', state: 'sent', target: 'GET https://bank.example/pay', bytes: 0, count: 1 },
      ]);
    },
  );

  test.each(ends)(
    'ended as $kind after a request that was sent and not answered',
    async (outcome) => {
      sessions = withNetwork(() => Promise.resolve(http('sent', 'GET x')));
      const permit = permitOf();
      const session = sessions.open(permit, lease);
      await serve(permit, get('https://x/'));
      expect(endOf(outcome, session)).toMatchObject({ outcome: 'unknown' });
    },
  );

  test.each(ends)(
    'ended as $kind after its requests were answered is what it is',
    async (outcome) => {
      sessions = withNetwork(() => Promise.resolve(http('answered', 'GET x')));
      const permit = permitOf();
      const session = sessions.open(permit, lease);
      await serve(permit, get('https://x/'));
      expect(endOf(outcome, session)).toMatchObject({ outcome: outcome.kind });
    },
  );
});

test('a hostile URL under way is cut to what a receipt can hold', () => {
  sessions = withNetwork(() => new Promise(() => {}));
  const permit = permitOf();
  const session = sessions.open(permit, lease);
  void serve(permit, get(`https://x/\ud800${'a'.repeat(500_000)}`));
  const [effect] = session.effects();
  expect(effect?.target.length).toBeLessThanOrEqual(1024);
  expect(effect?.target.isWellFormed()).toBe(true);
});
