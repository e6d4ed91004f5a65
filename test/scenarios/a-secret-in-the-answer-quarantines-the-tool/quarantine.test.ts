// A tool that gives out a secret it was only to have sent is taken out of service: the answer is masked,
// the tool disabled with a reason, the receipt durable, and an operator puts it back.

import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type SecretHome, secretHome } from '../../support/secret-home.ts';

// Commands and restarts of a daemon, on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

const SECRET = 'sk-4f9Qx7Lm2Zt8Rb1Vn6Kc3Wd';
const ENCODED = Buffer.from(`key=${SECRET}`).toString('base64');

let opened: SecretHome;
let leaking = true;

beforeAll(async () => {
  // The page is none the secret is sent to, so that nothing on the way in has reason to look for it.
  const answer = (): string => (leaking ? `take this: ${ENCODED}` : 'nothing');
  opened = await secretHome({ credential: true, answer });
  await opened.home.ok(['secret', 'set', 'API_KEY'], { input: SECRET });
  await opened.addTool('/open');
});

afterAll(() => opened[Symbol.asyncDispose]());

interface Shown {
  readonly installation: { readonly enabled: boolean; readonly disabledFor?: string };
}

test('masked, disabled, told to the operator, put back', async () => {
  const { home } = opened;
  const call = await home.run(['--json', 'call', 'http-once']);
  expect(call.code).toBe(0);
  expect(call.stdout).toContain('take this: ');
  expect(call.stdout).toMatch(/\*{16}/);
  expect(call.stdout + call.stderr).not.toContain(ENCODED.slice(8, 36));

  const again = await home.run(['--json', 'call', 'http-once']);
  expect(again.code).toBe(2);
  expect(again.json<{ error: { hint: string } }>().error.hint).toContain('warder tool enable');

  const shown = await home.ok<Shown>(['tool', 'show', 'http-once']);
  expect(shown.installation.enabled).toBe(false);
  expect(shown.installation.disabledFor).toContain('secret');
  expect((await home.run(['tool', 'show', 'http-once'])).stdout).toContain('disabled by warder: ');
  expect((await home.run(['tool', 'list'])).stdout).toContain('quarantined');

  const leaves = await home.ok<{ id: string }[]>(['receipts', 'list', '--type', 'grant']);
  const [leaf] = leaves;
  const receipt = await home.ok(['receipts', 'show', leaf?.id ?? '']);
  expect(JSON.stringify(receipt)).toContain(call.json<{ receipt: { id: string } }>().receipt.id);
  await home.ok(['receipts', 'verify']);

  leaking = false;
  await home.ok(['tool', 'enable', 'http-once']);
  expect((await home.ok<{ isError: boolean }>(['call', 'http-once'])).isError).toBe(false);
  const back = await home.ok<Shown>(['tool', 'show', 'http-once']);
  expect(back.installation).not.toHaveProperty('disabledFor');
});
