// What many cost: calls of one tool side by side, and one tool among two hundred.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import type { JsonObject } from '../../src/base/encoding/json.ts';
import { createTestSandbox, fixture, type TestSandbox } from '../support/sandbox.ts';
import { createTestHome } from '../support/warder.ts';
import { median, type Report } from './report.ts';

const ROUNDS = 8;

/** `call-parallel`, `call-many-tools`. */
export async function benchPool(report: Report): Promise<void> {
  if (report.wants('call-parallel')) await benchParallel(report);
  if (report.wants('call-many-tools')) await benchManyTools(report);
}

const IN_FLIGHT = 16;
const BURN_MS = 2;
const CALLS = 400;

/** `call-parallel`: calls per second of a guest that burns 2 ms of CPU, 16 in flight, against 1. */
async function benchParallel(report: Report): Promise<void> {
  const box = await createTestSandbox();
  try {
    box.sandbox.warm();
    const args = { input: 'x'.repeat(await steps(box)) };
    // Until as many executors run as there will be.
    await rate(box, args, IN_FLIGHT);
    const [many, one]: [number[], number[]] = [[], []];
    for (let round = 0; round < ROUNDS; round += 1) {
      many.push(await rate(box, args, IN_FLIGHT));
      one.push(await rate(box, args, 1));
    }
    const control = '1 in flight, 2 ms of CPU each';
    report.ratio('call-parallel', median(many), 'calls/s', control, median(one));
  } finally {
    await box.sandbox.close();
  }
}

/** How long an input `burn` needs for its two milliseconds. */
async function steps(box: TestSandbox): Promise<number> {
  let length = 20;
  for (let round = 0; round < 30; round += 1) {
    const took = await time(box, { input: 'x'.repeat(length) });
    length = Math.max(1, Math.round((length * BURN_MS) / took));
  }
  return length;
}

async function time(box: TestSandbox, args: JsonObject): Promise<number> {
  const start = performance.now();
  const outcome = await box.call(fixture('measured'), 'burn', args);
  if (outcome.kind !== 'answered') throw new Error(JSON.stringify(outcome));
  return performance.now() - start;
}

async function rate(box: TestSandbox, args: JsonObject, inFlight: number): Promise<number> {
  let left = CALLS;
  const lane = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await time(box, args);
    }
  };
  const start = performance.now();
  await Promise.all(Array.from({ length: inFlight }, lane));
  return (CALLS / (performance.now() - start)) * 1000;
}

const INSTALLED = 200;
const WARM = 20;
const PAYLOAD = 'x'.repeat(1024);
const WARM_UP_ROUNDS = 30;
const MEASURED_ROUNDS = 60;

/** `call-many-tools`: an MCP call of 1 KB to each of 20 warm tools among 200, against one tool alone. */
async function benchManyTools(report: Report): Promise<void> {
  const names = Array.from({ length: INSTALLED }, (_, at) => `up${String(at).padStart(3, '0')}`);
  await using many = await house(names);
  await using one = await house(['alone']);
  const [ours, theirs]: [number[], number[]] = [[], []];
  for (let round = 0; round < WARM_UP_ROUNDS + MEASURED_ROUNDS; round += 1) {
    for (const name of names.slice(0, WARM)) {
      const [took, control] = [await many.call(name), await one.call('alone')];
      if (round < WARM_UP_ROUNDS) continue;
      ours.push(took);
      theirs.push(control);
    }
  }
  const control = 'one tool installed and warm';
  report.ratio('call-many-tools', median(ours), 'ms p50', control, median(theirs));
}

interface House extends AsyncDisposable {
  /** Milliseconds of one call. */
  call(name: string): Promise<number>;
}

/** A home with a tool of each name, all of them different packages, and an agent in it. */
async function house(names: readonly string[]): Promise<House> {
  const home = await createTestHome();
  const wasm = join(home.root, 'package.wasm');
  for (const name of names) {
    await writeFile(wasm, renamed(fixture('plain'), 'upper', name));
    await home.ok(['tool', 'add', wasm, '--name', name]);
  }
  const client = new Client({ name: 'bench', version: '1.0.0' });
  await client.connect(new StdioClientTransport({ ...home.mcp(), stderr: 'ignore' }));
  return {
    call: async (name) => {
      const start = performance.now();
      const result = await client.callTool({ name, arguments: { input: PAYLOAD } });
      const took = performance.now() - start;
      if (result.isError === true) throw new Error(JSON.stringify(result).slice(0, 300));
      return took;
    },
    [Symbol.asyncDispose]: async () => {
      await client.close();
      await home.remove();
    },
  };
}

/** The same module with another name, as long, for its export. */
function renamed(wasm: Uint8Array, from: string, to: string): Uint8Array {
  const copy = Buffer.from(wasm);
  copy.write(to, copy.indexOf(from), 'latin1');
  return copy;
}
