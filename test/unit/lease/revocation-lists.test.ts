// When a list is signed, and that nobody has one that is not in the log.

import { randomBytes } from 'node:crypto';
import { beforeEach, describe, expect, it, test } from 'vitest';
import { WarderError } from '../../../src/base/errors/errors.ts';
import { openMemoryStore } from '../../../src/base/store/memory/memory-store.ts';
import type { Store } from '../../../src/base/store/store.ts';
import { sequences, tables } from '../../../src/front/daemon/tables.ts';
import { type LeaseBook, openLeaseBook } from '../../../src/trust/lease/lease-book.ts';
import { RevocationLists, type SignedList } from '../../../src/trust/lease/revocation-lists.ts';
import { openMemorySigner } from '../../../src/trust/signer/memory/memory-signer.ts';
import type { Signer } from '../../../src/trust/signer/signer.ts';

const start = 1_790_000_000_000;
const LIFE = 300;

let store: Store;
let book: LeaseBook;
let lists: RevocationLists;
let now: number;
let recorded: SignedList[];
let placed: { tenant: string; text: string }[];
let fault: 'signer' | 'log' | 'disk' | undefined;
let signer: Signer;

const gone = (what: string): WarderError => new WarderError('unavailable', `the ${what} is gone`);
const key = (): Signer => openMemorySigner('ES256', { roles: ['revocations'] });

function open(pause = briefly): RevocationLists {
  return new RevocationLists({
    store,
    book,
    signer: () => ({
      key: signer.key,
      custody: signer.custody,
      roles: signer.roles,
      sign: (request) =>
        fault === 'signer' ? Promise.reject(gone('signer')) : signer.sign(request),
      close: () => signer.close(),
    }),
    origin: 'warder.invalid/log/0123456789abcdef',
    tenants: ['default', 'other'],
    lifeSeconds: () => LIFE,
    now: () => now,
    record: async (change) => {
      const signed = await store.commit((tx) => {
        const done = change(tx, now);
        if (fault === 'log') throw gone('log');
        return done;
      });
      recorded.push(signed);
    },
    place: (tenant, text) => {
      if (fault === 'disk') return Promise.reject(gone('disk'));
      placed.push({ tenant, text });
      return Promise.resolve();
    },
    pause,
  });
}

/** No longer than a millisecond. */
function briefly(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, Math.min(ms, 1));
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** Something that every list has to say. */
function endHolder(tenant = 'default'): Promise<unknown> {
  const jkt = randomBytes(32).toString('base64url');
  return store.commit((tx) => book.revokeHolder(tx, tenant, jkt, 'x', now));
}

beforeEach(() => {
  store = openMemoryStore({ tables, sequences });
  book = openLeaseBook(store);
  [now, recorded, placed, fault, signer] = [start, [], [], undefined, key()];
  lists = open();
});

test('whoever closes them waits for no rest to be over', async () => {
  const rests: number[] = [];
  const endless = open((ms, signal) => {
    rests.push(ms);
    return new Promise((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener('abort', () => resolve());
    });
  });
  endless.start();
  await expect.poll(() => rests.length).toBe(1);
  await endless.close();
  expect(rests).toHaveLength(1);
});

describe('a list is signed', () => {
  it('once, and again when half of its life is over', async () => {
    const first = await lists.latest('default');
    expect(first).toMatchObject({ seq: 1, nextUpdate: first.iat + LIFE });
    now += (LIFE / 2) * 1000 - 1;
    expect((await lists.latest('default')).seq).toBe(1);
    now += 1;
    expect((await lists.latest('default')).seq).toBe(2);
    now -= 3_600_000;
    // A clock that was set back: the one there is would be from the future.
    expect((await lists.latest('default')).seq).toBe(3);
  });

  it('when something ended, of that tenant alone', async () => {
    await lists.latest('default');
    await lists.latest('other');
    await endHolder();
    expect((await lists.latest('default')).seq).toBe(2);
    expect((await lists.latest('other')).seq).toBe(1);
    await store.commit((tx) =>
      book.endKey(tx, 'A'.repeat(43), { at: now, until: now, compromised: true }),
    );
    expect((await lists.latest('default')).seq).toBe(3);
    expect((await lists.latest('other')).seq).toBe(2);
    // For a day, which no lease outlives.
    now += 86_400_000;
    await lists.latest('other');
    expect(recorded.at(-1)?.list.keys).toBeUndefined();
  });

  it('when the key is another', async () => {
    await lists.latest('default');
    signer = key();
    await lists.resign();
    expect(await lists.latest('default')).toMatchObject({ seq: 2, kid: signer.key.kid });
  });

  it('by itself, after something ended, once started', async () => {
    lists.start();
    await expect.poll(() => placed.length).toBeGreaterThanOrEqual(2);
    await endHolder();
    await expect.poll(() => lists.states()[0]?.current?.seq).toBe(2);
    await Promise.all(Array.from({ length: 40 }, () => endHolder()));
    await expect.poll(() => recorded.at(-1)?.list.holders.length).toBe(41);
    // Ends that come together share a list.
    expect(lists.states()[0]?.current?.seq).toBeLessThan(12);
    await lists.close();
  });
});

it('goes on where it was, over a restart', async () => {
  await lists.latest('default');
  await endHolder();
  const last = await lists.latest('default');
  const again = open();
  expect(await again.latest('default')).toEqual(last);
  await endHolder();
  expect((await again.latest('default')).seq).toBe(last.seq + 1);
});

it('of a tenant that is none is refused', async () => {
  for (const tenant of ['third', '__proto__', '../default']) {
    await expect(lists.latest(tenant)).rejects.toMatchObject({ code: 'not-found' });
  }
});

describe('when it fails, the one before stays and runs out', () => {
  it.each(['signer', 'log', 'disk'] as const)('without the %s', async (what) => {
    const before = await lists.latest('default');
    const given = placed.length;
    await endHolder();
    fault = what;
    await expect(lists.latest('default')).rejects.toMatchObject({ code: 'unavailable' });
    // What is not in the log was given to nobody.
    expect(placed.length).toBe(given);
    expect(lists.states()[0]?.problem).toMatchObject({ code: 'unavailable' });
    if (what !== 'disk') {
      expect(recorded).toHaveLength(1);
      expect(lists.states()[0]?.current).toEqual(before);
    }
    fault = undefined;
    const after = await lists.latest('default');
    expect(after.seq).toBeGreaterThan(before.seq);
    expect(placed.at(-1)?.text).toBe(after.text);
    expect(lists.states()[0]?.problem).toBeUndefined();
  });
});
