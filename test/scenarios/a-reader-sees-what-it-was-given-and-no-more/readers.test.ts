// Openings per reader: an agent gets what it sent and was given, an auditor what an operator disclosed.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Disclosure } from '../../../src/trust/verify/disclosure.ts';
import { verifyDisclosure } from '../../../src/trust/verify/disclosure.ts';
import { verifyReceipt } from '../../../src/trust/verify/receipt.ts';
import { answers } from '../../fakes/runner.ts';
import { type AgentFront, agentFront } from '../../support/agent-front.ts';
import { ALL_CAPABILITIES, filesOf, installed, PERMIT_ALL } from '../../support/decision.ts';

type Json = Readonly<Record<string, unknown>>;

interface Answer {
  readonly disclosure?: Disclosure;
  readonly proof?: string;
  readonly error?: { readonly code: string; readonly message: string };
}

let front: AgentFront;
let keys: string;

beforeAll(async () => {
  keys = mkdtempSync(join(tmpdir(), 'warder-readers-'));
  front = await agentFront({
    keys,
    policy: filesOf(`@id("all") ${PERMIT_ALL}`),
    config: {
      agents: {
        default: { principal: 'alice', capabilities: ALL_CAPABILITIES },
        second: { principal: 'bert', capabilities: ALL_CAPABILITIES },
        bound: { principal: 'alice', holder: 'dpop', capabilities: ALL_CAPABILITIES },
        other: { principal: 'alice', tenant: 'other', capabilities: ALL_CAPABILITIES },
      },
    },
  });
  await front.gate.administration.addTool('other', installed());
});
afterAll(async () => {
  await front[Symbol.asyncDispose]();
  rmSync(keys, { recursive: true, force: true });
});
beforeEach(() => {
  front.gate.runner.behaviour = () => answers('the answer of it');
});

const SECRETS = { text: 'what alice asked' };

const callBy = async (agent: string): Promise<string> => {
  const reply = await front.call(SECRETS, {}, {}, agent);
  return (reply.receipt as { id: string }).id;
};

const askAs = async (agent: string, line: Json, preamble: Json = {}): Promise<Answer> => {
  const peer = await front.dial(agent);
  peer.send({ warder: { mode: 'receipt', ...preamble } }, line);
  const [answer = ''] = await peer.received(1);
  peer.socket.destroy();
  return JSON.parse(answer) as Answer;
};

const verified = (disclosure: Disclosure | undefined) =>
  verifyDisclosure(JSON.stringify(disclosure), front.gate.proofs.keys);

describe('an agent', () => {
  test('gets what it sent and was given, and can prove it', async () => {
    const id = await callBy('default');
    const { disclosure } = await askAs('default', { op: 'disclose', id });
    const { receipt, disclosed, sealed } = await verified(disclosure);
    expect(receipt.id).toBe(id);
    expect(disclosed).toEqual({
      principal: 'alice',
      arguments: SECRETS,
      result: { content: [{ type: 'text', text: 'the answer of it' }] },
    });
    expect(sealed).toEqual(['policy']);
    const { proof = '' } = await askAs('default', { op: 'proof', id });
    expect((await verifyReceipt(proof, front.gate.proofs.keys)).id).toBe(id);
  });

  test.each(['policy', 'effects', 'effects/0', 'rules', 'reason', 'detail', 'spend'])(
    'never gets `%s`',
    async (field) => {
      const id = await callBy('default');
      const answer = await askAs('default', { op: 'disclose', id, fields: [field] });
      expect(answer.error?.code).toBe('usage');
      expect(answer.disclosure).toBeUndefined();
    },
  );

  test.each([
    ['another principal', 'second'],
    ['another tenant, by the same name', 'other'],
  ])('gets nothing of %s, and is not told whether there is anything', async (_, agent) => {
    const id = await callBy('default');
    for (const op of ['disclose', 'proof']) {
      const there = await askAs(agent, { op, id });
      const nowhere = await askAs(agent, {
        op,
        id: id.replace(/.$/, (end) => (end === '0' ? '1' : '0')),
      });
      expect(there.error?.code).toBe('not-found');
      expect(nowhere.error?.code).toBe('not-found');
      expect(there.error?.message.replaceAll(/call_\w+/g, '')).toBe(
        nowhere.error?.message.replaceAll(/call_\w+/g, ''),
      );
    }
  });

  test('gets nothing of receipts that are of no call, nor of what an operator called in its name', async () => {
    const { reader, turnstile: _, ...gate } = front.gate;
    const [lease] = reader.list({ type: 'lease', principal: 'alice' });
    expect(lease).toBeDefined();
    const { caller } = gate.connect();
    const { receipt } = await gate.door.call(
      { ...caller, operator: true },
      { tool: 'text_echo', arguments: JSON.stringify(SECRETS) },
    );
    for (const id of [lease?.id, receipt.id]) {
      expect((await askAs('default', { op: 'disclose', id })).error?.code).toBe('not-found');
    }
  });

  test('who only holds a lease, proven by nothing, gets nothing', async () => {
    const id = await callBy('default');
    const lease = await front.issue({ principal: 'alice', cnf: { jkt: 'A'.repeat(43) } });
    const stolen = await askAs('default', { op: 'disclose', id }, { lease });
    expect(stolen.error?.code).toBe('lease-refused');
    expect((await askAs('bound', { op: 'disclose', id })).error?.code).toBe('lease-refused');
    expect((await askAs('bound', { op: 'proof', id })).error?.code).toBe('lease-refused');
  });

  test.each([
    [{ op: 'erase', id: 'x' }],
    [{ op: 'disclose' }],
    [{ op: 'disclose', id: 'x', fields: 'arguments' }],
    [{ op: 'disclose', id: 'x', principal: 'alice' }],
    [{ op: 'proof', id: 'x', wait_seconds: -1 }],
    [{ op: 'proof', id: 'x', fields: [] }],
  ])('a line that is none is refused: %j', async (line) => {
    expect((await askAs('default', line)).error?.code).toBe('malformed');
  });
});

test('every disclosure leaves a receipt, of whom it was for', async () => {
  const id = await callBy('default');
  await askAs('default', { op: 'disclose', id, fields: ['result'] });
  await front.gate.receiptDesk.disclose({ id, fields: ['arguments'], to: 'the auditor' });
  const [given, taken] = front.gate.reader.list({ type: 'receipt', last: 2 });
  const byAgent = front.gate.reader.show(taken?.id ?? '');
  expect(byAgent.principal).toBe('alice');
  expect(byAgent.statement.predicate).toMatchObject({
    outcome: 'disclosed',
    detail: { receipt: id, fields: ['result'] },
  });
  const byOperator = front.gate.reader.show(given?.id ?? '');
  expect(byOperator.principal).toBe('operator');
  expect(byOperator.statement.predicate.detail).toEqual({ receipt: id, fields: ['arguments'] });
  expect(byOperator.openings.fields['arguments']).toMatchObject({ value: { for: 'the auditor' } });
});

test('a disclosure that cannot be recorded is given to nobody', async () => {
  const id = await callBy('default');
  front.gate.store.full = true;
  try {
    const answer = await askAs('default', { op: 'disclose', id });
    expect(answer.error?.code).toBe('unavailable');
    expect(JSON.stringify(answer)).not.toContain(SECRETS.text);
  } finally {
    front.gate.store.full = false;
  }
});

describe('who reads a disclosure', () => {
  const tampered = async (change: (openings: Record<string, Json>) => void): Promise<string> => {
    const id = await callBy('default');
    const disclosure = await front.gate.receiptDesk.disclose({
      id,
      fields: ['arguments', 'result'],
    });
    const copy = JSON.parse(JSON.stringify(disclosure)) as { openings: Record<string, Json> };
    change(copy.openings);
    return verifyDisclosure(JSON.stringify(copy), front.gate.proofs.keys).then(
      () => 'accepted',
      (error: { code: string }) => error.code,
    );
  };
  test.each([
    [
      'another value',
      'verification-failed',
      (o: Record<string, Json>) => {
        o['arguments'] = { ...o['arguments'], value: { text: 'what nobody asked' } };
      },
    ],
    [
      'values that changed places',
      'verification-failed',
      (o: Record<string, Json>) => {
        [o['arguments'], o['result']] = [o['result'] as Json, o['arguments'] as Json];
      },
    ],
    [
      'a value the receipt does not commit to',
      'verification-failed',
      (o: Record<string, Json>) => {
        o['approver'] = o['result'] as Json;
      },
    ],
    [
      'a short salt',
      'malformed',
      (o: Record<string, Json>) => {
        o['arguments'] = { ...o['arguments'], salt: 'ab' };
      },
    ],
    [
      'an opening of nothing',
      'malformed',
      (o: Record<string, Json>) => {
        o['arguments'] = { salt: 'ab'.repeat(16) };
      },
    ],
  ])('refuses %s', async (_, code, change) => {
    expect(await tampered(change)).toBe(code);
  });
});

describe('the proof comes with the answer', () => {
  test('over the one-call line', async () => {
    const reply = (await front.call(SECRETS, { waitProof: 5 })) as Answer & {
      receipt: { id: string };
    };
    const proof = await verifyReceipt(reply.proof ?? '', front.gate.proofs.keys);
    expect(proof.id).toBe(reply.receipt.id);
    expect((await front.call(SECRETS, { waitProof: 'long' })).error?.code).toBe('malformed');
  });

  test('over MCP', async () => {
    const client = await front.mcp();
    const call = { name: 'text_echo', arguments: SECRETS, _meta: { 'warder/wait-proof': 5 } };
    const { result } = (await client.request('tools/call', call)) as { result: { _meta: Json } };
    const { id } = await verifyReceipt(
      String(result._meta['warder/receipt-proof']),
      front.gate.proofs.keys,
    );
    expect(result._meta['warder/receipt']).toMatchObject({ id });
  });

  test('or why there is none yet: the call is done either way', async () => {
    front.gate.proofs.stuck = true;
    const reply = (await front.call(SECRETS, { waitProof: 0 })) as Answer & {
      readonly answer?: unknown;
      readonly proofError?: { readonly code: string };
    };
    front.gate.proofs.stuck = false;
    expect(reply.answer).toBeDefined();
    expect(reply.proof).toBeUndefined();
    expect(reply.proofError?.code).toBe('unavailable');
  });
});
