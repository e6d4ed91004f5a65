// A grant of a secret is not enough: unless the agent's own lease says `credential`, its requests go out
// without it. Both sides, with the whole command.

import { afterEach, expect, test, vi } from 'vitest';
import { type SecretHome, secretHome } from '../../support/secret-home.ts';

// Commands and restarts of a daemon, on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

const SECRET = 'sk-4f9Qx7Lm2Zt8Rb1Vn6Kc3Wd';

let opened: SecretHome | undefined;

async function prepared(credential: boolean): Promise<SecretHome> {
  opened = await secretHome({ credential, answer: () => 'seen' });
  await opened.home.ok(['secret', 'set', 'API_KEY'], { input: `${SECRET}\n` });
  await opened.addTool('/v1/page');
  return opened;
}

afterEach(() => opened?.[Symbol.asyncDispose]());

test('as `init` leaves it, the default agent sends none', async () => {
  const { home, arrived } = await prepared(false);
  const call = await home.ok<{ isError: boolean }>(['call', 'http-once']);
  expect(call.isError).toBe(false);
  expect(arrived).toHaveLength(1);
  expect(arrived[0]).not.toHaveProperty('authorization');
  expect(await home.ok(['secret', 'list'])).toMatchObject([{ name: 'API_KEY', uses: 0 }]);
  const ceiling = await home.ok<{ capabilities: { type: string }[] }>(['lease', 'describe']);
  expect(ceiling.capabilities.map(({ type }) => type)).not.toContain('credential');
});

test('with the capability in config.json it does, and the receipt says so', async () => {
  const { home, arrived } = await prepared(true);
  const call = await home.ok<{ receipt: { id: string } }>(['call', 'http-once']);
  expect(arrived.map(({ authorization }) => authorization)).toEqual([`Bearer ${SECRET}`]);
  expect(await home.ok(['secret', 'list'])).toMatchObject([{ name: 'API_KEY', uses: 1 }]);
  const receipt = JSON.stringify(await home.ok(['receipts', 'show', call.receipt.id]));
  expect(receipt).toContain('"kind":"secret"');
  expect(receipt).toContain('"API_KEY"');
  expect(receipt).not.toContain(SECRET);
});
