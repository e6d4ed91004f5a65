// Risk and the firewall through the built command: what config.json and a grant say is what calls meet.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'jsonc-parser';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sampleTool } from '../support/fixtures.ts';
import { createTestHome, type Finished, type TestHome } from '../support/warder.ts';

const TOKEN = ['ghp', 'aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0dF3gH6'].join('_');
/** Refuses what speaks of plums. */
const JUDGE = `grep -q plum && echo '{"verdict":"refuse","note":"plums"}' || echo '{"verdict":"none"}'`;

let home: TestHome;

beforeAll(async () => {
  home = await createTestHome();
  const path = join(home.root, 'config.json');
  const config = parse(readFileSync(path, 'utf8')) as object;
  const sections = {
    risk: {
      signals: { 'internal-address': 'ask' },
      classifier: { command: ['/bin/sh', '-c', JUDGE], arguments: true },
    },
    firewall: { redact: [{ name: 'card', pattern: '\\b[0-9]{16}\\b' }], scanArguments: 'off' },
  };
  writeFileSync(path, JSON.stringify({ ...config, ...sections }));
  await home.ok(['tool', 'add', sampleTool('text')]);
});

afterAll(() => home.remove());

const call = (tool: string, args: object, ...more: string[]): Promise<Finished> =>
  home.run(['--json', 'call', tool, '--args', JSON.stringify(args), ...more]);

interface Answered {
  readonly receipt: { readonly id: string };
}

test('harmless calls run, and say where their answer comes from', async () => {
  const done = await call('text_echo', { text: 'hello 4111111111111111' });
  expect(done.code).toBe(0);
  const { receipt, ...answer } = done.json<Answered>();
  expect(answer).toMatchObject({
    content: [{ text: 'hello [card]' }],
    provenance: { tool: 'text_echo', receipt: receipt.id, untrusted: true, masked: 1 },
  });
  const shown = await home.ok(['receipts', 'show', receipt.id]);
  expect(shown).toMatchObject({
    statement: { predicate: { risk: { verdict: 'none', signals: ['first-use'] } } },
  });
});

test('a secret and an internal address ask, the classifier refuses', async () => {
  const held = await call('text_echo', { text: `use ${TOKEN}` });
  expect(held.code).toBe(4);
  expect(held.stdout + held.stderr).not.toContain(TOKEN);
  const { approval } = held.json<{ approval: string }>();
  await home.ok(['approvals', 'approve', approval]);
  expect((await call('text_echo', { text: `use ${TOKEN}` })).code).toBe(0);
  expect((await call('text_echo', { text: 'http://0x7f000001/' }, '--dry-run')).code).toBe(4);
  const refused = await call('text_echo', { text: 'a plum' });
  expect(refused.code).toBe(3);
  expect(refused.stdout).toContain('plums');
});

test('only listed parts of an answer are given, by the next call on', async () => {
  const args = { text: 'a b a', find: 'a', replace: 'c' };
  expect((await call('text_replace', args)).json()).toMatchObject({
    structuredContent: { text: 'c b c', count: 2 },
  });
  await home.ok(['tool', 'grant', 'text', '--output-path', '/count']);
  const done = (await call('text_replace', args)).json<Answered>();
  expect(done).toMatchObject({
    structuredContent: { count: 2 },
    content: [{ text: '{"count":2}' }],
    provenance: { removed: 1 },
  });
  expect(JSON.stringify(await home.ok(['receipts', 'show', done.receipt.id]))).not.toContain(
    'c b c',
  );
  const wrong = await home.run(['tool', 'grant', 'text', '--output-path', 'count']);
  expect(wrong.code).toBe(2);
  expect(wrong.stderr).toContain('is not an output path');
});
