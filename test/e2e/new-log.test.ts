// A home that was rolled back, a log under another key, and a key that is gone: from the command line.

import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sampleTool } from '../support/fixtures.ts';
import { KeptFiles, verifyProof } from '../support/kept-files.ts';
import { createTestHome, type TestHome } from '../support/warder.ts';

let home: TestHome;
let kept: KeptFiles;

beforeAll(async () => {
  home = await createTestHome();
  kept = new KeptFiles(home);
});

afterAll(async () => {
  await home.remove();
  kept.remove();
});

const verifies = async (proof: string, key: string): Promise<number> =>
  (await verifyProof(proof, key)).code;

test('a home put back to an older copy goes on with a new log; what was given out stays true', async () => {
  await home.ok(['keys', 'list']);
  const early = await kept.lastProof('early.proof');
  await home.ok(['stop']);
  cpSync(home.root, kept.path('copy'), { recursive: true });
  await home.ok(['tool', 'add', sampleTool('text')]);
  const late = await kept.lastProof('late.proof');
  const before = await kept.save('before.jwks', ['keys', 'jwks']);
  const refused = await home.run(['receipts', 'new-log', '--reason', 'none']);
  expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('conflict') as string });
  await home.ok(['stop']);
  rmSync(home.root, { recursive: true });
  cpSync(kept.path('copy'), home.root, { recursive: true });

  const closed = await home.run(['receipts', 'list']);
  expect(closed.code).not.toBe(0);
  expect(closed.stderr).toContain('receipts new-log');
  expect((await home.run(['receipts', 'new-log'])).code).toBe(2);
  const begun = await home.ok<{ origin: string; before: object; lost: number }>([
    'receipts',
    'new-log',
    '--reason',
    'the disk was replaced',
  ]);
  expect(begun.lost).toBeGreaterThan(0);
  const audit = await home.ok<{ follows: object }>(['receipts', 'verify']);
  expect(audit.follows).toMatchObject({ ...begun.before, reason: 'the disk was replaced' });
  await home.ok(['tool', 'add', sampleTool('text')]);
  const today = await kept.save('today.jwks', ['keys', 'jwks']);
  expect(await verifies(await kept.lastProof('new.proof'), today)).toBe(0);
  for (const proof of [early, late]) {
    expect(await verifies(proof, before)).toBe(0);
    expect(await verifies(proof, today)).toBe(6);
  }
}, 90_000);

test('the key of the log is another from now on, and verifiers follow', async () => {
  const before = await kept.save('first.jwks', ['keys', 'jwks']);
  const proof = await kept.lastProof('first.proof');
  await home.ok(['keys', 'rotate', '--log']);
  const today = await kept.save('second.jwks', ['keys', 'jwks']);
  expect(await verifies(proof, today)).toBe(0);
  expect(await verifies(await kept.lastProof('second.proof'), today)).toBe(0);
  const led = await home.run(['keys', 'verify-rotation', today, '--key', before]);
  expect(led.code, led.stderr).toBe(0);
}, 60_000);

test('a home whose signing key is gone goes on under another', async () => {
  const early = await home.run(['keys', 'rotate', '--compromised', '--offline']);
  expect(early).toMatchObject({ code: 2, stderr: expect.stringContaining('conflict') as string });
  const proof = await kept.lastProof('third.proof');
  await home.ok(['stop']);
  rmSync(join(home.root, 'keys', 'signing.key'));
  expect((await home.run(['keys', 'list'])).code).not.toBe(0);
  expect((await home.run(['keys', 'rotate', '--offline'])).code).toBe(2);
  await home.ok(['keys', 'rotate', '--compromised', '--offline']);
  const today = await kept.save('third.jwks', ['keys', 'jwks']);
  expect(await verifies(proof, today)).toBe(0);
  await home.ok(['receipts', 'verify']);
}, 60_000);
