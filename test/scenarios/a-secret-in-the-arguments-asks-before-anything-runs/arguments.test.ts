// An agent puts a secret into the arguments of a call, in the open or in disguise. A person is asked before
// anything runs, is told why without a byte of it, and the receipt names the signal.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { type FakeConnection, type FakeGate, openGate } from '../../fakes/gate.ts';

const VAULT_VALUE = 'Qx7Lm2Zt8Rb1Vn6Kc3Wd4f9';
const TOKEN = ['ghp', 'aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0dF3gH6'].join('_');

const keys = mkdtempSync(join(tmpdir(), 'warder-keys-'));
afterAll(() => rmSync(keys, { recursive: true, force: true }));

let gate: FakeGate;
let agent: FakeConnection;

beforeEach(async () => {
  gate = await openGate({ keys });
  await gate.administration.setSecret('default', 'API_KEY', Buffer.from(VAULT_VALUE), 'set');
  agent = gate.connect();
});

test.each<[string, object]>([
  ['a token of a well-known form', { text: `use ${TOKEN} please` }],
  ['one deep inside', { at: { path: `/x?token=${TOKEN}` } }],
  ['one of several', { text: 'hello', tags: ['a', TOKEN] }],
  ['a secret of the vault', { text: `the key is ${VAULT_VALUE}` }],
  ['the same in base64', { text: Buffer.from(`key=${VAULT_VALUE}`).toString('base64') }],
  ['the same in hex', { text: Buffer.from(VAULT_VALUE).toString('hex') }],
  ['the same backwards', { text: [...VAULT_VALUE].toReversed().join('') }],
  ['the same in escapes', { text: VAULT_VALUE.replaceAll('x', '%78') }],
])('%s', async (_, args) => {
  const held = await agent.call(args);
  expect(held).toMatchObject({ kind: 'stopped', error: { code: 'approval-required' } });
  expect(gate.runner.ran).toEqual([]);
  expect(JSON.stringify(held)).toMatch(/the arguments hold a/);
  expect(JSON.stringify(held)).not.toContain(VAULT_VALUE);
  const [receipt] = gate.receipts();
  expect(receipt?.statement.predicate).toMatchObject({
    outcome: 'approval-required',
    risk: { verdict: 'ask', signals: expect.arrayContaining(['secret-in-arguments']) },
  });

  // With a yes it runs, once.
  const approval = held.kind === 'stopped' ? (held.approval ?? '') : '';
  await gate.administration.decideApproval('default', approval, { kind: 'yes' });
  expect((await agent.call(args)).kind).toBe('answered');
  expect((await agent.call(args)).kind).toBe('stopped');
  expect(gate.runner.ran).toHaveLength(1);
});

test('harmless arguments ask nobody', async () => {
  expect((await agent.call({ text: 'an ordinary sentence', tags: ['a', 'b'] })).kind).toBe(
    'answered',
  );
});

test('a secret set later is known at once, a removed one no more', async () => {
  const text = 'Hn4Wm2Kx9Zt5Vb8Rc1Ld6Fs';
  expect((await agent.call({ text })).kind).toBe('answered');
  await gate.administration.setSecret('default', 'OTHER', Buffer.from(text), 'set');
  expect((await agent.call({ text })).kind).toBe('stopped');
  await gate.administration.removeSecret('default', 'OTHER');
  expect((await agent.call({ text })).kind).toBe('answered');
});
