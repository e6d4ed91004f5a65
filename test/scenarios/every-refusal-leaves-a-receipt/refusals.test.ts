// Nothing is forwarded without a decision, and no decision is without a receipt.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { fixture, sampleTool } from '../../support/fixtures.ts';
import { openRawMcp } from '../../support/raw-mcp.ts';
import { createTestHome, type TestHome } from '../../support/warder.ts';

interface Reply {
  readonly receipt?: { readonly id: string; readonly index: number };
}

let home: TestHome;

beforeAll(async () => {
  home = await createTestHome();
  await home.ok(['tool', 'add', sampleTool('text')]);
  await home.ok(['tool', 'add', sampleTool('notes'), '--allow-kv']);
  await home.ok(['tool', 'add', fixture('minimal')]);
  await home.ok(['tool', 'disable', 'minimal']);
  await home.ok(['tool', 'add', fixture('loop'), '--timeout', '300ms']);
  await home.ok(['tool', 'add', fixture('trap')]);
});

afterAll(() => home.remove());

test.each([
  ['an unknown tool', 'no_such_tool', '{}', 'refused', 'not-found'],
  ['a disabled tool', 'minimal', '{}', 'refused', 'not-found'],
  ['arguments that do not parse', 'text_echo', '{"text":', 'refused', 'malformed'],
  ['arguments against the schema', 'text_echo', '{"text":1}', 'refused', 'schema-violation'],
  [
    'a call that needs approval',
    'note_add',
    '{"text":"x"}',
    'approval-required',
    'approval-required',
  ],
  ['a call out of time', 'loop', '{}', 'limit', 'tool-limit'],
  ['a tool that traps', 'trap', '{}', 'crashed|failed', 'tool-failed'],
])('%s', async (_, tool, args, outcomes, code) => {
  const done = await home.run(['--json', 'call', tool, '--args', args]);
  expect(done.code).not.toBe(0);
  const { receipt } = done.json<Reply>();
  expect(receipt?.id).toMatch(/^call_/);
  const shown = await home.ok<{ outcome: string; statement: unknown }>([
    'receipts',
    'show',
    receipt?.id ?? '',
  ]);
  expect(outcomes.split('|')).toContain(shown.outcome);
  expect(JSON.stringify(shown.statement)).toContain(code);
});

test('over MCP as well, with the id in the answer', async () => {
  const mcp = openRawMcp(home);
  await mcp.initialize();
  const { result } = await mcp.request(2, 'tools/call', { name: 'no_such_tool', arguments: {} });
  const meta = result?.['_meta'] as { 'warder/receipt': { id: string } } | undefined;
  const shown = await home.ok<{ outcome: string }>([
    'receipts',
    'show',
    meta?.['warder/receipt'].id ?? '',
  ]);
  expect(shown.outcome).toBe('refused');
  mcp.endInput();
  await mcp.exited;
});

test('arguments are committed to, not published: the leaf shows neither them nor the principal', async () => {
  const secret = 'correct horse battery staple';
  const reply = await home.ok<Reply>([
    'call',
    'text_echo',
    '--args',
    JSON.stringify({ text: secret }),
  ]);
  const proof = await home.run(['receipts', 'proof', reply.receipt?.id ?? '']);
  const line = proof.stdout.split('\n').find((each) => each.startsWith('extra ')) ?? '';
  const leaf = Buffer.from(line.slice('extra '.length), 'base64').toString('utf8');
  expect(leaf).toContain('text_echo');
  expect(leaf).not.toContain(secret);
  expect(leaf).not.toContain('agent:default');
});
