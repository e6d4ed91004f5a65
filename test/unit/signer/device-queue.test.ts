// Who gets the device, in which order.

import { describe, expect, it } from 'vitest';
import { DeviceQueue } from '../../../src/trust/signer/device-queue.ts';
import type { SignKind } from '../../../src/trust/signer/signer.ts';

/** A device whose turns end when the test says so. */
function device(width: number): {
  readonly queue: DeviceQueue;
  readonly started: SignKind[];
  ask(kind: SignKind): Promise<void>;
  endTurn(): Promise<void>;
} {
  const queue = new DeviceQueue(width);
  const started: SignKind[] = [];
  const ends: (() => void)[] = [];
  return {
    queue,
    started,
    ask: (kind) =>
      queue.run(kind, () => {
        started.push(kind);
        return new Promise<void>((resolve) => ends.push(resolve));
      }),
    endTurn: async () => {
      ends.shift()?.();
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

describe('the queue before a device', () => {
  it('takes leases first, and a checkpoint between two of them', async () => {
    const { ask, endTurn, started } = device(1);
    void ask('lease');
    for (const kind of ['checkpoint', 'checkpoint', 'lease', 'lease', 'lease'] as const)
      void ask(kind);
    for (let turn = 0; turn < 6; turn += 1) await endTurn();
    expect(started).toEqual(['lease', 'checkpoint', 'lease', 'checkpoint', 'lease', 'lease']);
  });

  it('never gives checkpoints two turns running while a lease waits', async () => {
    const { ask, endTurn, started } = device(1);
    for (let n = 0; n < 20; n += 1) void ask('checkpoint');
    for (let n = 0; n < 10; n += 1) void ask('lease');
    for (let turn = 0; turn < 30; turn += 1) await endTurn();
    const contended = started.slice(0, started.lastIndexOf('lease'));
    expect(contended.some((kind, at) => kind === 'checkpoint' && contended[at + 1] === kind)).toBe(
      false,
    );
    expect(started.filter((kind) => kind === 'checkpoint')).toHaveLength(20);
  });

  it('gives the device to as many at once as it takes', async () => {
    const { ask, endTurn, started } = device(3);
    for (let n = 0; n < 5; n += 1) void ask('lease');
    expect(started).toHaveLength(3);
    await endTurn();
    expect(started).toHaveLength(4);
  });

  it('goes on after work that failed, be it at once', async () => {
    const queue = new DeviceQueue(1);
    const fails = queue.run('lease', () => {
      throw new Error('unplugged');
    });
    const works = queue.run('lease', () => Promise.resolve(7));
    await expect(fails).rejects.toThrow('unplugged');
    expect(await works).toBe(7);
  });

  it('refuses who waits when it closes, and everyone after', async () => {
    const { ask, endTurn, queue } = device(1);
    const first = ask('lease');
    const second = ask('lease');
    queue.close();
    await expect(second).rejects.toMatchObject({ code: 'unavailable' });
    await expect(ask('lease')).rejects.toMatchObject({ code: 'unavailable' });
    await endTurn();
    await first;
  });
});
