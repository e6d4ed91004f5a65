// Executors that send anything at any time: the daemon's end believes none of it, keeps its limits, and
// the next call is answered by nobody but a true executor.

import { resolve } from 'node:path';
import { createTestSandbox, defaultLimits } from '../support/sandbox.ts';
import { draw, script } from './frame-arbitraries.ts';
import { Finding, type FuzzTarget, Met } from './target.ts';

const limits = {
  ...defaultLimits,
  timeoutMs: 300,
  hostCalls: 5,
  logBytes: 5000,
  outputBytes: 2000,
};
const KINDS = new Set(['answered', 'failed', 'limit', 'crashed']);
const HONEST = Buffer.from(JSON.stringify({ content: [{ type: 'text', text: 'honest' }] }));
const honest = {
  steps: [
    {
      kind: 10,
      head: '{"peakMemoryBytes":0,"cpuMicros":0}',
      body: HONEST.toString('base64'),
    },
  ],
  end: 'serve',
};

export const hostileExecutor: FuzzTarget = {
  about: 'random frames, lengths, floods and noise of an executor into the daemon',
  runs: { sample: 60, long: 100_000 },
  open: async () => {
    const met = new Met();
    const wasm = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);
    let served = 0;
    const box = await createTestSandbox({
      executorPath: resolve(import.meta.dirname, '../fixtures/executors/scripted.mjs'),
      serve: () => {
        served += 1;
        return { ok: true, value: { found: false } };
      },
      pool: { maxExecutors: 2, maxPerKey: 1, blanks: 2 },
    });
    const answersHonestly = async (tries: number): Promise<boolean> => {
      for (let left = tries; left > 0; left -= 1) {
        const { kind, ...next } = await box.call(wasm, 'next', honest, { terms: { limits } });
        if (kind === 'answered' && JSON.stringify(next).includes('honest')) return true;
      }
      return false;
    };
    const unhandled: unknown[] = [];
    const note = (error: unknown): void => void unhandled.push(error);
    process.on('uncaughtException', note).on('unhandledRejection', note);
    return {
      met,
      async run(random) {
        const told = draw(script, random);
        const input = Buffer.from(JSON.stringify(told));
        served = 0;
        let logged = 0;
        const outcome = await box.call(wasm, 'fuzz', told, {
          terms: { limits },
          onLog: (_, message) => (logged += message.length),
        });
        met.add(outcome.kind === 'limit' ? `limit ${outcome.limit}` : outcome.kind);
        if (!KINDS.has(outcome.kind)) throw new Finding(`ended as ${outcome.kind}`, input);
        if (served > limits.hostCalls) throw new Finding('too many requests were served', input);
        if (logged > limits.logBytes) throw new Finding('too much was logged', input);
        const { peakMemoryBytes, cpuMs } = outcome.usage;
        if (!Number.isFinite(peakMemoryBytes) || !Number.isFinite(cpuMs) || cpuMs < 0) {
          throw new Finding(`usage of ${JSON.stringify(outcome.usage)}`, input);
        }
        // An executor that ended its call in order serves the next one too, and may spoil that; one that
        // did not is gone, and nothing of it reaches anybody.
        const livesOn = outcome.kind === 'answered' || outcome.kind === 'failed';
        const tries = livesOn ? 3 : 1;
        if (!(await answersHonestly(tries))) throw new Finding('the next call failed', input);
        if (unhandled.length > 0) {
          throw new Finding('an error nobody handled', input, { cause: unhandled[0] });
        }
      },
      async close() {
        process.off('uncaughtException', note).off('unhandledRejection', note);
        await box.sandbox.close();
      },
    };
  },
};
