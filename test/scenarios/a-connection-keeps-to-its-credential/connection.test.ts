// A connection that was bound to a lease stays so: nothing sent later puts another in its place, and of two
// credentials neither is taken.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { HeldLease } from '../../../src/trust/holder/held-lease.ts';
import { type AgentFront, agentFront } from '../../support/agent-front.ts';
import type { LinePeer } from '../../support/line-peer.ts';
import { ALL_CAPABILITIES } from '../../support/decision.ts';

const ARGS = { text: 'hi' };
let front: AgentFront;
let mine: HeldLease;
let other: HeldLease;

beforeAll(async () => {
  const agents = { default: { capabilities: ALL_CAPABILITIES, holder: 'bearer' } };
  front = await agentFront({ config: { agents } });
  [mine, other] = [await front.hold(), await front.hold({ principal: 'mallory' })];
});
afterAll(() => front[Symbol.asyncDispose]());

const proofOf = (held: HeldLease) => front.prove(held, ARGS);
const LEASE = 'x-lease-token';
const PROOF = 'warder/proof';

describe.each([
  ['by its first line', (text: string) => front.mcp({ lease: text })],
  ['by what came with `initialize`', (text: string) => front.mcp(undefined, { [LEASE]: text })],
])('bound %s', (_, open) => {
  test('calls under it need no more than their proof', async () => {
    const mcp = await open(mine.text);
    expect(await mcp.call(ARGS, { [PROOF]: await proofOf(mine) })).toBeUndefined();
    expect(await mcp.call(ARGS, { [LEASE]: mine.text, [PROOF]: await proofOf(mine) })).toBe(
      undefined,
    );
    expect(front.gate.receipts().at(-1)).toMatchObject({ outcome: 'done', principal: 'bob' });
  });

  test('another lease is refused, its proof and all', async () => {
    const mcp = await open(mine.text);
    const sent = { [LEASE]: other.text, [PROOF]: await proofOf(other) };
    expect(await mcp.call(ARGS, sent)).toBe('lease-refused');
    expect(await mcp.call(ARGS, { [PROOF]: await proofOf(other) })).toBe('lease-refused');
    const bearer = await front.issue();
    expect(await mcp.call(ARGS, { [LEASE]: bearer })).toBe('lease-refused');
    expect(await mcp.call(ARGS, { [PROOF]: await proofOf(mine) })).toBeUndefined();
  });

  test('an identity besides is refused', async () => {
    const mcp = await open(mine.text);
    const sent = { 'warder/identity': 'a.b.c', [PROOF]: await proofOf(mine) };
    expect(await mcp.call(ARGS, sent)).toBe('lease-refused');
  });

  test('without a proof there is no falling back on the agent itself', async () => {
    const mcp = await open(mine.text);
    expect(await mcp.call(ARGS)).toBe('lease-refused');
  });
});

test('`initialize` with another lease than the first line spoils the connection', async () => {
  const mcp = await front.mcp({ lease: mine.text }, { [LEASE]: other.text });
  for (const held of [mine, other]) {
    const sent = { [LEASE]: held.text, [PROOF]: await proofOf(held) };
    expect(await mcp.call(ARGS, sent)).toBe('lease-refused');
  }
  expect(await mcp.call(ARGS)).toBe('lease-refused');
});

test('a second `initialize` swaps nothing', async () => {
  const mcp = await front.mcp(undefined, { [LEASE]: mine.text });
  await mcp.request('initialize', {
    protocolVersion: '2025-06-18',
    capabilities: {},
    clientInfo: { name: 'test', version: '1' },
    _meta: { [LEASE]: other.text },
  });
  const sent = { [LEASE]: other.text, [PROOF]: await proofOf(other) };
  expect(await mcp.call(ARGS, sent)).toBe('lease-refused');
});

test('two credentials in one line', async () => {
  const sent = { lease: other.text, proof: await proofOf(other) };
  expect((await front.call(ARGS, sent, { lease: mine.text })).error?.code).toBe('lease-refused');
  expect((await front.call(ARGS, { ...sent, identity: 'a.b.c' })).error?.code).toBe(
    'lease-refused',
  );
});

test.each([
  ['a lease that is no text', { [LEASE]: 7 }],
  ['a list of leases', { [LEASE]: ['a', 'b'] }],
  ['an empty lease', { [LEASE]: '' }],
  ['another spelling', { 'X-Lease-Token': 'a.b.c' }],
  ['a header of another protocol', { authorization: 'Bearer a.b.c' }],
  ['an unknown key of ours', { 'warder/lease': 'a.b.c' }],
  ['a ticket of its own', { 'warder/ticket': 1 }],
])('%s is refused, and not taken for none', async (_, meta) => {
  const mcp = await front.mcp();
  expect(await mcp.call(ARGS)).toBeUndefined();
  expect(await mcp.call(ARGS, meta)).toBe('malformed');
  expect(front.gate.receipts().at(-1)).toMatchObject({ outcome: 'refused' });
  // In the list of tools as well, with a receipt of its own kind.
  const { error } = await mcp.request('tools/list', { _meta: meta });
  expect(error).toMatchObject({ data: { code: 'malformed' } });
  const [newest] = front.gate.reader.list({ type: 'authentication' });
  expect(newest).toMatchObject({ outcome: 'refused', principal: 'agent:default' });
});

test('the list of tools is that of the lease', async () => {
  const narrow = await front.hold({ capabilities: [{ type: 'tool.call', tools: ['no_such'] }] });
  const list = async (meta: object): Promise<unknown> => {
    const mcp = await front.mcp();
    return (await mcp.request('tools/list', { _meta: meta }))['result'];
  };
  expect(await list({ [LEASE]: narrow.text })).toMatchObject({ tools: [] });
  expect(await list({ [LEASE]: mine.text })).toMatchObject({
    tools: [{ name: 'text_echo', _meta: { 'warder/digest': front.toolDigest } }],
    _meta: { 'warder/nonce': expect.any(String) as string },
  });
});

describe('in the era without sessions each request stands for itself', () => {
  const MODERN = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
    'io.modelcontextprotocol/clientCapabilities': {},
  };

  async function call(peer: LinePeer, id: number, meta: object): Promise<string> {
    const params = { name: 'text_echo', arguments: ARGS, _meta: { ...MODERN, ...meta } };
    peer.send({ jsonrpc: '2.0', id, method: 'tools/call', params });
    const line = (await peer.received(id)).at(-1) ?? '';
    const { result } = JSON.parse(line) as {
      result: { _meta: { 'warder/error'?: { code: string } } };
    };
    return result._meta['warder/error']?.code ?? String(front.gate.receipts().at(-1)?.principal);
  }

  test('its lease, and nothing of the one before it', async () => {
    const peer = await front.dial();
    const sent = async (held: HeldLease): Promise<object> => ({
      [LEASE]: held.text,
      [PROOF]: await proofOf(held),
    });
    expect(await call(peer, 1, await sent(mine))).toBe('bob');
    expect(await call(peer, 2, await sent(other))).toBe('mallory');
    expect(await call(peer, 3, {})).toBe('agent:default');
    expect(await call(peer, 4, { [PROOF]: await proofOf(mine) })).toBe('lease-refused');
    expect(await call(peer, 5, { [LEASE]: mine.text, [PROOF]: await proofOf(other) })).toBe(
      'lease-refused',
    );
    expect(await call(peer, 6, { [LEASE]: await front.issue() })).toBe('bob');
  });
});
