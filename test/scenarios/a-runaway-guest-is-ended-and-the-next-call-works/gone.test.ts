// Whatever a guest does with its time, its process is gone soon after its deadline, in a jail and
// without one: seen from outside, by its number.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Jail } from '../../../src/base/process/jail-plan.ts';
import type { CallLimits } from '../../../src/catalog/installation.ts';
import type { RunOutcome } from '../../../src/run/sandbox/runner.ts';
import { workingJails } from '../../support/jails.ts';
import {
  createTestSandbox,
  defaultLimits,
  fixture,
  type TestSandbox,
} from '../../support/sandbox.ts';

const MiB = 1024 * 1024;
const DEADLINE = 300;
/** On a machine of its own it is gone within 100 ms; this one may be busy. */
const SLACK = 3000;

const endless: CallLimits = {
  ...defaultLimits,
  timeoutMs: DEADLINE,
  memoryBytes: 16 * MiB,
  hostCalls: 1_000_000_000,
  logBytes: 1_000_000_000,
  cpuMs: 60_000,
};

interface Runaway {
  readonly does: string;
  readonly name: string;
  readonly tool?: string;
  readonly input?: string;
  readonly told?: string;
}

const RUNAWAYS: readonly Runaway[] = [
  { does: 'spins', name: 'loop' },
  { does: 'spins in tail calls', name: 'tail-loop' },
  { does: 'throws and catches', name: 'throw-loop' },
  { does: 'never ends its start function', name: 'start-loop' },
  { does: 'blocks', name: 'poll-sleep' },
  { does: 'asks for memory', name: 'grow', told: 'memory' },
  { does: 'floods the host', name: 'host-flood' },
  { does: 'floods the log', name: 'log-flood' },
  { does: 'spins in a component', name: 'typed-loop', tool: 'spin' },
];

/** Lets a process that is stopped be seen, too: it is there. */
function exists(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

const jails: readonly (Jail | undefined)[] = [undefined, ...(await workingJails())];

describe.each(jails.map((jail) => ({ jail, kind: jail?.kind ?? 'no jail' })))(
  '$kind',
  ({ jail }) => {
    let box: TestSandbox;
    beforeAll(async () => {
      box = await createTestSandbox({
        ...(jail === undefined ? {} : { jail }),
        serve: () => ({ ok: true, value: { found: false } }),
      });
      box.sandbox.warm();
    });
    afterAll(() => box.sandbox.close());

    const terms = { unsafeNoJail: jail === undefined, limits: endless };

    /** Runs it; the pids that served it, and how it ended. */
    async function run(
      { name, tool = name }: Runaway,
      limits: Partial<CallLimits> = {},
      seen: (pid: number) => void = () => {},
    ): Promise<{ readonly pid: number; readonly outcome: RunOutcome }> {
      const running = box.call(
        fixture(name),
        tool,
        {},
        { terms: { ...terms, limits: { ...endless, ...limits } } },
      );
      const digest = box.add(fixture(name));
      const busy = () =>
        box.sandbox.stats.executors.find((one) => one.digest === digest && one.busy);
      await expect.poll(busy, { timeout: 10_000, interval: 5 }).toBeDefined();
      const pid = busy()?.pid ?? 0;
      seen(pid);
      return { pid, outcome: await running };
    }

    async function nextCallWorks(name = 'plain'): Promise<void> {
      const outcome = await box.call(fixture(name), 'upper', { input: 'still here' }, { terms });
      expect(outcome).toMatchObject({
        kind: 'answered',
        answer: { content: [{ text: 'STILL HERE' }] },
      });
    }

    test.each(RUNAWAYS)('$does: dead when that is told', async (runaway) => {
      const { pid, outcome } = await run(runaway);
      expect(outcome).toMatchObject({ kind: 'limit', limit: runaway.told ?? 'deadline' });
      expect(exists(pid)).toBe(false);
      expect(outcome.usage.wallMs).toBeGreaterThanOrEqual(DEADLINE - 1);
      expect(outcome.usage.wallMs).toBeLessThan(DEADLINE + SLACK);
      await nextCallWorks();
    });

    test('a process that was stopped can be ended all the same', async () => {
      const { pid, outcome } = await run({ does: 'spins', name: 'loop' }, {}, (pid) => {
        process.kill(pid, 'SIGSTOP');
      });
      expect(outcome).toMatchObject({ kind: 'limit', limit: 'deadline' });
      expect(exists(pid)).toBe(false);
      await nextCallWorks();
    });

    test('the CPU time of what was ended is on its bill', async () => {
      const { outcome } = await run(
        { does: 'spins', name: 'loop' },
        { cpuMs: 200, timeoutMs: 20_000 },
      );
      expect(outcome).toMatchObject({ kind: 'limit', limit: 'cpu' });
      expect(outcome.usage.cpuMs).toBeGreaterThanOrEqual(200);
      expect(outcome.usage.cpuMs).toBeLessThan(outcome.usage.wallMs + 100);
    });
  },
);
