// The one way through the gate: what is durable when, what is spent when, and how every way it can end
// leaves exactly one receipt.

import { beforeEach, describe, expect, test } from 'vitest';

import { type ErrorCode, WarderError } from '../../../src/base/errors/errors.ts';
import { kvLimits, kvTable } from '../../../src/reach/kv/kv.ts';
import type { RunOutcome } from '../../../src/run/sandbox/runner.ts';
import { governedCall } from '../../../src/gate/gate.ts';
import { intentTable, settleInterrupted } from '../../../src/gate/intent.ts';
import type { CallAnswer, CallRequest, CallToProve } from '../../../src/gate/door.ts';
import type { Outcome } from '../../../src/trust/receipt/leaf.ts';
import { type FakeConnection, type FakeGate, openGate } from '../../fakes/gate.ts';
import { answers, type Behaviour, hangs, USAGE } from '../../fakes/runner.ts';
import { ECHO, filesOf, installed, NOTHING_GRANTED, NOW } from '../../support/decision.ts';

let gate: FakeGate;
let agent: FakeConnection;

beforeEach(async () => {
  gate = await openGate();
  agent = gate.connect();
});

function intents(on: FakeGate = gate): number {
  return on.store.read((reader) => reader.list(intentTable, undefined).length);
}

function uses(on: FakeGate = gate): number {
  return on.parts.leases.list(undefined, NOW).reduce((sum, lease) => sum + lease.uses, 0);
}

/** The error of a call that was stopped. */
function stopped(answer: CallAnswer): CallAnswer & { kind: 'stopped' } {
  if (answer.kind !== 'stopped') throw new Error('the call was answered');
  return answer;
}

/** The only receipt of a call, which is the one the answer names. */
function onlyReceipt(on: FakeGate, answer?: CallAnswer): { outcome: string; code?: string } {
  const receipts = on.receipts();
  expect(receipts).toHaveLength(1);
  const [receipt] = receipts;
  if (receipt === undefined) throw new Error('no receipt');
  if (answer !== undefined) {
    const { id, index, leafHash } = receipt;
    expect(answer.receipt).toEqual({ id, index, leafHash });
  }
  const { outcome, code } = receipt.statement.predicate;
  return { outcome, ...(code === undefined ? {} : { code }) };
}

describe('the order of events', () => {
  test('the intent is durable before the guest starts, with the use it costs', async () => {
    const seen: number[] = [];
    gate.runner.behaviour = () => {
      seen.push(intents(), uses(), gate.receipts().length);
      return answers('hi');
    };
    await agent.call({ text: 'hi' });
    expect(seen).toEqual([1, 1, 0]);
  });

  test('the answer leaves after its outcome is durable, and no intent is left', async () => {
    const answer = await agent.call({ text: 'hi' });
    expect(answer.kind).toBe('answered');
    expect(onlyReceipt(gate, answer)).toEqual({ outcome: 'done' });
    expect(intents()).toBe(0);
  });

  test('a refused call spends no use of the lease', async () => {
    await agent.call({ text: 'hi' });
    expect(uses()).toBe(1);
    for (const [tool, args] of [
      ['text_echo', '{"text":1}'],
      ['text_echo', '{"text":'],
      ['nothing', '{}'],
    ] as const) {
      stopped(await agent.call({}, { tool, arguments: args }));
    }
    expect(uses()).toBe(1);
    expect(gate.runner.ran).toHaveLength(1);
  });

  test('a call is judged and stamped by one reading of the clock', async () => {
    gate.runner.behaviour = () => {
      gate.clock.advance(5000);
      return answers('hi');
    };
    await agent.call({ text: 'hi' });
    const [receipt] = gate.receipts();
    expect(receipt?.time).toBe(new Date(NOW).toISOString());
    expect(receipt?.statement.predicate.usage?.['latencyUs']).toBe(5_000_000);
  });

  test('a receipt says what was asked, answered, decided and used, but shows no values', async () => {
    await agent.call({ text: 'a secret' });
    const [receipt] = gate.receipts();
    expect(receipt?.openings.fields).toMatchObject({
      arguments: { value: { text: 'a secret' } },
      result: { value: { content: [{ type: 'text', text: 'hi' }] } },
      principal: { value: 'alice' },
    });
    expect(receipt?.statement.predicate.decision?.effect).toBe('allow');
    expect(receipt?.statement.predicate.usage).toMatchObject({ peakMemoryBytes: 65_536 });
    expect(JSON.stringify(receipt?.statement)).not.toMatch(/a secret|alice|"hi"/);
  });
});

describe('every way a call can end leaves exactly one receipt', () => {
  const schemaTool = {
    ...ECHO,
    name: 'typed',
    outputSchema: {
      type: 'object',
      properties: { n: { type: 'integer' } },
      required: ['n'],
    },
  };
  const limit = (of: Extract<RunOutcome, { kind: 'limit' }>['limit']): Behaviour => {
    return () => ({ kind: 'limit', limit: of, reason: `too much ${of}`, usage: USAGE });
  };

  test.each<[string, Behaviour, Outcome, ErrorCode | undefined]>([
    ['answered', () => answers('hi'), 'done', undefined],
    ['the tool says no', () => answers('no', { isError: true }), 'tool-error', undefined],
    [
      'trapped',
      () => ({ kind: 'failed', reason: 'a trap', usage: USAGE }),
      'failed',
      'tool-failed',
    ],
    ['deadline', limit('deadline'), 'limit', 'tool-limit'],
    ['memory', limit('memory'), 'limit', 'tool-limit'],
    ['output', limit('output'), 'limit', 'tool-limit'],
    ['host calls', limit('host-calls'), 'limit', 'tool-limit'],
    ['log', limit('log'), 'limit', 'tool-limit'],
    ['withdrawn', () => ({ kind: 'cancelled', usage: USAGE }), 'cancelled', 'cancelled'],
    [
      'crashed',
      () => ({ kind: 'crashed', reason: 'gone', usage: USAGE }),
      'crashed',
      'tool-failed',
    ],
    [
      'a runner that breaks',
      () => Promise.reject(new Error('out of executors')),
      'crashed',
      'tool-failed',
    ],
    [
      'a reason no terminal, log or leaf should take as it is',
      () => ({ kind: 'failed', reason: `\u001b[2J\ud800${'x'.repeat(100_000)}`, usage: USAGE }),
      'failed',
      'tool-failed',
    ],
    [
      'usage that is no number',
      () => ({ kind: 'failed', reason: 'x', usage: { ...USAGE, cpuMs: Number.NaN } }),
      'failed',
      'tool-failed',
    ],
  ])('%s', async (_, behaviour, outcome, code) => {
    gate.runner.behaviour = behaviour;
    const answer = await agent.call({ text: 'hi' });
    const said = answer.kind === 'stopped' ? answer.error.code : undefined;
    expect(said).toBe(code);
    expect(onlyReceipt(gate, answer)).toEqual({ outcome, ...(code === undefined ? {} : { code }) });
    expect(intents()).toBe(0);
    expect(uses()).toBe(1);
  });

  test('a structured answer that breaks the tool’s own schema', async () => {
    const on = await openGate({ tools: [schemaTool] });
    on.runner.behaviour = () => answers('x', { structuredContent: { n: 'one' } });
    const answer = await on.connect().call({}, { tool: 'typed' });
    expect(stopped(answer).error.message).toContain('output schema');
    expect(onlyReceipt(on, answer)).toEqual({ outcome: 'failed', code: 'tool-failed' });
  });

  test.each<[string, Partial<CallRequest>, ErrorCode]>([
    ['arguments that do not parse', { arguments: '{"text":' }, 'malformed'],
    ['a repeated member', { arguments: '{"text":"a","text":"b"}' }, 'malformed'],
    ['invalid UTF-8', { arguments: new Uint8Array([0x7b, 0xff, 0x7d]) }, 'malformed'],
    ['arguments that are no object', { arguments: '[1]' }, 'malformed'],
    ['a parsed value that is no JSON', { arguments: { parsed: { text: () => 1 } } }, 'malformed'],
    ['10 MB of arguments', { arguments: `{"text":"${'x'.repeat(10 << 20)}"}` }, 'limit-reached'],
    ['a name that is none', { tool: 'a b\u0000\ud800' }, 'malformed'],
    ['a name of 10 MB', { tool: 'x'.repeat(10 << 20) }, 'malformed'],
    ['an unknown tool', { tool: 'text_ecco' }, 'not-found'],
    ['`__proto__`', { tool: '__proto__' }, 'not-found'],
    ['arguments outside the schema', { arguments: '{"text":1}' }, 'schema-violation'],
  ])('refused: %s', async (_, request, code) => {
    const answer = await agent.call({ text: 'hi' }, request);
    expect(stopped(answer).error.code).toBe(code);
    expect(stopped(answer).error.hint).toBeDefined();
    expect(onlyReceipt(gate, answer)).toEqual({ outcome: 'refused', code });
    expect(gate.runner.ran).toEqual([]);
  });

  test('refused: a disabled tool', async () => {
    await gate.administration.switchTool('default', 'inst_01', 'disable');
    const answer = await agent.call({ text: 'hi' });
    expect(onlyReceipt(gate, answer).outcome).toBe('refused');
    expect(gate.runner.ran).toEqual([]);
  });

  test('refused: a lease that does not cover the tool', async () => {
    const narrow = gate.connect({ capabilities: [{ type: 'tool.call', tools: ['other'] }] });
    const answer = await narrow.call({ text: 'hi' });
    expect(onlyReceipt(gate, answer)).toEqual({ outcome: 'refused', code: 'lease-refused' });
  });

  test('refused: a revoked lease, which is not issued anew', async () => {
    await agent.call({ text: 'hi' });
    const { stateKey } = await agent.lease.current(NOW);
    await gate.administration.revokeLease('default', stateKey, 'enough');
    const answer = stopped(await agent.call({ text: 'hi' }));
    expect(answer.error.code).toBe('lease-refused');
    expect(gate.receipts().map(({ outcome }) => outcome)).toEqual(['done', 'refused']);
    expect(gate.runner.ran).toHaveLength(1);
  });

  test('refused: a lease without a use left, however many ask at once', async () => {
    const twice = gate.connect({ maxUses: 2 });
    const all = await Promise.all(Array.from({ length: 8 }, () => twice.call({ text: 'hi' })));
    expect(all.filter(({ kind }) => kind === 'answered')).toHaveLength(2);
    expect(gate.runner.ran).toHaveLength(2);
    expect(gate.receipts()).toHaveLength(8);
    expect(uses()).toBe(2);
  });

  test('refused: a policy that cannot be asked', async () => {
    const broken = 'permit (principal, action, resource) when { context.nothing };';
    const on = await openGate({ policy: filesOf(broken) });
    const answer = await on.connect().call({ text: 'hi' });
    expect(onlyReceipt(on, answer)).toEqual({ outcome: 'refused', code: 'policy-denied' });
    expect(on.runner.ran).toEqual([]);
  });

  test('refused: too many wait already', async () => {
    const small = await openGate({ limits: { concurrentCalls: 1, waitingCalls: 1 } });
    const caller = small.connect();
    const stop = new AbortController();
    small.runner.behaviour = hangs;
    const first = caller.call({ text: '1' }, { signal: stop.signal });
    const second = caller.call({ text: '2' }, { signal: stop.signal });
    const third = stopped(await caller.call({ text: '3' }));
    expect(third.error.code).toBe('limit-reached');
    await expect.poll(() => small.runner.ran.length).toBe(1);
    stop.abort();
    await Promise.all([first, second]);
    const outcomes = small.receipts().map(({ outcome }) => outcome);
    expect(outcomes.toSorted()).toEqual(['cancelled', 'cancelled', 'refused']);
    // The one that was withdrawn while it waited never reached a guest.
    expect(small.runner.ran).toHaveLength(1);
    expect(small.turnstile.running).toBe(0);
  });

  test('withdrawn before it starts: nothing runs and nothing is spent', async () => {
    const answer = await agent.call({ text: 'hi' }, { signal: AbortSignal.abort() });
    expect(onlyReceipt(gate, answer)).toEqual({ outcome: 'cancelled', code: 'cancelled' });
    expect(gate.runner.ran).toEqual([]);
    expect(uses()).toBe(0);
  });

  test('withdrawn while the lease is issued: nothing runs and nothing is spent', async () => {
    const stop = new AbortController();
    const caller = {
      ...agent.caller,
      lease: async (now: number, call: CallToProve) => {
        const lease = await agent.caller.lease(now, call);
        stop.abort();
        return lease;
      },
    };
    const request = { tool: ECHO.name, arguments: '{"text":"hi"}', signal: stop.signal };
    const answer = await gate.door.call(caller, request);
    expect(onlyReceipt(gate, answer)).toEqual({ outcome: 'cancelled', code: 'cancelled' });
    expect(gate.runner.ran).toEqual([]);
    expect(uses()).toBe(0);
  });

  test('a turn is given back whatever the end', async () => {
    gate.runner.behaviour = () => Promise.reject(new Error('broken'));
    await agent.call({ text: 'hi' });
    await agent.call({}, { tool: 'nothing' });
    expect(gate.turnstile.running).toBe(0);
    expect(gate.turnstile.served).toBe(2);
  });
});

describe('a log that cannot be written', () => {
  test('at the intent: nothing runs, nothing is spent, the call rejects `unavailable`', async () => {
    await agent.call({ text: 'first' });
    gate.store.full = true;
    await expect(agent.call({ text: 'hi' })).rejects.toMatchObject({ code: 'unavailable' });
    gate.store.full = false;
    expect(gate.runner.ran).toHaveLength(1);
    expect(intents()).toBe(0);
    expect(uses()).toBe(1);
    expect((await agent.call({ text: 'hi' })).kind).toBe('answered');
  });

  test('at the outcome: the call rejects, and recovery makes exactly one receipt `unknown`', async () => {
    gate.runner.behaviour = () => {
      gate.store.full = true;
      return answers('hi');
    };
    await expect(agent.call({ text: 'hi' })).rejects.toMatchObject({ code: 'unavailable' });
    gate.store.full = false;
    expect(gate.receipts()).toEqual([]);
    expect(intents()).toBe(1);

    const { log } = gate.parts;
    expect(await settleInterrupted(gate.store, log, gate.parts.budgets, NOW + 1000)).toBe(1);
    expect(onlyReceipt(gate)).toEqual({ outcome: 'unknown', code: 'outcome-unknown' });
    expect(await settleInterrupted(gate.store, log, gate.parts.budgets, NOW + 2000)).toBe(0);
    expect(onlyReceipt(gate).outcome).toBe('unknown');
    // It was let in: the use stays spent, and nothing runs by itself.
    expect(uses()).toBe(1);
    expect(gate.runner.ran).toHaveLength(1);
    expect(gate.receipts()[0]?.openings.fields['arguments']).toMatchObject({
      value: { text: 'hi' },
    });
  });

  test('at the outcome, once: what ran is never told as refused', async () => {
    gate.runner.behaviour = () => {
      gate.store.failing = 1;
      return answers('hi');
    };
    await expect(agent.call({ text: 'hi' })).rejects.toMatchObject({ code: 'unavailable' });
    expect(gate.receipts()).toEqual([]);
    await settleInterrupted(gate.store, gate.parts.log, gate.parts.budgets, NOW);
    expect(onlyReceipt(gate).outcome).toBe('unknown');
  });

  test('at the intent, once: nothing runs, and the refusal is on record', async () => {
    await agent.lease.current(NOW);
    gate.store.failing = 1;
    const answer = await agent.call({ text: 'hi' });
    expect(onlyReceipt(gate, answer)).toEqual({ outcome: 'refused', code: 'unavailable' });
    expect(gate.runner.ran).toEqual([]);
    expect([intents(), uses()]).toEqual([0, 0]);
  });

  test('at the intent, as far as anyone knows: nothing runs, and it is told once', async () => {
    await agent.lease.current(NOW);
    gate.store.lying = 1;
    const answer = await agent.call({ text: 'hi' });
    expect(gate.runner.ran).toEqual([]);
    expect(intents()).toBe(0);
    await settleInterrupted(gate.store, gate.parts.log, gate.parts.budgets, NOW);
    expect(onlyReceipt(gate, answer)).toEqual({ outcome: 'refused', code: 'unavailable' });
  });

  test('at the outcome, as far as anyone knows: the receipt that was kept stays the only one', async () => {
    gate.runner.behaviour = () => {
      gate.store.lying = 1;
      return answers('hi');
    };
    await expect(agent.call({ text: 'hi' })).rejects.toMatchObject({ code: 'unavailable' });
    await settleInterrupted(gate.store, gate.parts.log, gate.parts.budgets, NOW);
    expect(onlyReceipt(gate)).toEqual({ outcome: 'done' });
  });

  test('two recoveries at once make one receipt', async () => {
    gate.runner.behaviour = () => {
      gate.store.full = true;
      return answers('hi');
    };
    await expect(agent.call({ text: 'hi' })).rejects.toMatchObject({ code: 'unavailable' });
    gate.store.full = false;
    const { log } = gate.parts;
    await Promise.all([
      settleInterrupted(gate.store, log, gate.parts.budgets, NOW),
      settleInterrupted(gate.store, log, gate.parts.budgets, NOW),
    ]);
    expect(onlyReceipt(gate).outcome).toBe('unknown');
  });

  test('a call that has its receipt is not settled a second time, whatever row was left', async () => {
    const { receipt } = await agent.call({ text: 'hi' });
    const left = { facts: { id: receipt.id } } as never;
    await gate.store.commit((tx) => tx.insert(intentTable, 'default', receipt.id, left));
    await settleInterrupted(gate.store, gate.parts.log, gate.parts.budgets, NOW);
    expect(onlyReceipt(gate).outcome).toBe('done');
    expect(intents()).toBe(0);
  });

  test('a clock that was set back refuses before anything else', async () => {
    const now = (): number => {
      throw new WarderError('unavailable', 'the clock was set back');
    };
    const request = { tool: ECHO.name, arguments: '{"text":"hi"}' };
    const call = governedCall({ ...gate.parts, now }, gate.turnstile, agent.caller, request);
    await expect(call).rejects.toMatchObject({ code: 'unavailable' });
    expect(gate.runner.ran).toEqual([]);
    expect(gate.turnstile.running).toBe(0);
  });
});

describe('key/value writes', () => {
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
  const kept = (): number =>
    gate.store.read((reader) =>
      reader.list(kvTable, undefined).reduce((sum, { value }) => sum + (value.keys ?? 0), 0),
    );

  beforeEach(async () => {
    gate = await openGate({ grant: { kv: true } });
    agent = gate.connect();
  });

  /** Approves the call that `args` make, so that it may run with its kv grant. */
  async function approved(args: object): Promise<CallAnswer> {
    const held = stopped(await agent.call(args));
    await gate.administration.decideApproval('default', held.approval ?? '', { kind: 'yes' });
    return agent.call(args);
  }

  function keeps(then: Behaviour): Behaviour {
    return async (guest) => {
      const reply = await guest.ask({ op: 'kv-set', key: 'k', value: bytes('v') });
      expect(reply).toMatchObject({ ok: true });
      expect(kept()).toBe(0);
      return then(guest);
    };
  }

  test('are committed with the outcome', async () => {
    gate.runner.behaviour = keeps(() => answers('kept'));
    expect((await approved({ text: 'a' })).kind).toBe('answered');
    expect(kept()).toBe(1);
    expect(gate.receipts().at(-1)?.statement.predicate.effects).toMatchObject([
      { kind: 'kv', state: 'answered', count: 1 },
    ]);
  });

  test.each<[string, Behaviour]>([
    ['fails', () => ({ kind: 'failed', reason: 'a trap', usage: USAGE })],
    ['crashes', () => ({ kind: 'crashed', reason: 'gone', usage: USAGE })],
    ['is ended', () => ({ kind: 'limit', limit: 'deadline', reason: 'late', usage: USAGE })],
    ['is withdrawn', () => ({ kind: 'cancelled', usage: USAGE })],
  ])('are dropped when the tool %s', async (_, then) => {
    gate.runner.behaviour = keeps(then);
    expect((await approved({ text: 'a' })).kind).toBe('stopped');
    expect(kept()).toBe(0);
  });

  test('that no longer fit when they are committed fail the call, and none is kept', async () => {
    // Two calls, each within its quota when it wrote, together beyond the number of keys.
    const half = kvLimits.keys / 2 + 1;
    let filled = 0;
    gate.runner.behaviour = async ({ ask, call }) => {
      for (let n = 0; n < half; n += 1) {
        await ask({ op: 'kv-set', key: `${call.digest.slice(0, 8)}-${n}`, value: bytes('v') });
      }
      filled += 1;
      await expect.poll(() => filled, { interval: 5 }).toBe(2);
      return answers('kept');
    };
    const all = await Promise.all([approved({ text: 'a' }), approved({ text: 'b' })]);
    expect(all.map(({ kind }) => kind).toSorted()).toEqual(['answered', 'stopped']);
    const failed = all.find(({ kind }) => kind === 'stopped');
    expect(failed?.kind === 'stopped' && failed.error.code).toBe('limit-reached');
    expect(kept()).toBe(half);
    const ran = gate.receipts().filter(({ outcome }) => outcome !== 'approval-required');
    expect(ran.map(({ outcome }) => outcome).toSorted()).toEqual(['done', 'failed']);
    expect(intents()).toBe(0);
  });
});

describe('a call that asks', () => {
  beforeEach(async () => {
    gate = await openGate({ grant: { kv: true } });
    agent = gate.connect();
  });

  const approve = (id: string | undefined): Promise<unknown> =>
    gate.administration.decideApproval('default', id ?? '', { kind: 'yes' });
  const stateOf = (id: string | undefined): string =>
    gate.parts.approvals.show('default', id ?? '', NOW).state;

  test('is held with one receipt that names the approval; nothing runs or is spent', async () => {
    const held = stopped(await agent.call({ text: 'a' }));
    expect(held.error.code).toBe('approval-required');
    expect(held.error.hint).toContain(`warder approvals approve ${held.approval}`);
    expect(onlyReceipt(gate, held)).toEqual({
      outcome: 'approval-required',
      code: 'approval-required',
    });
    expect(gate.receipts()[0]?.statement.predicate.approval).toBe(held.approval);
    expect(gate.runner.ran).toEqual([]);
    expect(uses()).toBe(0);
  });

  test('runs exactly once, however many retries race', async () => {
    const held = stopped(await agent.call({ text: 'a' }));
    await approve(held.approval);
    const all = await Promise.all(Array.from({ length: 16 }, () => agent.call({ text: 'a' })));
    expect(all.filter(({ kind }) => kind === 'answered')).toHaveLength(1);
    expect(gate.runner.ran).toHaveLength(1);
    expect(stateOf(held.approval)).toBe('consumed');
    expect(uses()).toBe(1);
    expect(gate.receipts().filter(({ outcome }) => outcome === 'done')).toHaveLength(1);
    expect(gate.receipts()).toHaveLength(17);
  });

  test('is resumed by a later connection of the same agent, named or not', async () => {
    const held = stopped(await agent.call({ text: 'a' }));
    await approve(held.approval);
    const later = gate.connect();
    const { approval = '' } = held;
    expect((await later.call({ text: 'a' }, { approval })).kind).toBe('answered');
  });

  test('keeps its approval when the retry is refused before it could run', async () => {
    const held = stopped(await agent.call({ text: 'a' }));
    await approve(held.approval);
    stopped(await agent.call({}, { arguments: '{"text":' }));
    stopped(await agent.call({ text: 'a' }, { signal: AbortSignal.abort() }));
    gate.store.full = true;
    await expect(agent.call({ text: 'a' })).rejects.toMatchObject({ code: 'unavailable' });
    gate.store.full = false;
    expect(stateOf(held.approval)).toBe('approved');
    expect((await agent.call({ text: 'a' })).kind).toBe('answered');
  });

  test('has used its approval up when the tool then fails', async () => {
    gate.runner.behaviour = () => ({ kind: 'crashed', reason: 'gone', usage: USAGE });
    const held = stopped(await agent.call({ text: 'a' }));
    await approve(held.approval);
    await agent.call({ text: 'a' });
    expect(stateOf(held.approval)).toBe('consumed');
    expect(stopped(await agent.call({ text: 'a' })).error.code).toBe('approval-required');
  });

  test('may not run on an approval of another call', async () => {
    const held = stopped(await agent.call({ text: 'a' }));
    const other = stopped(await agent.call({ text: 'b' }));
    await approve(held.approval);
    await approve(other.approval);
    for (const approval of [held.approval ?? '', 'appr_0', '', '__proto__']) {
      const answer = stopped(await agent.call({ text: 'b' }, { approval }));
      expect(answer.error.code).toBe('policy-denied');
    }
    expect(gate.runner.ran).toEqual([]);
    expect([stateOf(held.approval), stateOf(other.approval)]).toEqual(['approved', 'approved']);
  });

  test('asks anew when the grant was changed after the yes', async () => {
    const held = stopped(await agent.call({ text: 'a' }));
    await approve(held.approval);
    const grant = { ...NOTHING_GRANTED, kv: true, env: { MODE: 'other' } };
    const before = gate.parts.catalog.show('default', 'inst_01');
    await gate.administration.changeGrant('default', before, grant);
    const again = stopped(await agent.call({ text: 'a' }));
    expect(again.error.code).toBe('approval-required');
    expect(again.approval).not.toBe(held.approval);
    expect(gate.runner.ran).toEqual([]);
  });

  test('asks anew when the package was removed and added again', async () => {
    const held = stopped(await agent.call({ text: 'a' }));
    await approve(held.approval);
    await gate.administration.switchTool('default', 'inst_01', 'remove');
    await gate.install({ ...installed({ kv: true }), id: 'inst_02' });
    expect(stopped(await agent.call({ text: 'a' })).error.code).toBe('approval-required');
    expect(gate.runner.ran).toEqual([]);
  });

  test('is refused with the operator’s words after a no', async () => {
    const held = stopped(await agent.call({ text: 'a' }));
    await gate.administration.decideApproval('default', held.approval ?? '', {
      kind: 'no',
      reason: 'not today',
    });
    const refused = stopped(await agent.call({ text: 'a' }));
    expect(refused.error).toMatchObject({ code: 'policy-denied' });
    expect(refused.error.message).toContain('not today');
    expect(gate.receipts().at(-1)).toMatchObject({ outcome: 'refused' });
  });

  test('another principal’s or agent’s approval is worth nothing', async () => {
    const held = stopped(await agent.call({ text: 'a' }));
    await approve(held.approval);
    for (const terms of [{ principal: 'mallory' }, { agent: 'other' }]) {
      const answer = stopped(await gate.connect(terms).call({ text: 'a' }));
      expect(answer.error.code).toBe('approval-required');
    }
    expect(gate.runner.ran).toEqual([]);
  });
});

describe('a preview', () => {
  const request = (args: object): CallRequest => ({
    tool: ECHO.name,
    arguments: JSON.stringify(args),
  });

  test('says what would happen, and writes and spends nothing', async () => {
    const asking = await openGate({ grant: { kv: true } });
    const one = asking.connect();
    const held = stopped(await one.call({ text: 'approved' }));
    await asking.administration.decideApproval('default', held.approval ?? '', { kind: 'yes' });
    const { kept } = asking.store;
    const preview = (args: object): Promise<unknown> =>
      asking.door.preview(one.caller, request(args));
    expect(await preview({ text: 'b' })).toMatchObject({ verdict: 'route_to_approver' });
    expect(await preview({ text: 'approved' })).toMatchObject({ verdict: 'auto_approve' });
    expect(await preview({ text: 1 })).toMatchObject({
      verdict: 'hard_deny',
      error: { code: 'schema-violation' },
    });
    expect(asking.store.kept).toBe(kept);
    expect(asking.runner.ran).toEqual([]);
    expect(uses(asking)).toBe(0);
    expect(asking.parts.approvals.show('default', held.approval ?? '', NOW).state).toBe('approved');
  });
});

describe('the list of tools', () => {
  test('holds what the caller’s capabilities cover and what is enabled, sorted', async () => {
    const tools = ['b_two', 'a_one', 'c_three'].map((name) => ({ ...ECHO, name }));
    const on = await openGate({ tools });
    const names = (covers: (tool: string) => boolean): string[] =>
      on.door.tools({ ...on.connect().caller, covers }).map(({ name }) => name);
    expect(names(() => true)).toEqual(['a_one', 'b_two', 'c_three']);
    expect(names((tool) => tool !== 'b_two')).toEqual(['a_one', 'c_three']);
    await on.administration.switchTool('default', 'inst_01', 'disable');
    expect(names(() => true)).toEqual([]);
  });

  test('of another tenant holds nothing of this one', () => {
    expect(gate.door.tools({ ...agent.caller, tenant: 'other' })).toEqual([]);
  });
});

test('a call that waited in line is judged and dated by when it was let in', async () => {
  const small = await openGate({ limits: { concurrentCalls: 1, waitingCalls: 1 } });
  const caller = small.connect();
  const stop = new AbortController();
  small.runner.behaviour = hangs;
  const first = caller.call({ text: '1' }, { signal: stop.signal });
  await expect.poll(() => small.runner.ran.length).toBe(1);
  const second = caller.call({ text: '2' });
  small.clock.advance(90_000);
  const letIn = small.clock.wall();
  small.runner.behaviour = () => answers('late');
  stop.abort();
  await Promise.all([first, second]);
  const done = small.receipts().find(({ outcome }) => outcome === 'done');
  expect(done?.time).toBe(new Date(letIn).toISOString());
});
