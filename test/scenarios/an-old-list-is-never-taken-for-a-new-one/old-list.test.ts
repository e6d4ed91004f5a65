// A list from before a revocation is kept and shown again: to a verifier, to the signer, from a backup.

import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { openMemoryStore } from '../../../src/base/store/memory/memory-store.ts';
import { openListMemory } from '../../../src/front/signing/list-memory.ts';
import { sequences, tables } from '../../../src/front/daemon/tables.ts';
import { openLeaseBook } from '../../../src/trust/lease/lease-book.ts';
import { RevocationLists } from '../../../src/trust/lease/revocation-lists.ts';
import { HeldLease } from '../../../src/trust/holder/held-lease.ts';
import { revocationAdmitter } from '../../../src/trust/lease/revocation-admitter.ts';
import { type Revocations, signRevocations } from '../../../src/trust/lease/revocation-list.ts';
import { prepareLease, signLease } from '../../../src/trust/lease/issue-lease.ts';
import { verifyOffline } from '../../../src/trust/lease/verify-offline.ts';
import { openMemorySigner } from '../../../src/trust/signer/memory/memory-signer.ts';
import type { Signer } from '../../../src/trust/signer/signer.ts';
import { loadKeys } from '../../../src/trust/verify/keys.ts';
import { rotatingHome } from '../../support/rotating-home.ts';

const origin = 'warder.invalid/log/0123456789abcdef';
const second = 1_790_000_000;
const list: Revocations = {
  iss: origin,
  seq: 7,
  iat: second,
  nextUpdate: second + 300,
  leases: [],
  holders: [],
};

let signer: Signer;
let lease: string;

beforeAll(async () => {
  signer = openMemorySigner('ES256', { roles: ['lease', 'revocations'] });
  const terms = {
    origin,
    principal: 'agent:default',
    tenant: 'default',
    capabilities: [{ type: 'fs.read', paths: ['/data/**'] }],
    ttlSeconds: 3600,
    cnf: { jkt: 'A'.repeat(43) },
  } as const;
  const prepared = prepareLease(terms, signer.key, (second - 3600 / 2) * 1000, new Uint8Array(16));
  lease = await signLease(prepared, signer);
});

describe('a verifier that is offline refuses', () => {
  type Case = {
    readonly list?: Partial<Revocations>;
    /** Seconds after the list was signed. */
    readonly after?: number;
    readonly atLeast?: number;
    readonly maxAgeSeconds?: number;
    readonly audience?: string;
    readonly retired?: boolean;
    readonly roles?: readonly string[];
  };
  test.each<[string, Case, string | undefined]>([
    ['nothing about a fresh one', {}, undefined],
    ['nothing about the one it saw last', { atLeast: 7 }, undefined],
    ['nothing about one within its age', { after: 60, maxAgeSeconds: 60 }, undefined],
    ['one before the one it saw last', { atLeast: 8 }, 'lease-refused'],
    ['one when what it saw last is no number', { atLeast: Number.NaN }, 'lease-refused'],
    ['one past its own end', { after: 300 }, 'lease-refused'],
    ['one past the age it was told', { after: 61, maxAgeSeconds: 60 }, 'lease-refused'],
    ['one when the age is no number', { maxAgeSeconds: Number.NaN }, 'lease-refused'],
    ['one from the future', { after: -61 }, 'lease-refused'],
    ['one of another daemon', { list: { iss: 'warder.invalid/log/other' } }, 'lease-refused'],
    ['one of another tenant', { list: { tenant: 'other' } }, 'lease-refused'],
    ['one of a key that was rotated', { retired: true }, 'not-trusted'],
    ['one of a key for leases alone', { roles: ['lease'] }, 'not-trusted'],
  ])('%s', async (_, given, code) => {
    const { roles = ['lease', 'revocations'], retired = false, after = 0 } = given;
    const file = {
      ...signer.key,
      warder_roles: roles,
      ...(retired ? { warder_retired: { at: second, until: second + 3600 } } : {}),
    };
    const revocations = await signRevocations({ ...list, ...given.list }, signer);
    const trusted = await loadKeys([JSON.stringify(file)]);
    const now = (second + after) * 1000;
    const expected = {
      audience: origin,
      revocations,
      ...(given.atLeast === undefined ? {} : { atLeast: given.atLeast }),
      ...(given.maxAgeSeconds === undefined ? {} : { maxAgeSeconds: given.maxAgeSeconds }),
    };
    const held = new HeldLease(lease, undefined, () => now);
    for (const judged of [
      verifyOffline(lease, trusted, { ...expected, now }),
      held.verify(trusted, expected),
    ]) {
      if (code === undefined) await judged;
      else await expect(judged).rejects.toMatchObject({ code });
    }
  });
});

describe('the signer', () => {
  const open = (): { signer: Signer; seen: Map<string, number> } => {
    const seen = new Map<string, number>();
    const memory = {
      last: (tenant: string) => seen.get(tenant) ?? 0,
      remember: (tenant: string, seq: number) => {
        seen.set(tenant, seq);
        return Promise.resolve();
      },
    };
    const admitters = [revocationAdmitter(origin, memory)];
    return { signer: openMemorySigner('ES256', { roles: ['revocations'], admitters }), seen };
  };

  test('signs a number once, and none below it; tenants have numbers of their own', async () => {
    const { signer: careful } = open();
    await signRevocations(list, careful);
    for (const seq of [7, 6, 1]) {
      await expect(signRevocations({ ...list, seq }, careful)).rejects.toMatchObject({
        code: 'not-trusted',
        data: { signedSeq: 7 },
      });
    }
    await signRevocations({ ...list, tenant: 'other', seq: 1 }, careful);
    await signRevocations({ ...list, seq: 8 }, careful);
  });

  test('signs no number after which there could be no other, and remembers no more than it reads', async () => {
    const { signer: careful } = open();
    await signRevocations(list, careful);
    for (const seq of [Number.MAX_SAFE_INTEGER, 1_000_008]) {
      await expect(signRevocations({ ...list, seq }, careful)).rejects.toMatchObject({
        code: 'not-trusted',
      });
    }
    await signRevocations({ ...list, seq: 1_000_007 }, careful);

    const directory = mkdtempSync(join(tmpdir(), 'warder-lists-'));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const path = join(directory, 'memory.json');
    const named = Array.from({ length: 10_000 }, (_, at) => [
      String(at).padStart(32, 'a'),
      2 ** 53 - 1,
    ]);
    const signed = Object.fromEntries(named) as Record<string, number>;
    const kept = JSON.stringify({ version: 1, origin, signed });
    writeFileSync(join(directory, 'memory.revocations.json'), kept);
    const memory = await openListMemory(path, origin);
    await expect(memory.remember('one-more', 1)).rejects.toMatchObject({ code: 'limit-reached' });
    await memory.remember(String(named[0]?.[0]), 2 ** 53 - 1);
    await openListMemory(path, origin);
  });

  test('of many at once signs each number once', async () => {
    const { signer: careful } = open();
    const done = await Promise.allSettled(
      Array.from({ length: 8 }, () => signRevocations(list, careful)),
    );
    expect(done.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  test('signs no list of another daemon, and none that outlives every lease', async () => {
    const { signer: careful, seen } = open();
    await expect(signRevocations({ ...list, iss: 'elsewhere' }, careful)).rejects.toMatchObject({
      code: 'not-trusted',
    });
    const { payload, header } = raw({ ...list, nextUpdate: second + 86_401 }, careful);
    const kind = 'revocations';
    await expect(
      careful.sign({ kind, payload: Buffer.from(`${header}.${payload}`) }),
    ).rejects.toMatchObject({ code: 'not-trusted' });
    expect(seen.size).toBe(0);
  });
});

function raw(claims: object, { key }: Signer): { header: string; payload: string } {
  const text = (json: object): string => Buffer.from(JSON.stringify(json)).toString('base64url');
  return {
    header: text({ alg: key.alg, kid: key.kid, typ: 'revocations+jwt' }),
    payload: text(claims),
  };
}

test('a store brought back from a backup: the next list is later than any there was', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'warder-lists-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const memory = join(directory, 'log.json');
  /** A daemon with a store as given, and the signer's memory as it is. */
  const daemon = async (store = openMemoryStore({ tables, sequences })) => {
    const admitters = [revocationAdmitter(origin, await openListMemory(memory, origin))];
    const careful = openMemorySigner('ES256', { roles: ['revocations'], admitters });
    const book = openLeaseBook(store);
    const lists = new RevocationLists({
      store,
      book,
      signer: () => careful,
      origin,
      tenants: ['default'],
      lifeSeconds: () => 300,
      now: () => second * 1000,
      record: async (change) => {
        await store.commit((tx) => change(tx, second * 1000));
      },
      place: () => Promise.resolve(),
      pause: () => Promise.resolve(),
    });
    const next = async (): Promise<number> => {
      await store.commit((tx) =>
        book.revokeHolder(tx, 'default', randomBytes(32).toString('base64url'), 'x', second * 1000),
      );
      return (await lists.latest('default')).seq;
    };
    return { next };
  };
  const first = await daemon();
  expect([await first.next(), await first.next(), await first.next()]).toEqual([1, 2, 3]);
  const restored = await daemon();
  expect([await restored.next(), await restored.next()]).toEqual([4, 5]);
  await expect(openListMemory(memory, 'another log')).rejects.toMatchObject({
    code: 'unavailable',
  });
  writeFileSync(join(directory, 'log.revocations.json'), '{"version":1');
  await expect(openListMemory(memory, origin)).rejects.toMatchObject({ code: 'unavailable' });
});

test('lists that cannot be signed are not: the last one runs out, and doctor says so', async () => {
  const { open } = await rotatingHome();
  const opened = await open();
  await opened.operations['lease.revocations']({ tenant: 'default' });
  const texts = await Promise.all(Array.from({ length: 501 }, () => opened.issue()));
  await opened.operations['lease.revoke']({ all: true, reason: 'too many' });
  await expect(opened.operations['lease.revocations']({ tenant: 'default' })).rejects.toMatchObject(
    { code: 'limit-reached' },
  );
  const { findings } = await opened.operations.doctor({});
  expect(findings.find(({ subject }) => subject === 'revocations')).toMatchObject({
    state: 'problem',
  });
  // The daemon itself knows them all.
  await expect(opened.take(texts[500] ?? '')).rejects.toMatchObject({ code: 'lease-refused' });
}, 60_000);
