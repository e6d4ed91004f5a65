// Somebody has the daemon, and with it the way to the signer process: its socket, its protocol, all there is in the
// store. It gets no second history, no bare digest, no lease past the ceilings, nothing by another key, nothing by
// evidence shown twice.

import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { initSigner } from '../../../src/front/signing/init-signer.ts';
import { openSignerProcess, type RunningSigner } from '../../../src/front/signing/serve-signer.ts';
import type { LeaseTerms } from '../../../src/trust/lease/issue-lease.ts';
import { makePublicJwk } from '../../../src/trust/signer/jwk.ts';
import { unixChannel } from '../../../src/trust/signer/remote/unix-channel.ts';
import type { SignKind } from '../../../src/trust/signer/signer.ts';
import { formatHead } from '../../../src/trust/verify/checkpoint.ts';
import { HostileDaemon, MadeLog } from '../../support/made-log.ts';

const refused = { code: 'not-trusted' };
const HOLDER = { jkt: 'A'.repeat(43) };
const RATE = 50;
const ceilings = { ttl: 600, bearerTtl: 0, maxLife: 3600, depth: 1, leasesPerMinute: RATE };
const within: Partial<LeaseTerms> = { cnf: HOLDER, ttlSeconds: 600, delMax: 1 };

// One signer for all of it, as somebody would have it: each attack starts from what the one before left.
const time = { wall: 1_790_000_000_000, monotonic: 5_000 };
let signer: RunningSigner;
let daemon: HostileDaemon;
let root: string;
/** The history that the signer has signed. */
const log = new MadeLog();

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'ws-'));
  await initSigner(join(root, 's'), { listen: [], ceilings });
  const clock = { wall: () => time.wall, monotonic: () => time.monotonic };
  signer = await openSignerProcess(join(root, 's'), { version: 'test', clock });
  daemon = await HostileDaemon.at(unixChannel(join(root, 's/signer.sock')), () => time.wall);
});
afterAll(async () => {
  await daemon.channel.close();
  await signer.close();
  rmSync(root, { recursive: true });
});

test('no second history: no fork, no rollback, no other log, with any evidence', async () => {
  log.calls(5);
  await daemon.head(log);
  await daemon.head(log, daemon.log.kid);
  const forks = [
    ['as large', new MadeLog().calls(5)],
    ['larger', new MadeLog().calls(9)],
    ['with a common start', new MadeLog(log.leaves.slice(0, 3)).calls(6)],
    ['smaller', new MadeLog(log.leaves.slice(0, 3))],
    ['empty', new MadeLog()],
  ] as const;
  for (const [what, fork] of forks) {
    for (const { kid } of [daemon.signing, daemon.log]) {
      await expect(daemon.head(fork, kid), what).rejects.toMatchObject(refused);
    }
    for (const changes of [
      { from: 0, proof: [] },
      { from: 5, proof: [] },
      { from: 5.5 },
      { from: '5' },
      { proof: 'none' },
      { proof: Array.from({ length: 1000 }, () => 'A'.repeat(43) + '=') },
      { proof: [null, 7] },
      { leases: [1, 2, 3] },
    ]) {
      await expect(daemon.head(fork, undefined, changes), what).rejects.toMatchObject(refused);
    }
  }
  const elsewhere = formatHead({ origin: 'example.com/other', size: 6, root: randomBytes(32) });
  await expect(daemon.ask('checkpoint', elsewhere, {})).rejects.toMatchObject(refused);
  expect(await daemon.last()).toMatchObject({ size: 5 });
  // The history it has goes on.
  await daemon.head(log.calls(2));
});

test('no bare digest, and no payload of one kind as another', async () => {
  const { tree } = log;
  const head = formatHead({ origin: daemon.origin, size: tree.size, root: tree.root() });
  const lease = daemon.prepare(within).signingInput;
  const texts = ['', 'A'.repeat(32), '5'.repeat(64), 'eyJhbGciOiJub25lIn0.e30', head, lease];
  const kinds: readonly SignKind[] = [
    'lease',
    'checkpoint',
    'rotation',
    'revocations',
    'dsse',
    'attest',
  ];
  for (const kind of kinds) {
    for (const text of texts) {
      for (const { kid } of [daemon.signing, daemon.log]) {
        const asked = daemon.ask(kind, text, { from: 0, proof: [], leaf: text, index: 0 }, kid);
        // But for the one head that is one.
        if (kind === 'checkpoint' && text === head) await asked;
        else await expect(asked, `${kind} ${text}`).rejects.toMatchObject(refused);
      }
    }
  }
  await expect(daemon.ask('raw' as SignKind, 'x')).rejects.toMatchObject(refused);
  // A probe says nothing of its own.
  const probe = `warder signer probe\n${'a'.repeat(200)}`;
  await expect(daemon.ask('probe', probe)).rejects.toMatchObject({ code: 'malformed' });
});

test('no lease past the ceilings, however it is asked for', async () => {
  await daemon.lease(daemon.prepare(within), log);
  const second = Math.floor(time.wall / 1000);
  const beyond: readonly (readonly [string, Partial<LeaseTerms>])[] = [
    ['longer', { cnf: HOLDER, ttlSeconds: 601 }],
    ['without a holder', { ttlSeconds: 10 }],
    ['deeper', { cnf: HOLDER, delMax: 2 }],
    ['signed anew for ever', { cnf: HOLDER, maxExp: second + 3601 }],
    ['for another audience', { cnf: HOLDER, origin: 'warder.invalid/log/0000000000000000' }],
    ['that begins later', { cnf: HOLDER, notBefore: second + 100, ttlSeconds: 600 }],
  ];
  for (const [what, terms] of beyond) {
    const prepared = daemon.prepare(terms);
    await expect(daemon.lease(prepared, new MadeLog()), what).rejects.toMatchObject(refused);
  }
  // Dated when the daemon likes: to count once it is found out, or under a key of the past.
  for (const off of [-86_400_000, -200_000, 200_000, 31_536_000_000]) {
    const dated = await HostileDaemon.at(daemon.channel, () => time.wall + off);
    const prepared = dated.prepare(within);
    await expect(daemon.lease(prepared, new MadeLog()), String(off)).rejects.toMatchObject(refused);
  }
  // Nothing of what was refused is remembered.
  expect(await daemon.last()).toMatchObject({ unproven: [log.leaves.length - 1] });
});

test('no more leases than its rate, by the clock of the signer alone', async () => {
  const tooMany = { code: 'limit-reached' };
  const one = (): Promise<string> => daemon.lease(daemon.prepare(within), log);
  const asMany = async (): Promise<void> => {
    for (let count = 0; count < RATE; count += 1) await one();
    await expect(daemon.lease(daemon.prepare(within), new MadeLog())).rejects.toMatchObject(
      tooMany,
    );
  };
  time.monotonic += 61_000;
  await asMany();
  // Setting the time of day helps nobody.
  time.wall += 100_000;
  const prepared = daemon.prepare(within);
  await expect(daemon.lease(prepared, new MadeLog())).rejects.toMatchObject(tooMany);
  time.monotonic += 58_000;
  await expect(daemon.lease(prepared, new MadeLog())).rejects.toMatchObject(tooMany);
  time.monotonic += 3_000;
  await asMany();
  time.monotonic += 61_000;
  await daemon.head(log);
});

test('no key signs what is another’s', async () => {
  const { kid } = daemon.log;
  const prepared = daemon.prepare(within, daemon.log);
  await expect(daemon.lease(prepared, new MadeLog())).rejects.toMatchObject(refused);
  for (const kind of ['revocations', 'dsse'] as const) {
    await expect(daemon.ask(kind, 'DSSEv1 1 a 1 b', {}, kid)).rejects.toMatchObject(refused);
  }
  // A lease in the name of the one, asked of the other.
  const named = daemon.prepare(within);
  await expect(daemon.ask('lease', named.signingInput, {}, kid)).rejects.toMatchObject(refused);
  await expect(daemon.ask('lease', 'x', {}, 'A'.repeat(43))).rejects.toMatchObject({
    code: 'not-found',
  });
});

test('nothing by evidence that was shown before', async () => {
  log.calls(3);
  await daemon.head(log);
  const { size } = await daemon.last();
  const first = daemon.prepare(within);
  await daemon.lease(first, log);
  const shown = { index: size, leaf: Buffer.from(log.leaves[size] ?? '').toString() };
  // The receipt of one lease for another, at its place or a new one.
  const second = daemon.prepare(within);
  for (const index of [size, size + 1, size + 1_000]) {
    const evidence = { ...shown, index };
    await expect(daemon.ask('lease', second.signingInput, evidence)).rejects.toMatchObject(refused);
  }
  // Two leases said to be one leaf.
  const other = new MadeLog(log.leaves.slice(0, size));
  await expect(daemon.lease(second, other)).rejects.toMatchObject(refused);
  await daemon.head(log);
  // A proof from a head before the last, of a history that leaves the lease out.
  const without = new MadeLog(log.leaves.slice(0, size)).calls(5);
  const proof = without.tree
    .consistency(size, size + 5)
    .map((hash) => Buffer.from(hash).toString('base64'));
  const old = { from: size, proof };
  await expect(daemon.head(without, undefined, old)).rejects.toMatchObject(refused);
});

test('no lease is left out of the log it is in', async () => {
  log.calls(2);
  await daemon.head(log);
  const before = new MadeLog(log.leaves).calls(1);
  await daemon.lease(daemon.prepare(within), log);
  // A head from before the lease was durable may still come; after it, none without the lease.
  const nothing = { leases: [], leaseProof: [] };
  await daemon.head(before, undefined, nothing);
  await expect(daemon.head(before.calls(1), undefined, nothing)).rejects.toMatchObject(refused);
  // And the one with it is of another history by now.
  await expect(daemon.head(log)).rejects.toMatchObject(refused);
});

test('no key of the attacker’s in the place of the signer’s', async () => {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
  const iat = Math.floor(time.wall / 1000);
  const claims = {
    iss: daemon.origin,
    seq: 1,
    iat,
    old: daemon.signing.kid,
    new: makePublicJwk('ES256', x, y),
    size: log.leaves.length,
    until: iat + 60,
  };
  for (const key of [daemon.signing, daemon.log]) {
    await expect(daemon.rotation(claims, [key])).rejects.toMatchObject(refused);
    const compromised = { ...claims, until: iat, compromised: true } as const;
    await expect(daemon.rotation(compromised, [key])).rejects.toMatchObject(refused);
  }
});

test('no request resets anything, and none tells what is inside', async () => {
  const before = await daemon.last();
  const requests = ['init', 'reset', 'keys.create', 'new-log', 'open', '__proto__', 'constructor'];
  for (const ask of requests) {
    await expect(daemon.channel.ask({ ask } as never)).rejects.toMatchObject({ code: 'malformed' });
  }
  for (const extra of [
    { ask: 'last', origin: 'example.com/other' },
    { ask: 'keys', uri: 'pkcs11:token=T;object=L?module-path=/tmp/mine.so' },
    { ask: 'sign', kid: daemon.signing.kid, kind: 'probe', payload: 'x', memory: '/dev/null' },
  ]) {
    await expect(daemon.channel.ask(extra as never)).rejects.toMatchObject({ code: 'malformed' });
  }
  const told = JSON.stringify([
    await daemon.channel.ask({ ask: 'keys' }),
    await daemon.channel.ask({ ask: 'status' }),
    await daemon.last(),
  ]);
  expect(told).not.toContain(root);
  expect(told).not.toContain('passphrase-source');
  expect(await daemon.last()).toEqual(before);
});
