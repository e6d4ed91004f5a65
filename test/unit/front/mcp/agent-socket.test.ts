// An agent's socket: who is let in with which first line, who is turned away, and that nobody is kept.

import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { WarderError } from '../../../../src/base/errors/errors.ts';
import {
  type AgentSocket,
  listenForAgent,
  type Preamble,
} from '../../../../src/front/mcp/agent-socket.ts';
import type { Connection } from '../../../../src/front/mcp/connection.ts';
import {
  answered,
  CALLER,
  connectionOf,
  FakeDoor,
  PROVENANCE,
  RECEIPT,
  untilWithdrawn,
} from '../../../fakes/door.ts';
import { dial, type LinePeer } from '../../../support/line-peer.ts';

let directory: string;
let path: string;
let door: FakeDoor;
let agent: AgentSocket;
let preambles: Preamble[];
let open: number;
let connect: (preamble: Preamble) => Promise<Connection>;
const peers: LinePeer[] = [];

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'warder-agent-'));
  path = join(directory, 'agent.sock');
  door = new FakeDoor();
  preambles = [];
  open = 0;
  connect = (preamble) => {
    preambles.push(preamble);
    open += 1;
    return Promise.resolve(connectionOf(CALLER, () => void (open -= 1)));
  };
  writeFileSync(path, 'what a dead daemon left');
  agent = await listenForAgent({
    path,
    door,
    version: '1.2.3',
    limits: { maxBytes: 10_000, maxDepth: 32 },
    connect: (preamble) => connect(preamble),
    onError: () => {},
  });
});

afterEach(async () => {
  for (const { socket } of peers.splice(0)) socket.destroy();
  await agent.close();
  rmSync(directory, { recursive: true, force: true });
});

async function peer(): Promise<LinePeer> {
  const dialled = await dial(path);
  peers.push(dialled);
  return dialled;
}

const initialize = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: {
    protocolVersion: '2025-06-18',
    capabilities: {},
    clientInfo: { name: 'test', version: '1' },
  },
};

async function documentOf(from: LinePeer): Promise<unknown> {
  const [line = ''] = await from.received(1);
  return JSON.parse(line);
}

test('the socket is its user’s alone, and replaces what a dead daemon left', () => {
  const { mode } = statSync(path);
  expect((mode & 0o777).toString(8)).toBe('600');
  expect(statSync(path).isSocket()).toBe(true);
});

describe('the first line', () => {
  test('none: the connection speaks MCP', async () => {
    const mcp = await peer();
    mcp.send(initialize);
    expect(await documentOf(mcp)).toMatchObject({
      id: 1,
      result: { serverInfo: { name: 'warder', version: '1.2.3' } },
    });
    expect(preambles).toEqual([{ mode: 'mcp', credentials: {} }]);
  });

  test('a preamble in pieces, with MCP behind it in the same chunk', async () => {
    const mcp = await peer();
    mcp.write('{"war');
    await new Promise((resolve) => setTimeout(resolve, 10));
    mcp.write(`der":{"mode":"mcp","lease":"abc"}}\n${JSON.stringify(initialize)}\n`);
    expect(await documentOf(mcp)).toMatchObject({ id: 1 });
    expect(preambles).toEqual([{ mode: 'mcp', credentials: { lease: 'abc' } }]);
  });

  test.each([
    ['{"warder":1}'],
    ['{"warder":null}'],
    ['{"warder":["mode"]}'],
    ['{"warder":{"mode":"operator"}}'],
    ['{"warder":{"lease":7}}'],
    ['{"warder":{"mode":"call","tenant":"other"}}'],
    ['{"warder":{"mode":"call","mode":"mcp"}}'],
    ['{"warder":{"mode":"call"'],
    [`{"warder":{"lease":"${'x'.repeat(140_000)}"}}`],
  ])('%.60s: turned away with a line that says why', async (line) => {
    const bad = await peer();
    bad.write(`${line}\n`);
    expect(await documentOf(bad)).toMatchObject({ error: { code: 'malformed' } });
    await bad.ended;
    expect(preambles).toEqual([]);
    bad.endInput();
    await expect.poll(() => agent.count()).toBe(0);
  });

  test('one that never ends is not waited for', async () => {
    const bad = await peer();
    bad.write('{"warder":{"lease":"');
    for (let n = 0; n < 10; n += 1) bad.write('x'.repeat(20_000));
    expect(await documentOf(bad)).toMatchObject({ error: { code: 'malformed' } });
  });

  test('a connection that is refused is told why', async () => {
    connect = () =>
      Promise.reject(
        new WarderError('lease-refused', 'not with that lease', { hint: 'leave it out' }),
      );
    const refused = await peer();
    refused.write('{"warder":{"mode":"call"}}\n{"tool":"text_echo","arguments":"{}"}\n');
    expect(await documentOf(refused)).toEqual({
      error: { code: 'lease-refused', message: 'not with that lease', hint: 'leave it out' },
    });
    await refused.ended;
    refused.endInput();
    await expect.poll(() => agent.count()).toBe(0);
    expect(door.asked).toEqual([]);
  });
});

describe('nobody is kept', () => {
  test('who connects and leaves without a word', async () => {
    for (let n = 0; n < 20; n += 1) (await peer()).socket.destroy();
    await expect.poll(() => agent.count()).toBe(0);
  });

  test('who leaves inside the preamble', async () => {
    const one = await peer();
    one.write('{"warder":{"mode"');
    one.endInput();
    await one.ended;
    await expect.poll(() => agent.count()).toBe(0);
  });

  test('who was turned away and never closes', async () => {
    const bad = await peer();
    bad.write('{"warder":1}\n');
    await bad.ended;
    await expect.poll(() => agent.count(), { timeout: 5000 }).toBe(0);
  });

  test('an MCP client that has ended: its caller is closed with it', async () => {
    const mcp = await peer();
    mcp.send(initialize);
    await mcp.received(1);
    expect(open).toBe(1);
    mcp.endInput();
    await mcp.ended;
    await expect.poll(() => [open, agent.count(), door.listeners.size]).toEqual([0, 0, 0]);
  });

  test('closing ends every connection', async () => {
    const mcp = await peer();
    mcp.send(initialize);
    await mcp.received(1);
    await agent.close();
    await mcp.ended;
    expect(open).toBe(0);
  });
});

describe('the one-call protocol', () => {
  const PREAMBLE = '{"warder":{"mode":"call"}}\n';
  const request = { tool: 'text_echo', arguments: '{"text":"hi"}' };

  test('one line in, one line out, then the end', async () => {
    const one = await peer();
    one.write(PREAMBLE);
    one.send(request);
    expect(await documentOf(one)).toEqual({
      answer: { content: [{ type: 'text', text: 'hi' }], isError: false },
      receipt: RECEIPT,
      provenance: PROVENANCE,
    });
    await one.ended;
    expect(door.asked).toMatchObject([request]);
  });

  test('names an approval, and asks only what would happen', async () => {
    door.verdict = { verdict: 'route_to_approver', reason: 'it can keep data', rules: ['rule_1'] };
    const one = await peer();
    one.write(PREAMBLE);
    one.send({ ...request, approval: 'appr_1', dryRun: true });
    expect(await documentOf(one)).toEqual({
      preview: { verdict: 'route_to_approver', reason: 'it can keep data', rules: ['rule_1'] },
    });
    expect(door.asked).toMatchObject([{ approval: 'appr_1' }]);
  });

  test('a call that was stopped keeps its error, receipt and approval', async () => {
    const error = new WarderError('approval-required', 'held', { hint: 'ask' });
    door.behaviour = () =>
      Promise.resolve({ kind: 'stopped', error, receipt: RECEIPT, approval: 'appr_1' });
    const one = await peer();
    one.write(PREAMBLE);
    one.send(request);
    expect(await documentOf(one)).toEqual({
      error: { code: 'approval-required', message: 'held', hint: 'ask' },
      receipt: RECEIPT,
      approval: 'appr_1',
    });
  });

  test('a door that breaks is an error line', async () => {
    door.behaviour = () => Promise.reject(new WarderError('unavailable', 'the disk is full'));
    const one = await peer();
    one.write(PREAMBLE);
    one.send(request);
    expect(await documentOf(one)).toMatchObject({ error: { code: 'unavailable' } });
  });

  test.each([
    ['not JSON'],
    ['null'],
    ['7'],
    ['[]'],
    ['{}'],
    ['{"tool":7,"arguments":"{}"}'],
    ['{"tool":"text_echo","arguments":{}}'],
    ['{"tool":"text_echo","arguments":"{}","as":"root"}'],
    ['{"tool":"text_echo","tool":"other","arguments":"{}"}'],
    ['{"tool":"text_echo","arguments":"{}","dryRun":"no"}'],
    [''],
  ])('a request line that is none: %s', async (line) => {
    const one = await peer();
    one.write(`${PREAMBLE}${line}\n`);
    expect(await documentOf(one)).toMatchObject({ error: { code: 'malformed' } });
    expect(door.asked).toEqual([]);
  });

  test('a request without end is refused', async () => {
    const one = await peer();
    one.write(PREAMBLE);
    for (let n = 0; n < 10; n += 1) one.write('x'.repeat(5000));
    expect(await documentOf(one)).toMatchObject({ error: { code: 'malformed' } });
    await one.ended;
  });

  test('a request ended by closing instead of a newline is answered all the same', async () => {
    const one = await peer();
    one.write(PREAMBLE + JSON.stringify(request));
    one.endInput();
    expect(await documentOf(one)).toMatchObject({ receipt: RECEIPT });
  });

  test('who closes without asking is let go', async () => {
    const one = await peer();
    one.write(PREAMBLE);
    one.endInput();
    await one.ended;
    await expect.poll(() => agent.count()).toBe(0);
    expect(door.asked).toEqual([]);
  });

  test('who hangs up withdraws the call', async () => {
    door.behaviour = untilWithdrawn;
    const one = await peer();
    one.write(PREAMBLE);
    one.send(request);
    await expect.poll(() => door.asked.length).toBe(1);
    one.socket.destroy();
    await expect.poll(() => door.withdrawn.length, { timeout: 5000 }).toBe(1);
    await expect.poll(() => [open, agent.count()]).toEqual([0, 0]);
  });

  test('what follows the request line is nobody’s', async () => {
    door.behaviour = () => Promise.resolve(answered('one'));
    const one = await peer();
    one.write(PREAMBLE);
    one.send(request, request);
    await one.ended;
    expect(one.lines).toHaveLength(1);
    expect(door.asked).toHaveLength(1);
  });
});
