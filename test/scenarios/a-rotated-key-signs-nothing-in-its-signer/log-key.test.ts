// The key of the log in a signer process: a daemon that was taken over takes no other before a head of the log says
// so, brings none back, and never has two keys of the log sign heads beside each other.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addSignerKey, initSigner } from '../../../src/front/signing/init-signer.ts';
import { openSignerProcess, type RunningSigner } from '../../../src/front/signing/serve-signer.ts';
import { readRemoteKeys } from '../../../src/trust/signer/remote/remote-key.ts';
import { unixChannel } from '../../../src/trust/signer/remote/unix-channel.ts';
import type { PublicJwk } from '../../../src/trust/signer/signer.ts';
import type { RotationClaims } from '../../../src/trust/verify/rotation.ts';
import { HostileDaemon, MadeLog } from '../../support/made-log.ts';

const refused = { code: 'not-trusted' };
const directory = mkdtempSync(join(tmpdir(), 'ws-'));
const root = join(directory, 's');
const channel = unixChannel(join(root, 'signer.sock'));
const time = { wall: 1_790_000_000_000, monotonic: 0 };
const clock = { wall: () => time.wall, monotonic: () => time.monotonic };
const log = new MadeLog();
let signer: RunningSigner;
let daemon: HostileDaemon;
let next: PublicJwk;
let nextSigning: PublicJwk;

const uses = async (): Promise<readonly string[]> =>
  (await readRemoteKeys(channel)).keys.map(({ use }) => use);
const untouched = ['signing', 'next', 'log', 'next'];
const open = (): ReturnType<typeof openSignerProcess> =>
  openSignerProcess(root, { version: 'test', clock });

beforeAll(async () => {
  await initSigner(root, { listen: [] });
  await addSignerKey(root, undefined);
  await addSignerKey(root, undefined, 'log');
  signer = await open();
  daemon = await HostileDaemon.at(channel, () => time.wall);
  const coming = (await readRemoteKeys(channel)).keys.filter(({ use }) => use === 'next');
  [nextSigning, next] = coming.map(({ jwk }) => jwk) as [PublicJwk, PublicJwk];
  await daemon.head(log.calls(4));
  await daemon.head(log, daemon.log.kid);
});
afterAll(async () => {
  await channel.close();
  await signer.close();
  rmSync(directory, { recursive: true });
});

function claimsOf(changes: Partial<RotationClaims> = {}): RotationClaims {
  const iat = Math.floor(time.wall / 1000);
  const { kid: old } = daemon.log;
  const size = log.leaves.length;
  return {
    iss: daemon.origin,
    seq: 1,
    iat,
    old,
    new: next,
    size,
    until: iat,
    role: 'log',
    ...changes,
  };
}

test('the next key signs nothing before a rotation to it was signed', async () => {
  expect(await uses()).toEqual(untouched);
  await expect(daemon.head(log, next.kid)).rejects.toMatchObject(refused);
  const shown = new MadeLog(log.leaves);
  const rotation = shown.rotation(claimsOf());
  await expect(daemon.head(shown, next.kid, { rotation: rotation() })).rejects.toMatchObject(
    refused,
  );
});

test('no rotation out of order, of another role, or by a key that has no say', async () => {
  const iat = Math.floor(time.wall / 1000);
  const wrong: readonly (readonly [string, Partial<RotationClaims>])[] = [
    ['of another place in the history', { seq: 2 }],
    ['from a key that is none of the log', { old: daemon.signing.kid }],
    ['to the key that signs leases', { new: daemon.signing }],
    ['to one that may come next for leases', { new: nextSigning }],
    ['to the key that signs', { old: next.kid, new: daemon.log }],
    ['dated in the past', { iat: iat - 3600, until: iat - 3600 }],
    ['dated in the future', { iat: iat + 3600, until: iat + 3600 }],
    ['below a head that was signed', { size: 3 }],
    ['of another log', { iss: 'warder.invalid/log/0000000000000000' }],
  ];
  for (const [what, changes] of wrong) {
    for (const key of [daemon.signing, next, daemon.log]) {
      const asked = daemon.rotation(claimsOf(changes), [key]);
      await expect(asked, what).rejects.toMatchObject(refused);
    }
  }
  // The other role speaks by its key of now.
  await expect(daemon.rotation(claimsOf(), [nextSigning])).rejects.toMatchObject(refused);
  expect(await uses()).toEqual(untouched);
});

test('a head of the new key holds the receipt of the rotation, or is signed by nobody', async () => {
  const claims = claimsOf();
  await daemon.rotation(claims, [daemon.log, next, daemon.signing]);
  const sign = (made: MadeLog, rotation: unknown): Promise<string> =>
    daemon.head(made, next.kid, { rotation });
  const without = new MadeLog(log.leaves).calls(2);
  const whole = new MadeLog(log.leaves);
  const shown = whole.rotation(claims)();
  const ofAnother = new MadeLog(log.leaves);
  const another = ofAnother.rotation(claimsOf({ size: 5 }))();
  const late = new MadeLog(log.leaves.slice(0, 3));
  const early = late.rotation(claims);
  late.calls(3);
  for (const [what, made, rotation] of [
    ['none', whole, undefined],
    ['of another log', without, shown],
    ['of another rotation', ofAnother, another],
    ['in leaves from before it', late, early()],
    ['at another place', whole, { ...shown, index: 3 }],
    ['at no place', whole, { ...shown, index: -1 }],
    ['without a proof', whole, { ...shown, proof: [] }],
    ['with too much of one', whole, { ...shown, proof: Array(100).fill(shown.proof[0]) }],
    ['that is no receipt', whole, { ...shown, leaf: '{}' }],
    // Shown, in a history that is another one.
    ['in a fork', ...forked(claims)],
  ] as const) {
    await expect(sign(made, rotation), what).rejects.toMatchObject(refused);
    expect(await uses(), what).toEqual(untouched);
  }
  await expect(daemon.attest(next)).rejects.toMatchObject(refused);
  expect(await uses()).toEqual(untouched);
});

function forked(claims: RotationClaims): readonly [MadeLog, unknown] {
  const fork = new MadeLog().calls(6);
  return [fork, fork.rotation(claims)()];
}

test('with a head of the old key beyond it a rotation that was signed is over', async () => {
  const claims = claimsOf();
  await daemon.rotation(claims, [daemon.log, next, daemon.signing]);
  const rotation = log.rotation(claims);
  await daemon.head(log, daemon.log.kid);
  // Else the two would have signed heads of the same sizes.
  log.calls(1);
  await expect(daemon.head(log, next.kid, { rotation: rotation() })).rejects.toMatchObject(refused);
  await expect(daemon.rotation(claims, [next])).rejects.toMatchObject(refused);
  expect(await uses()).toEqual(untouched);
  await daemon.head(log, daemon.log.kid);
});

test('with the first head of the new key the old one is done; over a restart too', async () => {
  const claims = claimsOf();
  const { signatures } = await daemon.rotation(claims, [daemon.log, next, daemon.signing]);
  expect(signatures).toHaveLength(3);
  const rotation = log.rotation(claims);
  log.calls(1);
  await daemon.head(log, next.kid, { rotation: rotation() });
  await daemon.head(log);
  const after = ['signing', 'next', 'retired', 'log'];
  expect(await uses()).toEqual(after);
  for (let round = 0; round < 2; round += 1) {
    // Neither the head that was signed, nor one that goes on from it, nor one of before.
    for (const made of [
      log,
      new MadeLog(log.leaves).calls(1),
      new MadeLog(log.leaves.slice(0, 5)),
    ]) {
      await expect(daemon.head(made, daemon.log.kid)).rejects.toMatchObject(refused);
    }
    await expect(daemon.attest(daemon.log)).rejects.toMatchObject(refused);
    // Back to it: never, not even in the name of a compromise.
    const back = claimsOf({ seq: 2, old: next.kid, new: daemon.log });
    for (const changes of [{}, { compromised: true }] as const) {
      await expect(
        daemon.rotation({ ...back, ...changes }, [daemon.signing]),
      ).rejects.toMatchObject(refused);
    }
    await daemon.head(log.calls(1), next.kid);
    await daemon.attest(next);
    expect(await uses()).toEqual(after);
    if (round > 0) break;
    await signer.close();
    signer = await open();
  }
});
