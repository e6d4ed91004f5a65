// Keys of a signer process change by rotations that it signs itself: it learns of them there, and from nobody. A
// daemon that was taken over brings no key back, takes none before its time, and dates nothing under an old one.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addSignerKey, initSigner } from '../../../src/front/signing/init-signer.ts';
import { openSignerProcess, type RunningSigner } from '../../../src/front/signing/serve-signer.ts';
import type { PublicJwk } from '../../../src/trust/signer/signer.ts';
import { readRemoteKeys } from '../../../src/trust/signer/remote/remote-key.ts';
import { unixChannel } from '../../../src/trust/signer/remote/unix-channel.ts';
import type { RotationClaims } from '../../../src/trust/verify/rotation.ts';
import { HostileDaemon, MadeLog } from '../../support/made-log.ts';

const refused = { code: 'not-trusted' };
const directory = mkdtempSync(join(tmpdir(), 'ws-'));
const root = join(directory, 's');
const channel = unixChannel(join(root, 'signer.sock'));
const time = { wall: 1_790_000_000_000, monotonic: 0 };
const clock = { wall: () => time.wall, monotonic: () => time.monotonic };
let signer: RunningSigner;
let daemon: HostileDaemon;
let next: PublicJwk;
const log = new MadeLog();

const uses = async (): Promise<readonly string[]> =>
  (await readRemoteKeys(channel)).keys.map(({ use }) => use);

beforeAll(async () => {
  await initSigner(root, { listen: [] });
  await addSignerKey(root, undefined);
  signer = await openSignerProcess(root, { version: 'test', clock });
  daemon = await HostileDaemon.at(channel, () => time.wall);
  const found = (await readRemoteKeys(channel)).keys.find(({ use }) => use === 'next');
  next = found?.jwk as PublicJwk;
  await daemon.head(log.calls(4));
});
afterAll(async () => {
  await channel.close();
  await signer.close();
  rmSync(directory, { recursive: true });
});

function claimsOf(changes: Partial<RotationClaims> = {}): RotationClaims {
  const iat = Math.floor(time.wall / 1000) + 3;
  const { kid: old } = daemon.signing;
  return { iss: daemon.origin, seq: 1, iat, old, new: next, size: 4, until: iat + 600, ...changes };
}

test('the next key signs nothing before a rotation to it was signed', async () => {
  expect(await uses()).toEqual(['signing', 'next', 'log']);
  await expect(daemon.head(log, next.kid)).rejects.toMatchObject(refused);
  const lease = daemon.prepare({}, next);
  await expect(daemon.lease(lease, new MadeLog(log.leaves))).rejects.toMatchObject(refused);
});

test('no rotation out of order, out of time, over what was signed, or to a key of its own choice', async () => {
  const iat = Math.floor(time.wall / 1000);
  const wrong: readonly (readonly [string, Partial<RotationClaims>])[] = [
    ['of another place in the history', { seq: 2 }],
    ['from a key that does not sign', { old: daemon.log.kid }],
    ['to the key that signs', { old: next.kid, new: daemon.signing }],
    ['dated in the past', { iat: iat - 3600, until: iat }],
    ['dated in the future', { iat: iat + 3600, until: iat + 3600 }],
    ['with a grace longer than any lease', { until: iat + 100_000 }],
    ['below a head that was signed', { size: 3 }],
    ['of another log', { iss: 'warder.invalid/log/0000000000000000' }],
  ];
  for (const [what, changes] of wrong) {
    for (const key of [daemon.signing, next, daemon.log]) {
      const asked = daemon.rotation(claimsOf(changes), [key]);
      await expect(asked, what).rejects.toMatchObject(refused);
    }
  }
  expect(await uses()).toEqual(['signing', 'next', 'log']);
});

test('a rotation that was signed and never used changes nothing', async () => {
  await daemon.rotation(claimsOf({ size: 5 }), [daemon.signing, next, daemon.log]);
  expect(await uses()).toEqual(['signing', 'next', 'log']);
  await daemon.head(log.calls(1));
});

test('with the first thing the new key signs, the old one is done; over a restart too', async () => {
  const claims = claimsOf({ size: 5 });
  const rotation = await daemon.rotation(claims, [daemon.signing, next, daemon.log]);
  expect(rotation.signatures).toHaveLength(3);
  const before = daemon.prepare();
  // Not for a head of the old key's.
  await expect(daemon.head(log, next.kid)).rejects.toMatchObject(refused);
  log.calls(2);
  await daemon.head(log, next.kid);
  expect(await uses()).toEqual(['retired', 'signing', 'log']);
  for (let round = 0; round < 2; round += 1) {
    await expect(daemon.head(new MadeLog(log.leaves).calls(1))).rejects.toMatchObject(refused);
    // Heads of its size are the other's, though their root is the one that was signed.
    await expect(daemon.head(log)).rejects.toMatchObject(refused);
    time.wall += 4_000;
    const late = daemon.prepare();
    await expect(daemon.lease(late, new MadeLog(log.leaves))).rejects.toMatchObject(refused);
    // Back to it: never.
    const back = claimsOf({ seq: 2, old: next.kid, new: daemon.signing, size: 7 });
    await expect(daemon.rotation(back, [next])).rejects.toMatchObject(refused);
    await expect(daemon.rotation(claims, [daemon.signing])).resolves.toBeDefined();
    await signer.close();
    signer = await openSignerProcess(root, { version: 'test', clock });
  }
  // What was prepared before it is signed while the grace runs.
  await daemon.lease(before, log);
  time.wall += 700_000;
  await expect(daemon.lease(before, new MadeLog(log.leaves))).rejects.toMatchObject(refused);
});
