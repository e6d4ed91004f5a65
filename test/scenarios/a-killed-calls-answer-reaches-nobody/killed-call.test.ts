// A call that was ended, by its deadline or its caller, while the host still worked for it: the late
// reply and the late answer reach nobody, and the next caller gets its own.

import { afterEach, expect, test } from 'vitest';
import type { HostReply } from '../../../src/run/sandbox/host-calls.ts';
import {
  createTestSandbox,
  defaultLimits,
  fixture,
  type TestSandbox,
} from '../../support/sandbox.ts';

let box: TestSandbox | undefined;
afterEach(async () => {
  await box?.sandbox.close();
});

const probe = fixture('probe-plugin');
const ask = (key: string) => ({ function: 'kv_get', request: { key } });
const stored = (text: string): HostReply => ({
  ok: true,
  value: { found: true },
  bytes: new TextEncoder().encode(text),
});

/** A host that answers `slow` only when told to, and notes what was given up. */
function slowHost() {
  const given: { late: (reply: HostReply) => void; aborted: boolean }[] = [];
  return {
    given,
    serve: (_: unknown, request: { op: string; key?: string }, signal: AbortSignal) => {
      if (request.key !== 'slow') return stored(`value of ${request.key}`);
      const { promise, resolve } = Promise.withResolvers<HostReply>();
      const entry = { late: resolve, aborted: false };
      signal.addEventListener('abort', () => (entry.aborted = true));
      given.push(entry);
      return promise;
    },
  };
}

function textOf(outcome: Awaited<ReturnType<TestSandbox['call']>>): string {
  if (outcome.kind !== 'answered') throw new Error(JSON.stringify(outcome));
  const [piece] = outcome.answer.content;
  return piece?.type === 'text' ? piece.text : '';
}

test('the deadline during a host call', async () => {
  const host = slowHost();
  box = await createTestSandbox({ serve: host.serve });
  const limits = { ...defaultLimits, timeoutMs: 300 };
  const outcome = await box.call(probe, 'probe', ask('slow'), { terms: { limits } });
  expect(outcome).toMatchObject({ kind: 'limit', limit: 'deadline', usage: { hostCalls: 1 } });
  expect(host.given[0]?.aborted).toBe(true);
  const next = box.call(probe, 'probe', ask('mine'));
  host.given[0]?.late(stored('of the killed call'));
  expect(textOf(await next)).toContain(Buffer.from('value of mine').toString('base64'));
});

test('a caller that leaves during a host call', async () => {
  const host = slowHost();
  box = await createTestSandbox({ serve: host.serve });
  const leave = new AbortController();
  const running = box.call(probe, 'probe', ask('slow'), { signal: leave.signal });
  await expect.poll(() => host.given.length).toBe(1);
  const others = [1, 2, 3].map((n) => box?.call(probe, 'probe', ask(`other-${n}`)));
  leave.abort();
  expect(await running).toMatchObject({ kind: 'cancelled' });
  expect(host.given[0]?.aborted).toBe(true);
  host.given[0]?.late(stored('of the killed call'));
  for (const [index, other] of others.entries()) {
    const outcome = await other;
    if (outcome === undefined) throw new Error('no outcome');
    const mine = Buffer.from(`value of other-${index + 1}`).toString('base64');
    expect(textOf(outcome)).toContain(mine);
  }
});

test('a caller that left before its turn, and one that had left from the start', async () => {
  box = await createTestSandbox();
  const limits = { ...defaultLimits, timeoutMs: 1000 };
  const running = box.call(fixture('loop'), 'loop', {}, { terms: { limits } });
  const leave = new AbortController();
  const waiting = box.call(
    fixture('loop'),
    'loop',
    {},
    { signal: leave.signal, terms: { limits } },
  );
  leave.abort();
  expect(await waiting).toMatchObject({ kind: 'cancelled', usage: { wallMs: 0 } });
  expect(
    await box.call(fixture('loop'), 'loop', {}, { signal: AbortSignal.abort() }),
  ).toMatchObject({ kind: 'cancelled' });
  expect(await running).toMatchObject({ kind: 'limit' });
});

test('a host that breaks ends the call, not the sandbox', async () => {
  box = await createTestSandbox({
    serve: () => {
      throw new Error('disk on fire');
    },
  });
  expect(await box.call(probe, 'probe', ask('x'))).toMatchObject({
    kind: 'crashed',
    reason: 'a host call failed: disk on fire',
  });
  expect(await box.call(fixture('plain'), 'upper', { input: 'a' })).toMatchObject({
    kind: 'answered',
  });
});
