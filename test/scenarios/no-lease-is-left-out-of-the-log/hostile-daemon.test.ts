// A daemon that was taken over has leases signed and leaves them out of the log, or shows another log: the
// signer, which remembers what it signed, signs no further head. An honest daemon is never refused.

import { createHash, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { encodeUtf8 } from '../../../src/base/encoding/utf8.ts';
import {
  type LeaseTerms,
  prepareLease,
  type PreparedLease,
} from '../../../src/trust/lease/issue-lease.ts';
import { leaseAdmitter } from '../../../src/trust/lease/lease-admitter.ts';
import { buildLeaf } from '../../../src/trust/receipt/build-leaf.ts';
import {
  checkpointEvidence,
  type CheckpointEvidence,
  type LogAdmitter,
  openCheckpointAdmitter,
} from '../../../src/trust/receipt/checkpoint-admitter.ts';
import { createCheckpointMemory } from '../../../src/trust/receipt/checkpoint-memory.ts';
import { hashLeaf } from '../../../src/trust/receipt/digest.ts';
import type { ReceiptFacts } from '../../../src/trust/receipt/leaf.ts';
import { LogTree } from '../../../src/trust/receipt/log-tree.ts';
import { type BackEndKey, checkedSigner } from '../../../src/trust/signer/checked-signer.ts';
import { memoryKey } from '../../../src/trust/signer/memory/memory-signer.ts';
import type { Signer } from '../../../src/trust/signer/signer.ts';
import { formatHead } from '../../../src/trust/verify/checkpoint.ts';
import { callFacts, scratch } from '../../unit/receipt/log-fixture.ts';

const origin = 'warder.invalid/log/0123456789abcdef';
const refused = { code: 'not-trusted' };
const now = 1_790_000_000_000;
const terms: LeaseTerms = {
  origin,
  principal: 'agent:default',
  tenant: 'default',
  capabilities: [{ type: 'fs.read', paths: ['/data/**'] }],
  ttlSeconds: 60,
};

/** A log that its keeper may change at will. */
class Leaves {
  readonly bytes: Uint8Array[];

  constructor(bytes: readonly Uint8Array[] = []) {
    this.bytes = [...bytes];
  }

  get tree(): LogTree {
    const leaves = (from: number, count: number): Uint8Array[] =>
      this.bytes.slice(from, from + count);
    return new LogTree({ tile: () => undefined, leaves }, this.bytes.length);
  }

  append(facts: ReceiptFacts): { index: number; leaf: Uint8Array } {
    const { bytes: leaf } = buildLeaf(facts, (length) => randomBytes(length));
    return { index: this.bytes.push(leaf) - 1, leaf };
  }

  call(): void {
    this.append(callFacts());
  }

  issued({ digest }: PreparedLease, changes: Partial<ReceiptFacts> = {}) {
    const subject = { name: 'lease', sha256: digest };
    return this.append(callFacts({ type: 'lease', outcome: 'issued', subject, ...changes }));
  }
}

interface Signing {
  readonly path: string;
  readonly memory: LogAdmitter;
  readonly signer: Signer;
  prepare(): PreparedLease;
  lease(prepared: PreparedLease, shown: { index: number; leaf: Uint8Array }): Promise<Uint8Array>;
  /** Asks for a head of the whole log, with whatever evidence. */
  head(log: Leaves, changes?: Partial<CheckpointEvidence>): Promise<Uint8Array>;
  /** The same memory in a new process; with another key if it was rotated. */
  restart(key?: BackEndKey): Promise<Signing>;
}

async function openSigning(path?: string, back = memoryKey('ES256')): Promise<Signing> {
  const file = path ?? join(scratch(), 'memory.json');
  if (path === undefined) await createCheckpointMemory(file, origin);
  const memory = await openCheckpointAdmitter(file, origin);
  onTestFinished(() => memory.close());
  const signer = checkedSigner(back, {
    roles: ['lease', 'checkpoint'],
    admitters: [leaseAdmitter(origin), memory.leases, memory],
  });
  return {
    path: file,
    memory,
    signer,
    prepare: () => prepareLease(terms, signer.key, now, randomBytes(16)),
    lease: ({ signingInput }, { index, leaf }) =>
      signer.sign({
        kind: 'lease',
        payload: encodeUtf8(signingInput),
        evidence: { index, leaf: Buffer.from(leaf).toString() },
      }),
    head: async (log, changes = {}) => {
      const { tree } = log;
      const { size, unproven } = await memory.last();
      const leases = unproven.filter((index) => index < tree.size);
      const evidence = checkpointEvidence(
        Math.min(size, tree.size),
        tree.consistency(Math.min(size, tree.size), tree.size),
        { leases, proof: tree.inclusionOf(leases, tree.size) },
      );
      const text = formatHead({ origin, size: tree.size, root: tree.root() });
      return signer.sign({
        kind: 'checkpoint',
        payload: encodeUtf8(text),
        evidence: { ...evidence, ...changes },
      });
    },
    restart: async (key = back) => {
      await memory.close();
      return openSigning(file, key);
    },
  };
}

/** A log of three calls and a lease, and a head over the calls alone. */
async function leased(): Promise<{ signing: Signing; log: Leaves; before: Leaves }> {
  const signing = await openSigning();
  const log = new Leaves();
  for (let at = 0; at < 3; at += 1) log.call();
  await signing.head(log);
  const before = new Leaves(log.bytes);
  const prepared = signing.prepare();
  await signing.lease(prepared, log.issued(prepared));
  return { signing, log, before };
}

test('a lease whose leaf is left out stops every further head, over a restart too', async () => {
  const { signing, log, before } = await leased();
  // A head that was taken before its leaf was durable may still come.
  before.call();
  await signing.head(before, { leases: [], leaseProof: [] });
  // Then the lease has to be there.
  before.call();
  await expect(signing.head(before)).rejects.toMatchObject(refused);
  await expect(signing.head(before, { leases: [], leaseProof: [] })).rejects.toMatchObject(refused);
  const again = await signing.restart();
  await expect(again.head(before)).rejects.toMatchObject(refused);
  await expect(again.head(before, { leases: [], leaseProof: [] })).rejects.toMatchObject(refused);
  expect((await again.memory.last()).unproven).toEqual([3]);
  // The log with the lease is another one by now: there is no way back either.
  log.call();
  log.call();
  await expect(again.head(log)).rejects.toMatchObject(refused);
});

test('a key in the place of the one that signed the lease asks for its leaf as that did', async () => {
  const { signing, before, log } = await leased();
  before.call();
  await signing.head(before, { leases: [], leaseProof: [] });
  const rotated = await signing.restart(memoryKey('ES256'));
  before.call();
  await expect(rotated.head(before)).rejects.toMatchObject(refused);
  await expect(rotated.head(before, { leases: [], leaseProof: [] })).rejects.toMatchObject(refused);
  await expect(rotated.head(new Leaves(log.bytes.slice(0, 3)))).rejects.toMatchObject(refused);
});

test('the honest log goes on, and a lease that was shown is not asked for again', async () => {
  const { signing, log } = await leased();
  await signing.head(log);
  expect((await signing.memory.last()).unproven).toEqual([]);
  log.call();
  await (await signing.restart()).head(log);
});

test('a log that forks after the lease, or is rolled back, gets no head', async () => {
  const { signing, log } = await leased();
  await signing.head(log);
  const forked = new Leaves(log.bytes.slice(0, 3));
  forked.call();
  await expect(signing.head(forked)).rejects.toMatchObject(refused);
  forked.call();
  await expect(signing.head(forked)).rejects.toMatchObject(refused);
  await expect(signing.head(new Leaves(log.bytes.slice(0, 3)))).rejects.toMatchObject(refused);
  await expect(signing.head(new Leaves())).rejects.toMatchObject(refused);
});

test('an old consistency proof, and one of another size, admit nothing', async () => {
  const { signing, log } = await leased();
  const old = checkpointEvidence(3, log.tree.consistency(3, 4));
  await signing.head(log);
  log.call();
  await expect(signing.head(log, old)).rejects.toMatchObject(refused);
  await expect(signing.head(log, { from: 0, proof: [] })).rejects.toMatchObject(refused);
  await expect(signing.head(log, { from: 5, proof: [] })).rejects.toMatchObject(refused);
  await signing.head(log);
});

test('proofs of leaves that are too short, too long, or of other leaves show nothing', async () => {
  const { signing, log } = await leased();
  for (let at = 0; at < 4; at += 1) log.call();
  const { tree } = log;
  const proof = (indices: number[]): string[] =>
    tree.inclusionOf(indices, tree.size).map((hash) => Buffer.from(hash).toString('base64'));
  const good = proof([3]);
  for (const [leases, leaseProof] of [
    [[3], good.slice(1)],
    [[3], [...good, ...good.slice(0, 1)]],
    [[3], proof([2])],
    [[3], good.toReversed()],
    [[2], proof([2])],
    [[2, 3], proof([2, 3])],
    [[3.5], good],
    [['3'], good],
    [[-1], good],
    [[3], 'proof'],
    [{ 0: 3 }, good],
    [[3], Array.from({ length: 100_000 }, () => good[0])],
  ] as [number[], string[]][]) {
    await expect(signing.head(log, { leases, leaseProof })).rejects.toMatchObject(refused);
  }
  await signing.head(log, { leases: [3], leaseProof: good });
});

test('a lease is signed with its own receipt as evidence, or not at all', async () => {
  const signing = await openSigning();
  const { signer } = signing;
  const log = new Leaves();
  const prepared = signing.prepare();
  const payload = encodeUtf8(prepared.signingInput);
  const good = log.issued(prepared);
  const leaf = Buffer.from(good.leaf).toString();
  const sign = (evidence: unknown): Promise<Uint8Array> =>
    signer.sign({ kind: 'lease', payload, evidence });
  const text = (facts: Partial<ReceiptFacts>): string =>
    Buffer.from(new Leaves().issued(prepared, facts).leaf).toString();
  for (const evidence of [
    undefined,
    {},
    { index: 0 },
    { leaf },
    { index: -1, leaf },
    { index: 0.5, leaf },
    { index: '0', leaf },
    { index: 0, leaf: '' },
    { index: 0, leaf: `${leaf} ` },
    { index: 0, leaf: leaf.replace('"type":"lease"', '"type":"lease","type":"lease"') },
    // Another's leaf, or one that does not say that the lease was issued.
    { index: 0, leaf: Buffer.from(log.issued(signing.prepare()).leaf).toString() },
    { index: 0, leaf: text({ type: 'call' }) },
    { index: 0, leaf: text({ outcome: 'released' }) },
    { index: 0, leaf: text({ subject: { name: 'call', sha256: prepared.digest } }) },
  ]) {
    await expect(sign(evidence), JSON.stringify(evidence)).rejects.toMatchObject(refused);
  }
  expect((await signing.memory.last()).unproven).toEqual([]);
  await sign({ index: 0, leaf });
  // A second lease in the same place would be a second log.
  const other = signing.prepare();
  const twin = new Leaves().issued(other);
  await expect(signing.lease(other, twin)).rejects.toMatchObject(refused);
  await sign({ index: 0, leaf });
});

test('a lease and a checkpoint are asked for at once, in any order, with kills and rotations in between: an honest daemon is refused nothing', async () => {
  const digest = createHash('sha256').update('interleavings of leases and heads');
  const chance = (of: number): number => {
    const draw = createHash('sha256').update(digest.copy().digest()).digest().readUInt32BE();
    digest.update('next');
    return draw % of;
  };
  let signing = await openSigning();
  const log = new Leaves();
  let asked: Promise<unknown>[] = [];
  let head: Promise<unknown> | undefined;
  let signed = 0;
  let rotations = 0;
  for (let step = 0; step < 400; step += 1) {
    switch (chance(5)) {
      case 0:
        log.call();
        break;
      case 1:
      case 2: {
        // First durable, then asked for; sometimes many at once.
        for (let many = chance(30) === 0 ? 64 : 1; many > 0; many -= 1) {
          const prepared = signing.prepare();
          const shown = log.issued(prepared);
          asked.push(signing.lease(prepared, shown));
          if (chance(10) === 0) asked.push(signing.lease(prepared, shown));
        }
        break;
      }
      case 3: {
        // One head at a time, as the daemon does; leases go on meanwhile.
        if (head !== undefined) await head;
        head = signing.head(new Leaves(log.bytes));
        signed += 1;
        break;
      }
      default:
        if (chance(8) === 0) {
          // A process that ends between any two steps: what was answered counts, the rest is asked anew.
          await Promise.allSettled([...asked, head]);
          // Sometimes with another key: what the one before signed has to be shown to the one after.
          const rotated = chance(2) === 0;
          if (rotated) rotations += 1;
          signing = await signing.restart(rotated ? memoryKey('ES256') : undefined);
        }
    }
    if (asked.length > 200) await Promise.all(asked.splice(0));
  }
  await Promise.all([...asked, head]);
  asked = [];
  await signing.head(log);
  log.call();
  await signing.head(log);
  expect((await signing.memory.last()).unproven).toEqual([]);
  expect(signed).toBeGreaterThan(40);
  expect(rotations).toBeGreaterThan(2);
  const hashes = new Set(log.bytes.map((leaf) => Buffer.from(hashLeaf(leaf)).toString('hex')));
  expect(hashes.size).toBe(log.bytes.length);
}, 30_000);
