// A key whose device is away when it is to be opened: refused meanwhile with the device's trouble, opened by who needs
// it next, and never another in its place.

import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { WarderError } from '../../../src/base/errors/errors.ts';
import { openOrAwait } from '../../../src/trust/signer/awaited-signer.ts';
import {
  type BackEndKey,
  checkedSigner,
  type OpenedSigner,
} from '../../../src/trust/signer/checked-signer.ts';
import { memoryKey } from '../../../src/trust/signer/memory/memory-signer.ts';
import { signerTrouble, type SignerTrouble } from '../../../src/trust/signer/trouble.ts';
import { payloads } from '../../contracts/signer.ts';
import { holds, sign } from '../../support/device-signer.ts';

/** Longer than a failure stands for those that come after it. */
const REST_MS = 501;

/** A place for a device, with a log of what was asked of it. */
class Slot {
  readonly pinned = memoryKey('ES256');
  plugged: BackEndKey | undefined;
  trouble: SignerTrouble = 'removed';
  opened = 0;
  closed = 0;
  readonly signed: string[] = [];
  readonly told: string[] = [];

  /** What is there, whichever key it is. */
  open(): Promise<OpenedSigner> {
    this.opened += 1;
    const { plugged } = this;
    if (plugged === undefined) {
      return Promise.reject(signerTrouble(this.trouble, `it is ${this.trouble}`, { hint: 'h' }));
    }
    const noted: BackEndKey = {
      ...plugged,
      sign: (payload, request) => {
        this.signed.push(request.kind);
        return plugged.sign(payload, request);
      },
      close: () => {
        this.closed += 1;
        return Promise.resolve();
      },
    };
    return Promise.resolve(checkedSigner(noted, { roles: ['lease'] }));
  }

  wait(patienceMs?: number): Promise<OpenedSigner> {
    return openOrAwait({
      key: this.pinned.key,
      roles: ['lease'],
      backend: 'pkcs11',
      open: () => this.open(),
      onTrouble: ({ message }) => this.told.push(message),
      onSigned: () => this.told.push('signed'),
      ...(patienceMs === undefined ? {} : { patienceMs }),
    });
  }
}

let slot: Slot;
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] });
  slot = new Slot();
});
afterEach(() => {
  vi.useRealTimers();
});

const unavailable = (signer: string): object => ({ code: 'unavailable', data: { signer } });

it('is the key itself where the device is there', async () => {
  slot.plugged = slot.pinned;
  const signer = await slot.wait();
  expect(signer.custody.backend).toBe('memory');
  expect(signer.awaited).toBeUndefined();
  expect(slot.told).toEqual([]);
});

it.each(['transient', 'removed'] as const)(
  'refuses with what is wrong while it is %s, and signs once it is back',
  async (trouble) => {
    slot.trouble = trouble;
    const signer = await slot.wait();
    expect(signer.key).toEqual(slot.pinned.key);
    expect(signer.custody).toEqual({
      backend: 'pkcs11',
      summary: `not opened yet: it is ${trouble}`,
    });
    for (let times = 0; times < 3; times += 1) {
      await expect(sign(signer)).rejects.toMatchObject(unavailable(trouble));
      await expect(signer.ready()).rejects.toMatchObject(unavailable(trouble));
      vi.advanceTimersByTime(REST_MS);
    }
    slot.plugged = slot.pinned;
    const signature = await sign(signer);
    expect(holds(signer, signature)).toBe(true);
    // It proves itself before anything real.
    expect(slot.signed).toEqual(['probe', 'lease']);
    expect(signer.custody.backend).toBe('memory');
    await sign(signer);
    expect(slot.told).toEqual([`it is ${trouble}`, 'signed']);
  },
);

it.each(['auth', 'misconfigured'] as const)('is not waited for when it is %s', async (trouble) => {
  slot.trouble = trouble;
  await expect(slot.wait()).rejects.toMatchObject(unavailable(trouble));
});

it('is not waited for after a fault of our own', async () => {
  slot.open = () => Promise.reject(new WarderError('internal', 'x'));
  await expect(slot.wait()).rejects.toMatchObject({ code: 'internal' });
});

it('says each trouble once, however often it is met', async () => {
  const signer = await slot.wait();
  for (const trouble of ['removed', 'auth', 'auth', 'removed'] as const) {
    slot.trouble = trouble;
    vi.advanceTimersByTime(REST_MS);
    await expect(sign(signer)).rejects.toMatchObject(unavailable(trouble));
  }
  expect(slot.told).toEqual(['it is removed', 'it is auth', 'it is removed']);
});

it('512 who wait find out once that it is away, and those after them half a second later', async () => {
  const signer = await slot.wait();
  expect(slot.opened).toBe(1);
  await Promise.allSettled(Array.from({ length: 512 }, () => sign(signer)));
  expect(slot.opened).toBe(1);
  vi.advanceTimersByTime(REST_MS);
  const settled = await Promise.allSettled(Array.from({ length: 512 }, () => sign(signer)));
  expect(slot.opened).toBe(2);
  expect(settled.every(({ status }) => status === 'rejected')).toBe(true);
  vi.advanceTimersByTime(REST_MS);
  slot.plugged = slot.pinned;
  await Promise.all(Array.from({ length: 512 }, () => sign(signer)));
  expect(slot.opened).toBe(3);
});

it('another key at that moment signs nothing that is real; the pinned one does', async () => {
  const signer = await slot.wait();
  slot.plugged = memoryKey('ES256');
  // What opening alone would give: a signature that verifies, of a key nobody pinned.
  const other = await slot.open();
  expect(holds(other, await sign(other))).toBe(true);
  await other.close();
  slot.signed.splice(0);
  vi.advanceTimersByTime(REST_MS);
  await expect(sign(signer)).rejects.toMatchObject(unavailable('misconfigured'));
  await expect(signer.ready()).rejects.toMatchObject(unavailable('misconfigured'));
  expect(slot.signed.filter((kind) => kind !== 'probe')).toEqual([]);
  expect(slot.closed).toBe(2);
  slot.plugged = slot.pinned;
  vi.advanceTimersByTime(REST_MS);
  expect(holds(signer, await sign(signer))).toBe(true);
});

it('a device that lies about its key signs nothing real', async () => {
  const signer = await slot.wait();
  slot.plugged = { ...memoryKey('ES256'), key: slot.pinned.key };
  vi.advanceTimersByTime(REST_MS);
  await expect(sign(signer)).rejects.toMatchObject(unavailable('misconfigured'));
  expect(slot.signed).toEqual(['probe']);
});

it('a device with another key under the thumbprint of the pinned one signs nothing', async () => {
  const signer = await slot.wait();
  const other = memoryKey('ES256');
  slot.plugged = { ...other, key: { ...other.key, kid: slot.pinned.key.kid } };
  vi.advanceTimersByTime(REST_MS);
  await expect(sign(signer)).rejects.toMatchObject(unavailable('misconfigured'));
});

it('what the caller changes while the device is looked for is not signed', async () => {
  const signer = await slot.wait();
  slot.plugged = slot.pinned;
  vi.advanceTimersByTime(REST_MS);
  const payload = Uint8Array.from(payloads.lease as Uint8Array);
  const signing = signer.sign({ kind: 'lease', payload });
  payload.fill(0);
  expect(holds(signer, await signing)).toBe(true);
});

it('a device that takes long is gone on without, and used as soon as it answers', async () => {
  const { promise, resolve } = Promise.withResolvers<OpenedSigner>();
  const open = slot.open.bind(slot);
  slot.open = () => promise;
  const waiting = slot.wait(1_000);
  await vi.advanceTimersByTimeAsync(1_000);
  const signer = await waiting;
  expect(slot.told).toEqual([expect.stringContaining('takes long')]);
  const signing = sign(signer);
  slot.plugged = slot.pinned;
  resolve(await open());
  expect(holds(signer, await signing)).toBe(true);
});

it('closed while it is being opened, it closes what was opened, and opens nothing more', async () => {
  const signer = await slot.wait();
  vi.advanceTimersByTime(REST_MS);
  slot.plugged = slot.pinned;
  const signing = sign(signer);
  await signer.close();
  await expect(signing).rejects.toMatchObject({ code: 'unavailable' });
  expect(slot.closed).toBe(1);
  vi.advanceTimersByTime(REST_MS);
  await expect(sign(signer)).rejects.toMatchObject({ code: 'unavailable' });
});
