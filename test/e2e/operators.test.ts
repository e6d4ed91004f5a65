// Named operators through the built command: each over a socket of their own, told apart by nothing else.

import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createOperatorClient } from '../../src/front/cli/operator-client.ts';
import { sampleTool } from '../support/fixtures.ts';
import { openRawMcp } from '../support/raw-mcp.ts';
import { createTestHome, type Finished, type TestHome } from '../support/warder.ts';

const TWO = `@id("notes-take-two")
@approval("notes are kept")
@approvals("2")
forbid (principal, action == Action::"call:note_add", resource)
unless { context.approved };
`;

interface Shown {
  readonly state: string;
  readonly given: number;
  readonly needed: number;
  readonly answers: readonly { readonly by: string }[];
  readonly effects: readonly string[];
}

let home: TestHome;

beforeAll(async () => {
  home = await createTestHome();
  await home.ok(['tool', 'add', sampleTool('notes'), '--allow-kv']);
  writeFileSync(join(home.root, 'policy', '40-two.cedar'), TWO);
});
afterAll(() => home.remove());

const as = (operator: string, ...words: readonly string[]): Promise<Finished> =>
  home.run(['--json', '--operator', operator, ...words]);
const call = (text: string, ...more: readonly string[]): Promise<Finished> =>
  home.run(['--json', 'call', 'note_add', '--args', JSON.stringify({ text }), ...more]);
async function hold(text: string): Promise<string> {
  const held = await call(text);
  expect(held.code, held.stderr).toBe(4);
  return held.json<{ approval: string }>().approval;
}

test('a policy that takes more operators than there are is warned about', async () => {
  const checked = await home.run(['policy', 'set']);
  expect(checked.stdout + checked.stderr).toMatch(
    /40-two\.cedar:1: takes 2 different operators, and config\.json has 1/,
  );
  expect((await home.run(['doctor'])).stdout).toMatch(/operators.*take 2 different operators/);
  const id = await hold('nobody can');
  const shown = await home.run(['approvals', 'show', id]);
  expect(shown.stdout).toContain('takes 2 different operators and 1 is configured');
});

test('an operator the configuration does not name has no channel', async () => {
  const tried = await as('alice', 'approvals', 'list');
  expect(tried.code).toBe(2);
  expect(tried.stderr).toContain('no operator `alice`');
});

test('two operators, each by a socket of their own, allow one call', async () => {
  const file = join(home.root, 'config.json');
  const text = readFileSync(file, 'utf8');
  writeFileSync(
    file,
    text
      .replace('"version": 1,', '"version": 1,\n  "operators": { "alice": {}, "bob": {} },')
      .replace('"ttl": 3600,', '"ttl": 600, "maxTtl": 3600,'),
  );
  await home.ok(['stop']);
  const id = await hold('two can');
  for (const name of ['alice', 'bob']) {
    const { mode } = statSync(join(home.root, 'operators', `${name}.sock`));
    expect((mode & 0o777).toString(8)).toBe('600');
  }
  const first = (await as('alice', 'approvals', 'approve', id)).json<Shown>();
  expect(first).toMatchObject({ state: 'pending', given: 1, needed: 2 });
  const listed = await home.run(['approvals', 'list']);
  expect(listed.stdout).toContain('pending (1 of 2)');
  const again = await as('alice', 'approvals', 'approve', id);
  expect([again.code, again.stderr]).toEqual([2, expect.stringContaining('approved')]);
  expect((await call('two can')).code).toBe(4);
  const last = (await as('bob', 'approvals', 'approve', id, '--max-output', '64KiB')).json<Shown>();
  expect(last).toMatchObject({ state: 'approved', answers: [{ by: 'alice' }, { by: 'bob' }] });
  expect((await call('two can')).code).toBe(0);
  const rows = await home.ok<{ id: string }[]>(['receipts', 'list', '--approval', id]);
  const receipts = await Promise.all(rows.map((row) => home.ok(['receipts', 'show', row.id])));
  const text_ = JSON.stringify(receipts);
  for (const part of ['operator:alice', 'operator:bob', '"given":1', '"given":2', '64']) {
    expect(text_).toContain(part);
  }
});

test('`doctor` says what telling operators apart is worth here', async () => {
  const findings = await home.ok<{ subject: string; text: string }[]>(['doctor']);
  const [about] = findings.filter(({ subject }) => subject === 'operators');
  expect(about?.text).toContain('any program of this user can answer as each of them');
});

test('a yes to less is shown as less', async () => {
  const id = await hold('without its store');
  await as('alice', 'approvals', 'approve', id, '--deny-kv', '--within', '300');
  const done = (await as('bob', 'approvals', 'approve', id)).json<Shown>();
  expect(done.effects).toEqual([]);
  const shown = await home.run(['approvals', 'show', id]);
  expect(shown.stdout).toMatch(/it could\n {2}only compute\nit asked for\n {2}keep data/);
  expect((await call('without its store')).code).not.toBe(0);
});

test('a request for a lease waits in the same place, and is granted for less', async () => {
  const mcp = openRawMcp(home);
  await mcp.initialize();
  const asking = await mcp.request(2, 'tools/call', {
    name: 'lease_request',
    arguments: {
      task: 'ticket-7',
      reason: 'the reports take an hour',
      capabilities: [{ type: 'tool.call', tools: ['note_*'] }],
      ttl_seconds: 3000,
    },
  });
  const { id } = (asking.result ?? {})['structuredContent'] as { id: string };
  expect(id).toMatch(/^lreq_/);
  const listed = await home.run(['approvals', 'list']);
  expect(listed.stdout).toMatch(new RegExp(`${id} +lease +pending +a lease for ticket-7`));
  const refused = await as('alice', 'approvals', 'approve', id, '--ttl', '3001');
  expect(refused.code).toBe(3);
  const narrower = '[{"type":"tool.call","tools":["note_list"]}]';
  const words = ['approvals', 'approve', id, '--ttl', '60', '--capabilities', narrower];
  expect((await as('alice', ...words)).json<Shown>()).toMatchObject({ state: 'active' });
  const shown = await home.run(['approvals', 'show', id]);
  expect(shown.stdout).toMatch(/it could, for 60 s\n.*note_list/);
  expect(shown.stdout).toMatch(/it asked for 3000 s of\n.*note_\*/);
  const polled = await mcp.request(3, 'tools/call', { name: 'lease_poll', arguments: { id } });
  expect(polled.result?.['structuredContent']).toMatchObject({
    state: 'active',
    capabilities: [{ tools: ['note_list'] }],
  });
  mcp.endInput();
  await mcp.exited;
  const rows = await home.ok<{ outcome: string }[]>(['receipts', 'list', '--approval', id]);
  expect(rows.map(({ outcome }) => outcome)).toEqual(
    expect.arrayContaining(['requested', 'approved', 'issued']),
  );
});

test('who answers is not what a request says', async () => {
  const id = await hold('by another name');
  const client = createOperatorClient(join(home.root, 'operators', 'alice.sock'));
  const lying = { id, operator: 'bob' } as { id: string };
  await expect(client.call('approvals.approve', lying)).rejects.toThrow('unknown member');
  for (const bad of ['../operator', 'operator/..', 'Alice', '']) {
    expect((await as(bad, 'approvals', 'approve', id)).code).toBe(2);
  }
  const { answers } = await home.ok<Shown>(['approvals', 'show', id]);
  expect(answers).toEqual([]);
});

test.each([
  [['--capabilities', '[{"type":"fs.read","path":["/**"]}]'], 'malformed'],
  [['--capabilities', '[{"type":"tool.call","tools":["*"]}]'], 'usage'],
  [['--within', 'soon'], 'usage'],
  [['--max-output', 'much'], 'usage'],
])('terms that are none are refused: %s', async (words, code) => {
  const id = await hold(`terms ${words.join(' ')}`);
  const tried = await home.run(['--json', 'approvals', 'approve', id, ...words]);
  expect(tried.json<{ error: { code: string } }>().error.code).toBe(code);
  expect((await home.ok<Shown>(['approvals', 'show', id])).given).toBe(0);
});
