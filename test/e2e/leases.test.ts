// An agent asks for leases through the command line and over MCP, and an operator decides.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sampleTool } from '../support/fixtures.ts';
import { openRawMcp } from '../support/raw-mcp.ts';
import { createTestHome, type TestHome } from '../support/warder.ts';

interface Standing {
  readonly id: string;
  readonly state: string;
}

let home: TestHome;
const file = (name: string): string => join(home.root, name);
const echo = (ttl: string): readonly string[] => [
  '--capabilities',
  '[{"type":"tool.call","tools":["text_echo"]}]',
  '--ttl',
  ttl,
];
const request = (ttl: string, ...more: readonly string[]) =>
  home.run([
    '--json',
    'lease',
    'request',
    '--task',
    'T-17',
    '--reason',
    'to say it back',
    '--holder-key',
    file('my.jwk'),
    ...echo(ttl),
    ...more,
  ]);

beforeAll(async () => {
  home = await createTestHome();
  const config = readFileSync(file('config.json'), 'utf8');
  writeFileSync(file('config.json'), config.replace('"ttl": 3600', '"ttl": 600, "maxTtl": 3600'));
  await home.ok(['tool', 'add', sampleTool('text')]);
  const { jwk } = await home.ok<{ jwk: object }>(['lease', 'key', file('my.key')]);
  writeFileSync(file('my.jwk'), JSON.stringify(jwk));
});
afterAll(() => home.remove());

const call = (lease: string) =>
  home.run([
    '--json',
    'call',
    'text_echo',
    '--args',
    '{"text":"x"}',
    '--lease',
    `@${file(lease)}`,
    '--lease-key',
    file('my.key'),
  ]);

test('what is free is granted at once; calls run under it, and its task is on their receipts', async () => {
  expect((await home.run(['lease', 'preview', ...echo('600')])).code).toBe(0);
  const done = await request('300', '--out', file('free.lease'));
  expect(done.code).toBe(0);
  expect(done.stdout).not.toContain('eyJ');
  expect((await call('free.lease')).code).toBe(0);
  const receipts = await home.ok<{ type: string; outcome: string }[]>([
    'receipts',
    'list',
    '--task',
    'T-17',
  ]);
  expect(receipts.map(({ type, outcome }) => `${type} ${outcome}`)).toEqual([
    'call done',
    'lease issued',
    'lease requested',
  ]);
});

test('what asks waits over a restart, and who waits is told', async () => {
  expect((await home.run(['lease', 'preview', ...echo('601')])).code).toBe(4);
  const asked = await request('900');
  expect(asked.code).toBe(4);
  const { id } = asked.json<Standing & Record<string, unknown>>();
  home.kill();
  expect((await home.run(['lease', 'poll', id])).code).toBe(4);
  const waiting = home.run(['lease', 'poll', id, '--wait', '60', '--out', file('asked.lease')]);
  await home.ok(['approvals', 'approve', id]);
  expect((await waiting).code).toBe(0);
  expect((await call('asked.lease')).code).toBe(0);
  await home.ok(['lease', 'release', id]);
  expect((await call('asked.lease')).code).toBe(3);
});

test('what is beyond the bounds, denied or malformed has exit codes of its own', async () => {
  expect((await home.run(['lease', 'preview', ...echo('3601')])).code).toBe(3);
  expect((await request('3601')).code).toBe(3);
  expect((await request('0')).code).toBe(2);
  expect((await request('600', '--rate', 'fast')).code).toBe(2);
  const { id } = (await request('900')).json<Standing & Record<string, unknown>>();
  await home.ok(['approvals', 'deny', id, '--reason', 'not today']);
  const told = await home.run(['lease', 'poll', id]);
  expect(told.code).toBe(3);
  expect(told.stderr).toContain('not today');
});

test('an agent asks over MCP, and the lease ends with its connection', async () => {
  const mcp = openRawMcp(home);
  await mcp.initialize();
  const { result } = await mcp.request(2, 'tools/call', {
    name: 'lease_request',
    arguments: {
      task: 'T-18',
      reason: 'to say it back',
      ttl_seconds: 60,
      capabilities: [{ type: 'tool.call', tools: ['text_echo'] }],
    },
  });
  expect(result?.['structuredContent']).toMatchObject({ state: 'active', holder: 'connection' });
  await mcp.request(3, 'tools/call', { name: 'text_echo', arguments: { text: 'x' } });
  mcp.endInput();
  await mcp.exited;
  const outcomes = async (): Promise<readonly string[]> =>
    (
      await home.ok<{ type: string; outcome: string }[]>(['receipts', 'list', '--task', 'T-18'])
    ).map(({ type, outcome }) => `${type} ${outcome}`);
  await expect
    .poll(outcomes)
    .toEqual(['lease released', 'call done', 'lease issued', 'lease requested']);
});

test('a child is made at the daemon, and a lease is refreshed', async () => {
  const parent = await request('300', '--max-depth', '1');
  const { id } = parent.json<Standing & Record<string, unknown>>();
  await home.ok(['lease', 'delegate', id, '--to', file('my.jwk'), '--ttl', '60']);
  const wider = await home.run(['lease', 'delegate', id, '--to', file('my.jwk'), '--ttl', '301']);
  expect(wider.code).toBe(3);
  const never = await home.run([
    'lease',
    'refresh',
    file('free.lease'),
    '--key-file',
    file('my.key'),
  ]);
  expect(never.code).toBe(3);
  expect(never.stderr).toContain('may not be refreshed');
});
