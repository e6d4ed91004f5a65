// Receipts: how fast they become durable and provable, what signing costs them, and how an audit compares.

import { strict as assert } from 'node:assert';
import { createHash } from 'node:crypto';
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeHex } from '../../src/base/encoding/hex.ts';
import { ulid } from '../../src/base/encoding/ulid.ts';
import { createRandomPool } from '../../src/front/daemon/random-pool.ts';
import { openSqliteStore } from '../../src/base/store/sqlite/sqlite-store.ts';
import type { Store } from '../../src/base/store/store.ts';
import { openCheckpointAdmitter } from '../../src/trust/receipt/checkpoint-admitter.ts';
import { createCheckpointMemory } from '../../src/trust/receipt/checkpoint-memory.ts';
import { fixedSigners } from '../../src/trust/receipt/checkpoint-signers.ts';
import { checkpointTable } from '../../src/trust/receipt/checkpoint-table.ts';
import type { ReceiptFacts } from '../../src/trust/receipt/leaf.ts';
import { openingTable } from '../../src/trust/receipt/openings.ts';
import { leafSequence } from '../../src/trust/receipt/receipt-log.ts';
import { openReceipts, type Receipts } from '../../src/trust/receipt/receipts.ts';
import { type BackEndKey, checkedSigner } from '../../src/trust/signer/checked-signer.ts';
import { DeviceQueue } from '../../src/trust/signer/device-queue.ts';
import { parseKeyUri } from '../../src/trust/signer/key-uri.ts';
import { memoryKey } from '../../src/trust/signer/memory/memory-signer.ts';
import { createTpm2Key, openTpm2Key } from '../../src/trust/signer/tpm2/tpm2-key.ts';
import { verifyLog } from '../../src/trust/verify/log.ts';
import { bundlePath, tilePath } from '../../src/trust/verify/tiles.ts';
import { startSwtpm } from '../support/swtpm.ts';
import { median, quantile, type Report } from './report.ts';

const ORIGIN = 'warder.invalid/log/0123456789abcdef';
const IN_FLIGHT = 64;
/** Receipts of one measured stretch. */
const STRETCH = 64 * 64;
const ROUNDS = 7;
const WARM_UP = 3;
/** What a TPM of the kind that is soldered to a board takes for a P-256 signature. */
const SLOW_TPM_MS = 200;
const AUDITED = 100_000;
const FEW = 1_000;
const MANY = 1_000_000;
const PER_COMMIT = 4_000;
const APPENDS = 3_000;

const random = createRandomPool();

/** Receipts on a file of their own. */
interface Bench {
  readonly store: Store;
  readonly receipts: Receipts;
  readonly directory: string;
  append(): Promise<unknown>;
  close(): Promise<void>;
}

/** A key as slow as a device that takes one signature at a time. */
function slowKey(key: BackEndKey, ms: number): BackEndKey {
  const queue = new DeviceQueue(1);
  return {
    ...key,
    sign: (payload, request) =>
      queue.run(request.kind, async () => {
        await new Promise((resolve) => setTimeout(resolve, ms));
        return key.sign(payload, request);
      }),
  };
}

/** A call's facts, with an answer of ordinary length. */
function callFacts(): ReceiptFacts {
  const time = Date.now();
  return {
    id: `call_${ulid(time, random(10))}`,
    type: 'call',
    outcome: 'done',
    tenant: 'default',
    time,
    subject: { name: 'call', sha256: encodeHex(random(32)) },
    tool: 'text_echo',
    installation: { id: 'inst_1', digest: 'a'.repeat(64) },
    principal: 'agent:default',
    lease: 'b'.repeat(64),
    task: 'task-1',
    arguments: { text: 'a text of ordinary length', count: 3 },
    result: { content: [{ type: 'text', text: 'an answer of ordinary length' }] },
    decision: { effect: 'allow', rules: ['r1'], policyDigest: 'c'.repeat(64), latencyUs: 90 },
    usage: { cpuUs: 120, latencyUs: 900 },
    assurance: 'personal',
    jail: 'bubblewrap',
  };
}

async function openBench(signing: BackEndKey | undefined): Promise<Bench> {
  const directory = mkdtempSync(join(tmpdir(), 'warder-bench-receipts-'));
  const store = openSqliteStore({
    path: join(directory, 'state.db'),
    tables: [openingTable, checkpointTable],
    sequences: [leafSequence],
  });
  const memory = join(directory, 'signer', 'memory.json');
  await createCheckpointMemory(memory, ORIGIN);
  const admitter = await openCheckpointAdmitter(memory, ORIGIN);
  const admitters = [admitter];
  const rules = { roles: ['checkpoint'] as const, admitters };
  const signers = [
    checkedSigner(memoryKey('EdDSA'), rules),
    checkedSigner(signing ?? memoryKey('ES256'), rules),
  ];
  const receipts = await openReceipts({
    store,
    directory: join(directory, 'log'),
    origin: ORIGIN,
    signers: await fixedSigners(...signers),
    memory: admitter,
    random,
    monotonic: () => performance.now(),
    pause,
  });
  if (signing !== undefined) receipts.checkpointer.start();
  return {
    store,
    receipts,
    directory,
    append: () => store.commit((tx) => receipts.log.append(tx, callFacts())),
    close: async () => {
      await receipts.close();
      await store.close();
      for (const signer of signers) await signer.close();
      await admitter.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
    function done(): void {
      clearTimeout(timer);
      resolve();
    }
  });
}

/** Always so many at once: who is answered asks again. */
async function keepInFlight(count: number, work: () => Promise<unknown>): Promise<void> {
  let left = count;
  const one = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await work();
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, one));
}

/** Durable receipts a second. */
async function durable({ append }: Bench): Promise<number> {
  const start = performance.now();
  await keepInFlight(STRETCH, append);
  return (STRETCH * 1000) / (performance.now() - start);
}

/** Middle rates of several kinds of work, each round in turn. */
async function race(...works: readonly (() => Promise<number> | number)[]): Promise<number[]> {
  const rates = works.map((): number[] => []);
  for (let round = 0; round < WARM_UP + ROUNDS; round += 1) {
    for (const [at, work] of works.entries()) {
      const rate = await work();
      if (round >= WARM_UP) rates[at]?.push(rate);
    }
  }
  return rates.map(median);
}

async function benchRates(report: Report): Promise<void> {
  const tpm = await startSwtpm();
  const uri = parseKeyUri(tpm.uri('blob=signing.tpm', 'auth-source=signing.auth'));
  assert(uri.scheme === 'tpm2');
  await createTpm2Key(uri, { home: tpm.directory });
  const swtpm = await openBench(await openTpm2Key(uri, { home: tpm.directory }));
  const file = await openBench(memoryKey('ES256'));
  const unsigned = await openBench(undefined);
  const slow = await openBench(slowKey(memoryKey('ES256'), SLOW_TPM_MS));
  const leaf = leafOf(unsigned);
  try {
    const [signed = 0, bare = 0, inTpm = 0, slowed = 0, appended = 0] = await race(
      () => durable(file),
      () => durable(unsigned),
      () => durable(swtpm),
      () => durable(slow),
      () => appendEach(unsigned.directory, leaf),
    );
    report.ratio('receipts-signed', signed, '/s', 'checkpoint signing off', bare);
    report.ratio('receipts-swtpm', inTpm, '/s', 'file key', signed);
    const model = `file key; a TPM that takes ${SLOW_TPM_MS} ms`;
    report.ratio('receipts-slow-tpm', slowed, '/s', model, signed);
    report.ratio('receipts-durable', signed, '/s', 'append + fdatasync per record', appended);
  } finally {
    for (const bench of [file, unsigned, swtpm, slow]) await bench.close();
    await tpm.remove();
  }
}

/** Bytes of a leaf as the bench appends them. */
function leafOf({ receipts: { log } }: Bench): () => Uint8Array {
  return () => log.leaves(0, 1)[0] ?? assert.fail('nothing was appended yet');
}

/** Records a second, each written and synced before the next: what waits, waits. */
function appendEach(directory: string, leaf: () => Uint8Array): number {
  const bytes = leaf();
  const file = openSync(join(directory, 'records'), 'a', 0o600);
  const start = performance.now();
  for (let at = 0; at < STRETCH; at += 1) {
    writeSync(file, bytes);
    fdatasyncSync(file);
  }
  const rate = (STRETCH * 1000) / (performance.now() - start);
  closeSync(file);
  return rate;
}

/** Time from a call's receipt to its signed proof, with as many callers waiting for theirs. */
async function benchProofs(report: Report): Promise<void> {
  const bench = await openBench(slowKey(memoryKey('ES256'), SLOW_TPM_MS));
  try {
    const times: number[] = [];
    const proved = async (): Promise<void> => {
      const start = performance.now();
      const { id } = await bench.store.commit((tx) => bench.receipts.log.append(tx, callFacts()));
      await bench.receipts.proof(id);
      times.push(performance.now() - start);
    };
    await keepInFlight(IN_FLIGHT, proved);
    times.length = 0;
    await keepInFlight(IN_FLIGHT * 24, proved);
    const p99 = quantile(times, 0.99);
    report.ratio('proof-p99', p99, 'ms', 'one signature of a slow TPM', SLOW_TPM_MS);
  } finally {
    await bench.close();
  }
}

async function benchAudit(report: Report): Promise<void> {
  const bench = await openBench(memoryKey('ES256'));
  try {
    await fill(bench, AUDITED);
    const { note, size } = await bench.receipts.checkpointer.current();
    const { keys } = bench.receipts.checkpointer;
    const root = join(bench.directory, 'log');
    const reader = {
      bundle: (index: number, width: number) => readFile(join(root, bundlePath(index, width))),
      tile: (level: number, index: number, width: number) =>
        readFile(join(root, tilePath(level, index, width))),
    };
    const leaves = bench.receipts.log.leaves(0, size);
    const [ours = 0, theirs = 0] = await race(
      async () => {
        const start = performance.now();
        const audit = await verifyLog(reader, note, keys);
        assert.equal(audit.size, size);
        return performance.now() - start;
      },
      () => {
        const start = performance.now();
        for (let pass = 0; pass < 2; pass += 1) {
          for (const leaf of leaves) createHash('sha256').update(leaf).digest();
        }
        return performance.now() - start;
      },
    );
    report.ratio('log-audit', ours, 'ms', 'SHA-256 over the same bytes twice', theirs);
  } finally {
    await bench.close();
  }
}

async function benchAppendScale(report: Report): Promise<void> {
  const few = await openBench(undefined);
  const many = await openBench(undefined);
  try {
    await fill(few, FEW);
    await fill(many, MANY);
    const times: [number[], number[]] = [[], []];
    for (let at = 0; at < 2 * APPENDS; at += 1) {
      // In turn, so that whatever else the machine does meets both.
      for (const which of at % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
        const start = performance.now();
        await (which === 0 ? many : few).append();
        if (at >= APPENDS) times[which].push((performance.now() - start) * 1000);
      }
    }
    report.ratio('append-scale', median(times[0]), 'us p50', `${FEW} leaves`, median(times[1]));
  } finally {
    await few.close();
    await many.close();
  }
}

async function fill({ store, receipts }: Bench, count: number): Promise<void> {
  for (let at = 0; at < count; at += PER_COMMIT) {
    await store.commit((tx) => {
      const end = Math.min(count, at + PER_COMMIT);
      for (let one = at; one < end; one += 1) receipts.log.append(tx, callFacts());
    });
  }
}

/** All of them; those that were not asked for are left out. */
export async function benchReceipts(report: Report): Promise<void> {
  if (report.wants('receipts-signed', 'receipts-swtpm', 'receipts-slow-tpm', 'receipts-durable')) {
    await benchRates(report);
  }
  if (report.wants('proof-p99')) await benchProofs(report);
  if (report.wants('log-audit')) await benchAudit(report);
  if (report.wants('append-scale')) await benchAppendScale(report);
}
