// A guest ended while the host worked for it: nobody knows what became of what may have left, and its
// receipt says so, with all the call used; what cannot have happened is not called unknown. The naive
// form, in which a killed call is one that timed out, invites a second payment.

import { afterEach, expect, test } from 'vitest';
import type { CallLimits } from '../../../src/catalog/installation.ts';
import type { Files } from '../../../src/reach/files/files.ts';
import type { Egress } from '../../../src/reach/egress/egress.ts';
import { openDoor } from '../../../src/gate/open-door.ts';
import { kvTable } from '../../../src/reach/kv/kv.ts';
import { fakeEgress } from '../../fakes/egress.ts';
import { type FakeGate, openGate } from '../../fakes/gate.ts';
import { ECHO, filesOf, installed, PERMIT_ALL } from '../../support/decision.ts';
import {
  createTestSandbox,
  defaultLimits,
  fixture,
  type TestSandbox,
} from '../../support/sandbox.ts';

let box: TestSandbox | undefined;
afterEach(() => box?.sandbox.close());

const never = (): Promise<never> => new Promise(() => {});

/** A disk that does not answer. */
const stuckDisk: Files = {
  open: () => ({
    serve: never,
    underWay: () => [
      { kind: 'file-write', state: 'sent', count: 1, target: 'write /out/a', bytes: 0 },
    ],
    close: () => {},
  }),
  warm: () => {},
  processes: () => Promise.resolve([]),
  close: () => Promise.resolve(),
};

interface Options {
  readonly egress?: Egress;
  readonly files?: Files;
  readonly limits?: Partial<CallLimits>;
  readonly config?: Readonly<Record<string, string>>;
}

interface Receipt {
  readonly outcome: string;
  readonly code?: string;
  readonly usage: Readonly<Record<string, number>>;
  readonly effects: readonly string[];
}

/** A governed call that is ended from outside, and its receipt. */
async function killed(
  { limits, config = {}, ...parts }: Options,
  name: string,
  args: object = {},
): Promise<[FakeGate, Receipt]> {
  const gate = await openGate({ policy: filesOf(PERMIT_ALL), tools: [], ...parts });
  const { sessions } = gate.parts;
  box = await createTestSandbox({
    clock: gate.clock,
    serve: (permit, asked, signal) => sessions.serve(permit, asked, signal),
  });
  const tool = name.replace('probe-plugin', 'probe');
  const grant = {
    unsafeNoJail: true,
    kv: true,
    config,
    limits: { ...defaultLimits, timeoutMs: 400, ...limits },
  };
  await gate.install({
    ...installed(grant, [{ ...ECHO, name: tool, inputSchema: { type: 'object' } }]),
    id: 'inst_probe',
    name: 'probe',
    digest: box.add(fixture(name)),
  });
  const door = openDoor(
    { ...gate.parts, runner: box.sandbox },
    gate.turnstile,
    gate.desk,
    gate.door.receipts,
  );
  const answer = await door.call(gate.connect().caller, { tool, arguments: JSON.stringify(args) });
  expect(answer.kind).toBe('stopped');
  const [receipt] = gate.receipts();
  const { outcome = '', code, usage = {}, effects = [] } = receipt?.statement.predicate ?? {};
  const shown = effects.map(({ kind, state }) => `${kind} ${state}`);
  return [gate, { outcome, ...(code === undefined ? {} : { code }), usage, effects: shown }];
}

const unknown = { outcome: 'unknown', code: 'outcome-unknown' };

test('a request over the network', async () => {
  const request = { method: 'POST', url: 'https://bank.test/pay' };
  const args = { function: 'http', request };
  const [, receipt] = await killed({ egress: fakeEgress(never) }, 'probe-plugin', args);
  expect(receipt).toMatchObject({ ...unknown, effects: ['http sent'] });
  expect(receipt.usage).toMatchObject({ hostCalls: 1, requests: 1 });
});

test('a write to a file', async () => {
  const args = { function: 'file_write', request: { path: '/out/a', data: 'AAAA' } };
  const [, receipt] = await killed({ files: stuckDisk }, 'probe-plugin', args);
  expect(receipt).toMatchObject({ ...unknown, effects: ['file-write sent'] });
});

test('requests that never left: the call is what ended it', async () => {
  const refusing = fakeEgress(({ url }) =>
    Promise.resolve({
      reply: { ok: false, code: 'denied', message: 'no' },
      effects: [{ kind: 'http', state: 'refused', count: 1, target: url, bytes: 0 }],
    }),
  );
  const config = { url: 'https://bank.test/pay', count: 'x'.repeat(10) };
  const options = { egress: refusing, config, limits: { hostCalls: 3 } };
  const [, receipt] = await killed(options, 'http-many');
  expect(receipt).toMatchObject({
    outcome: 'limit',
    code: 'tool-limit',
    effects: ['http refused'],
  });
  expect(receipt.usage).not.toHaveProperty('requests');
});

test('the key/value store: what a killed call wrote never was, and what it burned is on the bill', async () => {
  const [gate, receipt] = await killed({}, 'kv-then-loop');
  expect(receipt).toMatchObject({ outcome: 'limit', code: 'tool-limit', effects: ['kv answered'] });
  expect(gate.store.read((reader) => reader.list(kvTable, 'default'))).toEqual([]);
  expect(receipt.usage).toMatchObject({ hostCalls: 1, kvBytes: 5, peakMemoryBytes: 65_536 });
  expect(receipt.usage['cpuMs']).toBeGreaterThanOrEqual(50);
});
