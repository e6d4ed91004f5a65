// Daemon and executors killed at any time: what was acknowledged stays, what was cut off is `unknown` once.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fixture, sampleTool } from '../support/fixtures.ts';
import { executorsOf, isAlive } from '../support/processes.ts';
import { openRawMcp, type RawMcp } from '../support/raw-mcp.ts';
import { createTestHome, serveInForeground, type TestHome } from '../support/warder.ts';

interface Row {
  readonly id: string;
  readonly outcome: string;
}

let home: TestHome;

beforeAll(async () => {
  home = await createTestHome();
  await home.ok(['tool', 'add', sampleTool('text')]);
  await home.ok(['tool', 'add', fixture('loop')]);
});

afterAll(() => home.remove());

async function daemonPid(): Promise<number> {
  return (await home.ok<{ pid: number }>(['status'])).pid;
}

async function killDaemon(): Promise<void> {
  const pid = await daemonPid();
  process.kill(pid, 'SIGKILL');
  await expect.poll(() => isAlive(pid), { timeout: 5000 }).toBe(false);
}

async function openMcp(): Promise<RawMcp> {
  const mcp = openRawMcp(home);
  await mcp.initialize();
  return mcp;
}

async function expectEcho(): Promise<void> {
  const reply = await home.ok<{ content: unknown }>([
    'call',
    'text_echo',
    '--args',
    '{"text":"ok"}',
  ]);
  expect(reply.content).toEqual([{ type: 'text', text: 'ok' }]);
}

async function receipts(...filter: readonly string[]): Promise<readonly Row[]> {
  return home.ok<Row[]>(['receipts', 'list', '--last', '100000', ...filter]);
}

async function calling(tool: string): Promise<RawMcp> {
  const mcp = await openMcp();
  mcp.send({ jsonrpc: '2.0', id: 2, method: 'tools/call', params: { name: tool, arguments: {} } });
  // In the guest, not on the way there: the executor is busy with it.
  const busy = async () =>
    (await home.ok<{ executors: { busy: number } }>(['status'])).executors.busy;
  await expect.poll(busy, { timeout: 10_000 }).toBe(1);
  return mcp;
}

test('a daemon killed mid-call: one receipt `unknown`, guests gone, the next call works', async () => {
  await home.ok(['tool', 'grant', 'loop', '--timeout', '60s']);
  const mcp = await calling('loop');
  const executors = executorsOf(await daemonPid());
  expect(executors.length).toBeGreaterThan(0);
  await killDaemon();
  await mcp.exited;
  await expect.poll(() => executors.filter(isAlive), { timeout: 5000 }).toEqual([]);

  // Sockets of the dead daemon are there and are replaced.
  expect(existsSync(join(home.root, 'agent.sock'))).toBe(true);
  await expectEcho();
  expect(await receipts('--tool', 'loop')).toMatchObject([{ outcome: 'unknown' }]);
  await killDaemon();
  await expectEcho();
  expect(await receipts('--tool', 'loop')).toHaveLength(1);
  expect((await home.run(['receipts', 'verify'])).code).toBe(0);
});

test('killed again and again under load: every acknowledged receipt is kept, and the log is sound', async () => {
  const acknowledged: string[] = [];
  // Milliseconds after the first answer of a round; fixed, so that a failure can be repeated.
  for (const wait of [0, 70, 15, 140, 35]) {
    const mcp = await openMcp();
    const pid = await daemonPid();
    await callUntilDead(mcp, acknowledged, () => {
      setTimeout(() => process.kill(pid, 'SIGKILL'), wait);
    });
    await mcp.exited;
    await expect.poll(() => isAlive(pid), { timeout: 5000 }).toBe(false);
  }
  await expectEcho();
  const kept = new Set((await receipts()).map(({ id }) => id));
  expect(acknowledged.length).toBeGreaterThan(5);
  expect(acknowledged.filter((id) => !kept.has(id))).toEqual([]);
  const audit = await home.run(['receipts', 'verify']);
  expect(audit.code, audit.stderr).toBe(0);
}, 40_000);

/** Eight calls in flight until the connection is gone; notes what was acknowledged. */
async function callUntilDead(
  mcp: RawMcp,
  acknowledged: string[],
  onFirst: () => void,
): Promise<void> {
  let id = 100;
  let first: (() => void) | undefined = onFirst;
  const lane = async (): Promise<void> => {
    for (;;) {
      id += 1;
      const params = { name: 'text_echo', arguments: { text: `${id}` } };
      const { result } = await mcp.request(id, 'tools/call', params);
      const meta = result?.['_meta'] as { 'warder/receipt': { id: string } };
      acknowledged.push(meta['warder/receipt'].id);
      first?.();
      first = undefined;
    }
  };
  await Promise.allSettled(Array.from({ length: 8 }, lane));
}

test('SIGTERM drains: a call under way gets its answer, then the daemon ends with 0', async () => {
  await home.ok(['tool', 'grant', 'loop', '--timeout', '2s']);
  await home.ok(['stop']);
  const daemon = await serveInForeground(home.root);
  const mcp = await calling('loop');
  daemon.kill('SIGTERM');
  const { result } = await mcp.until(({ id }) => id === 2);
  expect(result?.['isError']).toBe(true);
  expect(result?.['_meta']).toMatchObject({ 'warder/error': { code: 'tool-limit' } });
  expect(await daemon.exited).toBe(0);
  await mcp.exited;
  for (const socket of ['operator.sock', 'agent.sock']) {
    expect(existsSync(join(home.root, socket))).toBe(false);
  }
  expect((await receipts('--tool', 'loop'))[0]?.outcome).toBe('limit');
});

test('an executor killed mid-call: a clear error, a receipt, and the next call works', async () => {
  await home.ok(['tool', 'grant', 'loop', '--timeout', '60s']);
  const mcp = await calling('loop');
  for (const pid of executorsOf(await daemonPid())) process.kill(pid, 'SIGKILL');
  const { result } = await mcp.until(({ id }) => id === 2);
  expect(result?.['isError']).toBe(true);
  expect(result?.['_meta']).toMatchObject({ 'warder/error': { code: 'tool-failed' } });
  expect((await receipts('--tool', 'loop'))[0]?.outcome).toBe('crashed');
  await expectEcho();
  mcp.endInput();
  await mcp.exited;
});

test('idle executors killed at once: nobody notices', async () => {
  await expectEcho();
  const pid = await daemonPid();
  for (const each of executorsOf(pid)) process.kill(each, 'SIGKILL');
  await expectEcho();
  expect(await daemonPid()).toBe(pid);
});

test('a receipt put into the store after a clean stop: the next start says that it was not signed', async () => {
  await home.ok(['stop']);
  const state = new DatabaseSync(join(home.root, 'state.db'));
  const size = Number(state.prepare('SELECT max(at) + 1 AS size FROM s_leaf').get()?.['size']);
  const otherId = "substr(id, 1, length(id) - 1) || iif(id LIKE '%Z', 'Y', 'Z')";
  state.exec(`INSERT INTO s_leaf (at, tenant, id, time, bytes)
    SELECT ${String(size)}, tenant, ${otherId}, time,
      CAST(replace(CAST(bytes AS TEXT), id, ${otherId}) AS BLOB)
    FROM s_leaf WHERE at = 0`);
  const signedAtStart = async (): Promise<unknown> => {
    const [row] = await receipts('--type', 'daemon', '--outcome', 'started');
    const { statement } = await home.ok<{
      statement: { predicate: { detail: { signed: number } } };
    }>(['receipts', 'show', row?.id ?? '']);
    return statement.predicate.detail.signed;
  };
  expect(await signedAtStart()).toBe(size);
  expect(readFileSync(join(home.root, 'logs/daemon.log'), 'utf8')).toContain(
    `1 receipt came after the last signed head, of ${String(size)} leaves`,
  );
  // With nobody's help it is as many as there are.
  await home.ok(['stop']);
  const all = Number(state.prepare('SELECT max(at) + 1 AS size FROM s_leaf').get()?.['size']);
  state.close();
  expect(await signedAtStart()).toBe(all);
}, 40_000);

describe('one daemon per home', () => {
  test('a second one ends with 7 and names the first; the first goes on', async () => {
    const pid = await daemonPid();
    const second = await home.run(['--json', 'serve']);
    expect(second.code).toBe(7);
    expect(second.json<{ error: { message: string } }>().error.message).toContain('another daemon');
    expect(second.stderr).toContain(`${pid}`);
    await expectEcho();
  });

  test('ten commands at once start one', async () => {
    const starts = () => receipts('--type', 'daemon', '--outcome', 'started');
    const before = (await starts()).length;
    await home.ok(['stop']);
    const done = await Promise.all(
      Array.from({ length: 10 }, () => home.run(['call', 'text_echo', '--args', '{"text":"x"}'])),
    );
    expect(done.map(({ code, stderr }) => (code === 0 ? '' : stderr))).toEqual(Array(10).fill(''));
    expect(await starts()).toHaveLength(before + 1);
  }, 40_000);
});
