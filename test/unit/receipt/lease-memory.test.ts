import {
  appendFileSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import {
  createLeaseMemory,
  LeaseMemory,
  type RememberedLease,
  UNPROVEN_MAX,
} from '../../../src/trust/receipt/lease-memory.ts';
import { random, scratch } from './log-fixture.ts';

const origin = 'warder.invalid/log/0123456789abcdef';

async function open(path: string): Promise<LeaseMemory> {
  const memory = await LeaseMemory.open(path, origin);
  onTestFinished(() => memory.close());
  return memory;
}

async function fresh(): Promise<{ path: string; memory: LeaseMemory }> {
  const path = join(scratch(), 'memory.leases');
  await createLeaseMemory(path, origin);
  return { path, memory: await open(path) };
}

const lease = (index: number): RememberedLease => ({
  index,
  hash: Uint8Array.from(random(32)),
  since: 0,
});

test('what was remembered is known after a restart; what was proven is not asked for again', async () => {
  const { path, memory } = await fresh();
  const leases = [4, 2, 9].map(lease);
  await Promise.all(leases.map((each) => memory.remember(each)));
  const again = await open(path);
  expect(again.unproven).toEqual(leases.toSorted((one, other) => one.index - other.index));
  again.forget(leases.slice(0, 2));
  expect(again.unproven).toEqual(leases.slice(2));
});

test('the same leaf twice is one lease, another leaf in its place is refused', async () => {
  const { path, memory } = await fresh();
  const one = lease(3);
  await Promise.all([memory.remember(one), memory.remember({ ...one, since: 7 })]);
  expect(memory.unproven).toEqual([one]);
  // Else a lease asked for again and again would be wanted in no head, over restarts.
  expect((await open(path)).unproven).toEqual([one]);
  await expect(memory.remember(lease(3))).rejects.toMatchObject({ code: 'not-trusted' });
});

test('what is synced at once is whole or gone, though its parts come to the disk in any order', async () => {
  const { path, memory } = await fresh();
  await memory.remember(lease(1));
  const before = readFileSync(path).length;
  await Promise.all(Array.from({ length: 64 }, (_, at) => memory.remember(lease(2 + at))));
  memory.close();
  const whole = readFileSync(path);
  for (let at = before; at < whole.length; at += 512) {
    const torn = Uint8Array.from(whole);
    torn.fill(0, at, at + 512);
    writeFileSync(path, torn);
    const again = await LeaseMemory.open(path, origin);
    expect(again.unproven.map(({ index }) => index)).toEqual([1]);
    again.close();
  }
  writeFileSync(path, whole);
  expect((await open(path)).unproven).toHaveLength(65);
});

test('half a last line was never answered for; any other damage is refused', async () => {
  const { path, memory } = await fresh();
  await memory.remember(lease(1));
  memory.close();
  const whole = readFileSync(path, 'utf8');
  appendFileSync(path, '0 2 abc');
  const again = await open(path);
  await again.remember(lease(5));
  expect((await open(path)).unproven.map(({ index }) => index)).toEqual([1, 5]);
  const zeros = whole.replace('\n0 1 ', '\n\0\0\0 ') + whole.slice(whole.indexOf('\n') + 1);
  for (const text of [
    '',
    'x\n',
    whole.replace('0 1 ', '0 -1 '),
    whole.replace('0 1 ', '0 2 '),
    zeros,
    `${whole}\n`,
    whole.slice(1),
  ]) {
    writeFileSync(path, text);
    await expect(LeaseMemory.open(path, origin), text).rejects.toMatchObject({
      code: 'unavailable',
    });
  }
  writeFileSync(path, whole);
  await expect(LeaseMemory.open(path, 'another')).rejects.toMatchObject({ code: 'unavailable' });
  rmSync(path);
  await expect(LeaseMemory.open(path, origin)).rejects.toMatchObject({ code: 'unavailable' });
});

test('there is an end to what is remembered, and the file does not grow for ever', async () => {
  const { path, memory } = await fresh();
  const leases = Array.from({ length: UNPROVEN_MAX }, (_, at) => lease(at));
  await Promise.all(leases.map((each) => memory.remember(each)));
  await expect(memory.remember(lease(UNPROVEN_MAX))).rejects.toMatchObject({ code: 'unavailable' });
  memory.forget(leases);
  await memory.remember(lease(UNPROVEN_MAX));
  expect(readFileSync(path, 'utf8').split('\n').length).toBeLessThan(5);
});

test('what cannot be written is not signed for, and later it can be', async () => {
  const path = join(scratch(), 'below', 'memory.leases');
  mkdirSync(dirname(path));
  await createLeaseMemory(path, origin);
  const memory = await open(path);
  renameSync(dirname(path), `${dirname(path)}.away`);
  await expect(memory.remember(lease(1))).rejects.toMatchObject({ code: 'unavailable' });
  renameSync(`${dirname(path)}.away`, dirname(path));
  await memory.remember(lease(2));
  expect((await open(path)).unproven.map(({ index }) => index)).toEqual([1, 2]);
});
