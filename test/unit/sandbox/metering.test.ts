// What a call used, out of what its executor claims and what was seen from outside.

import { describe, expect, test } from 'vitest';
import { cpuMsOf } from '../../../src/base/process/cpu-time.ts';
import { settleCpuMs } from '../../../src/run/sandbox/cpu-watch.ts';
import type { ExchangeEnd } from '../../../src/run/sandbox/exchange.ts';
import { largestGuestMemory } from '../../../src/run/sandbox/guest-memory.ts';
import { describeOutcome, type Seen } from '../../../src/run/sandbox/outcome.ts';
import { defaultLimits } from '../../support/sandbox.ts';

const MiB = 1024 ** 2;
const seen: Seen = {
  limits: { ...defaultLimits, memoryBytes: 64 * MiB },
  stderr: '',
  wallMs: 100,
  hostCalls: 0,
  logBytes: 0,
  cpuMs: undefined,
  memoryBytes: undefined,
};

describe('CPU time', () => {
  test('the finer figure where the kernel bears it out, else the kernel’s', () => {
    expect(settleCpuMs(123.4, 130, 200)).toBe(123.4);
    expect(settleCpuMs(0, 130, 200)).toBe(130);
    expect(settleCpuMs(9000, 130, 200)).toBe(130);
  });

  test('of a call too short to be looked at: the claim, within what can be', () => {
    expect(settleCpuMs(1.5, undefined, 2)).toBe(1.5);
    expect(settleCpuMs(1e12, undefined, 2)).toBeLessThanOrEqual(12);
  });

  test('the kernel counts what this process burns, and knows no process that is gone', () => {
    const before = cpuMsOf(process.pid) ?? expect.fail();
    const own = process.cpuUsage();
    for (let used = 0; used < 100_000;) {
      const { user, system } = process.cpuUsage(own);
      used = user + system;
    }
    expect((cpuMsOf(process.pid) ?? 0) - before).toBeGreaterThanOrEqual(80);
    expect(cpuMsOf(2 ** 30)).toBeUndefined();
  });
});

describe('memory', () => {
  test('the largest of a process is seen from outside, to the page', () => {
    const { Memory } = (globalThis as unknown as { WebAssembly: WebAssemblyApi }).WebAssembly;
    const [small, large] = [new Memory({ initial: 3 }), new Memory({ initial: 5 })];
    large.grow(7);
    expect(largestGuestMemory(process.pid)).toBe(12 * 65_536);
    small.grow(100);
    expect(largestGuestMemory(process.pid)).toBe(103 * 65_536);
    expect(largestGuestMemory(2 ** 30)).toBeUndefined();
  });

  test.each([
    [1, 'deadline', 'deadline'],
    [63, 'deadline', 'memory'],
    [63, 'cpu', 'memory'],
    [63, 'host-calls', 'host-calls'],
  ] as const)('%i MiB of 64 when ended by %s: told as %s', (mebibytes, limit, told) => {
    const end: ExchangeEnd = { kind: 'limit', limit };
    const outcome = describeOutcome(end, { ...seen, memoryBytes: mebibytes * MiB });
    expect(outcome).toMatchObject({
      kind: 'limit',
      limit: told,
      usage: { peakMemoryBytes: mebibytes * MiB },
    });
  });

  test.each([
    ['trap: unreachable', 40, 'trap: unreachable, with 40 MiB of memory in use of 64'],
    ['trap: unreachable', 10, 'trap: unreachable'],
    ['no such city', 40, 'no such city'],
  ])('%s with %i MiB: what is in use is said of a trap', (reason, mebibytes, told) => {
    const head = { cause: 'tool', reason, peakMemoryBytes: mebibytes * MiB, cpuMicros: 0 };
    expect(describeOutcome({ kind: 'failed', head }, seen)).toMatchObject({ reason: told });
  });

  test.each([
    'FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory',
    "terminate called after throwing an instance of 'std::bad_alloc'",
  ])('an executor whose last word is %s ran out of it', (stderr) => {
    const exit = { code: null, signal: 'SIGABRT' } as const;
    const end: ExchangeEnd = { kind: 'gone', exit, fault: undefined };
    expect(describeOutcome(end, { ...seen, stderr })).toMatchObject({ limit: 'memory' });
    expect(describeOutcome(end, seen)).toMatchObject({ kind: 'crashed' });
  });
});

interface WebAssemblyApi {
  readonly Memory: new (size: { readonly initial: number }) => { grow(pages: number): number };
}
