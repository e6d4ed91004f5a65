// Figures of the sandbox alone: a permitted call in its own process with a fresh instance, against the
// Extism SDK's worker mode with one instance for all calls, on the same module and bytes.

import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { resolve } from 'node:path';
import { createPlugin, type Plugin } from '@extism/extism';
import type { JsonObject } from '../../src/base/encoding/json.ts';
import { detectJail } from '../../src/base/process/detect-jail.ts';
import {
  createTestSandbox,
  fixture,
  permitFor,
  type TestSandbox,
  toolCall,
} from '../support/sandbox.ts';
import { median, quantile, type Report, residentKiB } from './report.ts';

const PAYLOAD = 'X'.repeat(1024);
const ROUNDS = 40;
const CALLS = 100;
const WARM_UP_ROUNDS = 5;
/** Longer than an idle executor waits before it gives memory back. */
const REST_MS = 1500;

const CONTROL = 'Extism SDK runInWorker, one instance reused';

interface Echo {
  readonly wasm: Uint8Array;
  readonly tool: string;
  readonly args: JsonObject;
  /** Export and input of the same operation without warder. */
  readonly bare: { readonly name: string; readonly input: string };
}

/** A module that copies 1 KB byte by byte through the host's memory, as plug-in kits without bulk copies do. */
const byteEcho: Echo = {
  wasm: fixture('plain'),
  tool: 'upper',
  args: { input: PAYLOAD },
  bare: { name: 'upper', input: PAYLOAD },
};

/** The sample text tool: JSON in and out, copies of eight bytes. */
const textEcho: Echo = {
  wasm: readFileSync(resolve(import.meta.dirname, '../../tools/text/text.wasm')),
  tool: 'text_echo',
  args: { text: PAYLOAD },
  bare: {
    name: 'call',
    input: JSON.stringify({ name: 'text_echo', arguments: { text: PAYLOAD } }),
  },
};

/** `call-isolated`, `call-isolated-p99`, `call-isolated-text`, `memory-extism`. */
export async function benchSandbox(report: Report): Promise<void> {
  const { jail } = await detectJail();
  const box = await createTestSandbox({ jail });
  try {
    box.sandbox.warm();
    if (report.wants('call-isolated', 'call-isolated-p99', 'memory-extism')) {
      const [ours, theirs] = await interleaved(box, byteEcho);
      report.ratio('call-isolated', median(ours), 'us p50', CONTROL, median(theirs));
      const [high, theirHigh] = [quantile(ours, 0.99), quantile(theirs, 0.99)];
      report.ratio('call-isolated-p99', high, 'us p99', CONTROL, theirHigh);
    }
    if (report.wants('memory-extism')) {
      await new Promise((done) => setTimeout(done, REST_MS));
      const [executor] = box.sandbox.stats.executors;
      if (executor === undefined) throw new Error('no warm executor');
      report.plain('memory-extism', residentKiB(executor.pid) / 1024, 'MiB PSS');
    }
    if (report.wants('call-isolated-text')) {
      const [ours, theirs] = await interleaved(box, textEcho);
      report.ratio('call-isolated-text', median(ours), 'us p50', CONTROL, median(theirs));
    }
  } finally {
    await box.sandbox.close();
  }
}

/** Microseconds of each call, ours and the control's, in turns of {@link CALLS}. */
async function interleaved(box: TestSandbox, echo: Echo): Promise<[number[], number[]]> {
  const plugin = await createPlugin(
    { wasm: [{ data: echo.wasm }] },
    { runInWorker: true, useWasi: true },
  );
  try {
    const [ours, theirs]: [number[], number[]] = [[], []];
    for (let round = 0; round < ROUNDS; round += 1) {
      const [one, other] = [await timeOurs(box, echo), await timeBare(plugin, echo)];
      if (round < WARM_UP_ROUNDS) continue;
      ours.push(...one);
      theirs.push(...other);
    }
    return [ours, theirs];
  } finally {
    await plugin.close();
  }
}

async function timeOurs(box: TestSandbox, { wasm, tool, args }: Echo): Promise<number[]> {
  const call = toolCall(tool, args);
  const permit = permitFor(call, box.add(wasm));
  const times: number[] = [];
  for (let index = 0; index < CALLS; index += 1) {
    const start = performance.now();
    const outcome = await box.sandbox.run(permit, call);
    times.push((performance.now() - start) * 1000);
    if (outcome.kind !== 'answered' || !JSON.stringify(outcome.answer).includes(PAYLOAD)) {
      throw new Error(`not an echo: ${JSON.stringify(outcome).slice(0, 300)}`);
    }
  }
  return times;
}

async function timeBare(plugin: Plugin, { bare }: Echo): Promise<number[]> {
  const times: number[] = [];
  for (let index = 0; index < CALLS; index += 1) {
    const start = performance.now();
    const output = await plugin.call(bare.name, bare.input);
    times.push((performance.now() - start) * 1000);
    if (output?.text().includes(PAYLOAD) !== true) throw new Error('the control is no echo');
  }
  return times;
}
