// Each limit of a call: what uses as much as is allowed passes, what wants more is ended or refused by
// that limit and no other, and the next call works.

import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { CallLimits } from '../../../src/catalog/installation.ts';
import { openMemoryStore } from '../../../src/base/store/memory/memory-store.ts';
import type { Permit } from '../../../src/decide/policy/permit.ts';
import type { EgressSession } from '../../../src/reach/egress/egress.ts';
import { kvTable, openKvSession } from '../../../src/reach/kv/kv.ts';
import type { HostReply, HostRequest } from '../../../src/run/sandbox/host-calls.ts';
import type { RunOutcome } from '../../../src/run/sandbox/runner.ts';
import { testEgress, type TestEgress } from '../../support/egress.ts';
import { type TestFiles, testFiles } from '../../support/files.ts';
import { loopbackServer, type LoopbackServer } from '../../support/loopback-server.ts';
import { netRule, reachPermit } from '../../support/reach-permit.ts';
import {
  createTestSandbox,
  defaultLimits,
  fixture,
  type TestSandbox,
} from '../../support/sandbox.ts';

const PAGE = 65_536;
const measured = fixture('measured');

let box: TestSandbox;
let egress: TestEgress;
let server: LoopbackServer;
let disk: TestFiles;
let served = 0;
const store = openMemoryStore({ tables: [kvTable], sequences: [] });
const sessions = new Map<Permit, EgressSession>();

beforeAll(async () => {
  egress = await testEgress();
  disk = await testFiles();
  server = await loopbackServer((_, response) => {
    served += 1;
    response.end('x'.repeat(1000));
  });
  box = await createTestSandbox({ serve });
  box.sandbox.warm();
});
afterAll(async () => {
  await box.sandbox.close();
  await egress[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
  await disk.close();
  await store.close();
});

function serve(
  permit: Permit,
  request: HostRequest,
  signal: AbortSignal,
): HostReply | Promise<HostReply> {
  switch (request.op) {
    case 'http': {
      const session = sessions.get(permit) ?? egress.open(permit, () => {});
      sessions.set(permit, session);
      return session.fetch(request, signal);
    }
    case 'kv-get':
      return { ok: true, value: { found: false } };
    case 'kv-set':
      return openKvSession(permit, store).set(request.key, request.value).reply;
    default:
      return { ok: false, code: 'denied', message: 'not here' };
  }
}

/** Runs an export of `measured` with an input so long. */
function use(what: string, length: number, limits: Partial<CallLimits> = {}): Promise<RunOutcome> {
  const terms = { limits: { ...defaultLimits, cpuMs: 10_000, timeoutMs: 15_000, ...limits } };
  return box.call(measured, what, { input: 'x'.repeat(length) }, { terms });
}

const answered = { kind: 'answered', answer: { isError: false } };

async function nextCallWorks(): Promise<void> {
  expect(await use('answer', 1)).toMatchObject(answered);
}

const answerBytes = (length: number): number =>
  JSON.stringify({ content: [{ type: 'text', text: 'x'.repeat(length) }], isError: false }).length;

interface Case {
  readonly limit: keyof CallLimits;
  readonly what: string;
  readonly most: number;
  readonly under: number;
  readonly over: number;
  /** As the outcome calls it. */
  readonly told: string;
}

const CASES: readonly Case[] = [
  { limit: 'timeoutMs', what: 'sleep', most: 1500, under: 500, over: 4000, told: 'deadline' },
  { limit: 'memoryBytes', what: 'grow', most: 64 * PAGE, under: 63, over: 64, told: 'memory' },
  {
    limit: 'outputBytes',
    what: 'answer',
    most: answerBytes(5000),
    under: 5000,
    over: 5001,
    told: 'output',
  },
  { limit: 'hostCalls', what: 'ask', most: 25, under: 25, over: 26, told: 'host-calls' },
  // A line counts 32 bytes besides its own.
  { limit: 'logBytes', what: 'log', most: 330, under: 10, over: 11, told: 'log' },
];

test.each(CASES)('$limit: $under passes, $over does not', async (each) => {
  const limits = { [each.limit]: each.most };
  expect(await use(each.what, each.under, limits)).toMatchObject(answered);
  const outcome = await use(each.what, each.over, limits);
  expect(outcome).toMatchObject({ kind: 'limit', limit: each.told });
  await nextCallWorks();
});

test('cpuMs: the kernel’s count of it ends a call, whatever the executor says', async () => {
  const steps = 1000;
  // The compiler works on it the first time.
  await use('burn', steps);
  const needed = (await use('burn', steps)).usage.cpuMs;
  expect(needed).toBeGreaterThan(20);
  const most = { cpuMs: Math.ceil(needed * 2) };
  expect(await use('burn', steps, most)).toMatchObject(answered);
  const outcome = await use('burn', steps * 20, most);
  expect(outcome).toMatchObject({ kind: 'limit', limit: 'cpu' });
  expect(outcome.usage.cpuMs).toBeGreaterThanOrEqual(most.cpuMs);
  await nextCallWorks();
});

test('cpuMs: time in which nothing is computed is none of it', async () => {
  const outcome = await use('sleep', 800, { cpuMs: 400 });
  expect(outcome).toMatchObject(answered);
  expect(outcome.usage.cpuMs).toBeLessThan(400);
});

/** The status of the last of `count` requests. */
async function request(count: number, limits: Partial<CallLimits>): Promise<string> {
  const url = `http://127.0.0.1:${server.port}/`;
  const terms = {
    allowNet: [netRule(`GET ${url}**`)],
    config: { url, count: 'x'.repeat(count) },
    limits: { ...defaultLimits, ...limits },
  };
  served = 0;
  const outcome = await box.call(fixture('http-many'), 'http-many', {}, { terms });
  const [piece] = outcome.kind === 'answered' ? outcome.answer.content : [];
  for (const session of sessions.values()) session.close();
  sessions.clear();
  return piece?.type === 'text' ? piece.text : JSON.stringify(outcome);
}

test('requests: the one too many is not sent', async () => {
  expect(await request(5, { requests: 5 })).toBe('200');
  expect(served).toBe(5);
  expect(await request(6, { requests: 5 })).not.toBe('200');
  expect(served).toBe(5);
});

test('netBytes: both ways together', async () => {
  expect(await request(3, { netBytes: 10_000 })).toBe('200');
  expect(await request(12, { netBytes: 10_000 })).not.toBe('200');
  expect(served).toBeLessThan(12);
});

test('kvBytes: a key counts like its value', async () => {
  const set = async (kvBytes: number): Promise<unknown> => {
    const terms = { kv: true, limits: { ...defaultLimits, kvBytes } };
    const args = { function: 'kv_set', request: { key: 'key', value: 'AAAAAAAA' } };
    const outcome = await box.call(fixture('probe-plugin'), 'probe', args, { terms });
    return outcome.kind === 'answered' ? outcome.answer : outcome;
  };
  // Three bytes of key, six of value.
  expect(JSON.stringify(await set(9))).toContain('ok');
  expect(JSON.stringify(await set(8))).toContain('limit');
});

test.each([
  { limit: 'writeBytes', most: 6, bytes: 6, files: 1 },
  { limit: 'writeBytes', most: 6, bytes: 7, files: 1 },
  { limit: 'writeFiles', most: 1, bytes: 1, files: 1 },
  { limit: 'writeFiles', most: 1, bytes: 1, files: 2 },
])('$limit $most: $files of $bytes bytes', async ({ limit, most, bytes, files }) => {
  const host = mkdtempSync(join(tmpdir(), 'warder-limits-'));
  try {
    const limits = { ...defaultLimits, [limit]: most };
    const permit = reachPermit({ write: [{ host, guest: '/out' }], limits });
    const replies: string[] = [];
    for (let file = 0; file < files; file += 1) {
      const { reply } = await disk.write(permit, `/out/${file}`, new Uint8Array(bytes));
      replies.push(reply.ok ? 'ok' : reply.code);
    }
    disk.end(permit);
    const held = bytes > 6 || files > 1;
    expect(replies.at(-1)).toBe(held ? 'limit' : 'ok');
    expect(readdirSync(host)).toHaveLength(held ? files - 1 : files);
  } finally {
    rmSync(host, { recursive: true, force: true });
  }
});
