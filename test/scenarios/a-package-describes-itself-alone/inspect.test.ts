// A package nobody trusts yet is asked what it offers in a process of its own, with nothing to ask
// back and little time; that process serves nothing else.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestSandbox, fixture, type TestSandbox } from '../../support/sandbox.ts';

let asked = 0;
let box: TestSandbox;
beforeAll(async () => {
  box = await createTestSandbox({
    serve: () => {
      asked += 1;
      return { ok: true, value: {} };
    },
  });
  box.sandbox.warm();
});
afterAll(() => box.sandbox.close());

test('both conventions are read', async () => {
  expect(
    await box.sandbox.inspect(fixture('minimal'), 'extism', { unsafeNoJail: true }),
  ).toMatchObject({
    convention: 'warder',
    tools: [{ name: 'minimal' }],
  });
  const plain = await box.sandbox.inspect(fixture('plain'), 'extism', { unsafeNoJail: true });
  expect(plain).toMatchObject({
    convention: 'plain',
    tools: [{ name: 'upper', inputSchema: { required: ['input'] } }],
  });
});

test.each([
  ['describe-loop', 'did not describe itself within'],
  ['start-loop', 'did not describe itself within'],
  ['start-trap', 'trap: unreachable'],
  ['describe-garbage', 'cannot describe itself'],
  ['describe-names', 'must match'],
  ['describe-remote-ref', '$ref'],
  ['unknown-import', 'cannot resolve import'],
  ['import-constructor', 'cannot resolve import'],
  ['big-memory', 'more memory than its limit allows'],
  ['memory64', '64-bit memory'],
  ['truncated', ''],
])('%s is not admitted', async (name, reason) => {
  await expect(
    box.sandbox.inspect(fixture(name), 'extism', { unsafeNoJail: true }),
  ).rejects.toMatchObject({
    code: 'not-admitted',
    message: expect.stringContaining(reason),
  });
});

test('bytes that are no module are not admitted', async () => {
  for (const bytes of [new Uint8Array(0), new Uint8Array(64).fill(7)]) {
    await expect(
      box.sandbox.inspect(bytes, 'extism', { unsafeNoJail: true }),
    ).rejects.toMatchObject({
      code: 'not-admitted',
    });
  }
});

test('nothing was asked of the host, and no executor was kept', () => {
  expect(asked).toBe(0);
  expect(box.sandbox.stats.executors).toEqual([]);
});
