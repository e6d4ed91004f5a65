// Reads the end of an exchange as the outcome of a call.

import { asWarderError } from '../../base/errors/errors.ts';
import type { CallLimits } from '../../catalog/installation.ts';
import { readAnswer } from './answer.ts';
import { settleCpuMs } from './cpu-watch.ts';
import type { ExchangeCounts, ExchangeEnd } from './exchange.ts';
import { describeExit } from './executor-process.ts';
import { isUsedUp } from './executor/used-up.ts';
import type { RunOutcome, Usage } from './runner.ts';

/** What was seen from outside while the call ran. */
export interface Seen extends ExchangeCounts {
  readonly limits: CallLimits;
  /** End of the executor's stderr. */
  readonly stderr: string;
  readonly wallMs: number;
}

/** Last words of V8 or the C++ library when the heap, or a single allocation, is too large. */
const OUT_OF_MEMORY = /out of memory|allocation failed|bad_alloc/i;

/** The guest's own memory, and what the host holds for it: each has the whole limit. */
const MEMORIES = 2;

const LIMIT_REASONS = {
  deadline: ({ limits }: Seen) => `the tool ran longer than ${limits.timeoutMs} ms`,
  cpu: ({ limits }: Seen) => `the tool used more than ${limits.cpuMs} ms of CPU time`,
  'host-calls': ({ limits }: Seen) => `the tool asked the host more than ${limits.hostCalls} times`,
  log: ({ limits }: Seen) => `the tool logged more than ${limits.logBytes} bytes`,
} as const;

export function describeOutcome(end: ExchangeEnd, seen: Seen): RunOutcome {
  switch (end.kind) {
    case 'answered': {
      const usage = usageOf(seen, end.head, end.body.length);
      try {
        return { kind: 'answered', answer: readAnswer(end.body, seen.limits.outputBytes), usage };
      } catch (error) {
        return { kind: 'failed', reason: asWarderError(error).message, usage };
      }
    }
    case 'failed': {
      const usage = usageOf(seen, end.head);
      const reason = reasonOf(end.head);
      const { cause } = end.head;
      if (cause === 'memory' || cause === 'output') {
        return { kind: 'limit', limit: cause, reason, usage };
      }
      return { kind: 'failed', reason: reason + memoryHint(reason, usage, seen.limits), usage };
    }
    case 'limit':
      return describeLimit(end.limit, seen);
    case 'cancelled':
      return { kind: 'cancelled', usage: usageOf(seen) };
    case 'host-broken':
      return {
        kind: 'crashed',
        reason: `a host call failed: ${asWarderError(end.cause).message}`,
        usage: usageOf(seen),
      };
    case 'gone': {
      const usage = usageOf(seen);
      if (end.fault !== undefined) {
        return { kind: 'crashed', reason: `the executor sent ${end.fault}`, usage };
      }
      if (OUT_OF_MEMORY.test(seen.stderr)) {
        return { kind: 'limit', limit: 'memory', reason: 'the executor ran out of memory', usage };
      }
      return { kind: 'crashed', reason: `the executor died: ${describeExit(end.exit)}`, usage };
    }
  }
}

/** A guest that asks for memory it does not get until its time is over ran out of memory. */
function describeLimit(limit: keyof typeof LIMIT_REASONS, seen: Seen): RunOutcome {
  const reason = LIMIT_REASONS[limit](seen);
  const usage = usageOf(seen);
  const timed = limit === 'deadline' || limit === 'cpu';
  if (!timed || !isUsedUp(usage.peakMemoryBytes, seen.limits.memoryBytes)) {
    return { kind: 'limit', limit, reason, usage };
  }
  return { kind: 'limit', limit: 'memory', reason: `${reason}, all its memory used up`, usage };
}

function reasonOf(head: Readonly<Record<string, unknown>>): string {
  const { reason } = head;
  return typeof reason === 'string' && reason !== '' ? reason : 'the tool ended without a reason';
}

/** Who doubles what it holds gives up with half its memory free: that is said, not concluded. */
function memoryHint(
  reason: string,
  { peakMemoryBytes }: Usage,
  { memoryBytes }: CallLimits,
): string {
  if (!reason.startsWith('trap') || peakMemoryBytes * 2 < memoryBytes) return '';
  return `, with ${mebibytes(peakMemoryBytes)} MiB of memory in use of ${mebibytes(memoryBytes)}`;
}

function mebibytes(bytes: number): number {
  return Math.round(bytes / 1024 ** 2);
}

function usageOf(seen: Seen, head: Readonly<Record<string, unknown>> = {}, outputBytes = 0): Usage {
  return {
    wallMs: seen.wallMs,
    cpuMs: settleCpuMs(count(head['cpuMicros']) / 1000, seen.cpuMs, seen.wallMs),
    peakMemoryBytes:
      seen.memoryBytes ??
      Math.min(count(head['peakMemoryBytes']), MEMORIES * seen.limits.memoryBytes),
    hostCalls: seen.hostCalls,
    outputBytes,
    logBytes: seen.logBytes,
  };
}

/** A number an executor claims. */
function count(value: unknown): number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : 0;
}
