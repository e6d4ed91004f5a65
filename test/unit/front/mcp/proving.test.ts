// The holder's side of proofs: what `warder call` and `warder mcp` add to calls under a lease bound to a key.

import { join } from 'node:path';
import { text as readAll } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { proveCall } from '../../../../src/front/mcp/prove-call.ts';
import { provingStream } from '../../../../src/front/mcp/proving-relay.ts';
import { HeldLease } from '../../../../src/trust/holder/held-lease.ts';
import { generateHolderKey } from '../../../../src/trust/holder/holder-key.ts';
import { type AgentFront, agentFront } from '../../../support/agent-front.ts';

let front: AgentFront;
let held: HeldLease;
let path: string;

beforeAll(async () => {
  front = await agentFront();
  held = await front.hold();
  path = join(front.home, 'default.sock');
});
afterAll(() => front[Symbol.asyncDispose]());

const ARGS = { text: 'h\u00e9', tags: ['b', 'a'] };

test('a proof that the daemon takes, for arguments in whatever order and spelling', async () => {
  const spelt = '{ "tags" : ["b","a"], "text":"h\\u00e9" }';
  const receipts = front.gate.reader.list({}).length;
  const proof = await proveCall(path, held, 'text_echo', spelt);
  expect(front.gate.reader.list({})).toHaveLength(receipts);
  const reply = await front.call(ARGS, { lease: held.text, proof });
  expect(reply.answer).toBeDefined();
});

test('a tool the lease does not show, and a lease that is refused', async () => {
  await expect(proveCall(path, held, 'no_such', '{}')).rejects.toMatchObject({ code: 'not-found' });
  const key = await generateHolderKey();
  const cnf = { jkt: key.jkt };
  const foreign = new HeldLease(await front.issue({ tenant: 'other', cnf }), key, Date.now);
  await expect(proveCall(path, foreign, 'text_echo', '{}')).rejects.toMatchObject({
    code: 'lease-refused',
  });
  await expect(proveCall('/nowhere.sock', held, 'text_echo', '{}')).rejects.toMatchObject({
    code: 'unavailable',
  });
});

async function through(prove: Parameters<typeof provingStream>[0], chunks: string[]) {
  const stream = provingStream(prove);
  for (const chunk of chunks) stream.write(chunk);
  stream.end();
  return (await readAll(stream)).split('\n');
}

test('calls get a proof in their `_meta`; everything else passes as it came, in order', async () => {
  const call = { jsonrpc: '2.0', id: 1, method: 'tools/call' };
  const lines = [
    '{"jsonrpc":"2.0", "id":0,"method":"tools/list"}',
    JSON.stringify({ ...call, params: { name: 'a', arguments: { x: 1 }, _meta: { keep: 1 } } }),
    JSON.stringify({ ...call, id: 2, params: { name: 'b' } }),
    '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}',
    'not json',
    JSON.stringify({ ...call, id: 3, params: { name: 'refused' } }),
    '{"method":"tools/call","params":{"name":"a","name":"b"}}',
    '{"warder":"end-of-input"}',
  ];
  let slow = 3;
  const prove = async (tool: string, args: unknown): Promise<string> => {
    // The first takes longest: the order is that of the lines.
    for (let turn = (slow -= 1) * 5; turn > 0; turn -= 1) await Promise.resolve();
    if (tool === 'refused') throw new Error('no');
    return `proof of ${tool} ${JSON.stringify(args) ?? 'nothing'}`;
  };
  const whole = `${lines.join('\n')}\n`;
  const passed = await through(prove, [whole.slice(0, 70), whole.slice(70, 71), whole.slice(71)]);
  const proven = (line: string | undefined): unknown =>
    (JSON.parse(line ?? '') as { params: { _meta: unknown } }).params._meta;
  expect(proven(passed[1])).toEqual({ keep: 1, 'warder/proof': 'proof of a {"x":1}' });
  expect(proven(passed[2])).toEqual({ 'warder/proof': 'proof of b nothing' });
  for (const same of [0, 3, 4, 5, 6, 7]) expect(passed[same]).toBe(lines[same]);
});

test('an MCP session under a lease bound by its first line, each call proven on its way', async () => {
  const peer = await front.dial();
  peer.send({ warder: { mode: 'mcp', lease: held.text } });
  const stream = provingStream((tool, args) => proveCall(path, held, tool, { parsed: args }));
  stream.pipe(peer.socket, { end: false });
  const params = {
    protocolVersion: '2025-06-18',
    capabilities: {},
    clientInfo: { name: 'test', version: '1' },
  };
  stream.write(`${JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'initialize', params })}\n`);
  for (let id = 1; id <= 3; id += 1) {
    const asked = { name: 'text_echo', arguments: ARGS };
    stream.write(
      `${JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params: asked })}\n`,
    );
  }
  const lines = await peer.received(4);
  expect(lines.slice(1).filter((line) => line.includes('"isError":true'))).toEqual([]);
  expect(front.gate.receipts().at(-1)).toMatchObject({ principal: 'bob', outcome: 'done' });
});
