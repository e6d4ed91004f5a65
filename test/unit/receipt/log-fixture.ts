// A whole receipt log on a store in memory, in a directory of its own, with keys that live in the process.

import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { encodeHex } from '../../../src/base/encoding/hex.ts';
import { ulid } from '../../../src/base/encoding/ulid.ts';
import type { Declared } from '../../../src/base/store/declared.ts';
import { openMemoryStore } from '../../../src/base/store/memory/memory-store.ts';
import type { Store } from '../../../src/base/store/store.ts';
import {
  type LogAdmitter,
  openCheckpointAdmitter,
} from '../../../src/trust/receipt/checkpoint-admitter.ts';
import { createCheckpointMemory } from '../../../src/trust/receipt/checkpoint-memory.ts';
import { checkpointTable } from '../../../src/trust/receipt/checkpoint-table.ts';
import { fixedSigners } from '../../../src/trust/receipt/checkpoint-signers.ts';
import type { ReceiptFacts } from '../../../src/trust/receipt/leaf.ts';
import { openingTable } from '../../../src/trust/receipt/openings.ts';
import { leafSequence, type ReceiptRef } from '../../../src/trust/receipt/receipt-log.ts';
import { openReceipts, type Receipts } from '../../../src/trust/receipt/receipts.ts';
import { spki } from '../../../src/trust/signer/jwk.ts';
import { openMemorySigner } from '../../../src/trust/signer/memory/memory-signer.ts';
import type { KeepingAdmitter, Signer } from '../../../src/trust/signer/signer.ts';

export const declared: Declared = {
  tables: [openingTable, checkpointTable],
  sequences: [leafSequence],
};

export const random = (bytes: number): Uint8Array => randomBytes(bytes);

/** A directory that is removed after the test. */
export function scratch(): string {
  const path = mkdtempSync(join(tmpdir(), 'warder-log-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Waits at most briefly: rests are counted, not slept. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, Math.min(ms, 2));
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** Facts of one call. */
export function callFacts(changes: Partial<ReceiptFacts> = {}): ReceiptFacts {
  const time = changes.time ?? 1_790_000_000_000;
  return {
    id: `call_${ulid(time, random(10))}`,
    type: 'call',
    outcome: 'done',
    tenant: 'default',
    time,
    subject: { name: 'call', sha256: encodeHex(random(32)) },
    tool: 'text_echo',
    installation: { id: 'inst_1', digest: encodeHex(random(32)) },
    principal: 'agent:default',
    lease: encodeHex(random(32)),
    task: 'task-1',
    arguments: { text: 'hello' },
    result: { content: [{ type: 'text', text: 'hello' }] },
    effects: [
      {
        kind: 'http',
        state: 'answered',
        count: 1,
        target: 'GET https://api.example.com/',
        bytes: 9,
      },
    ],
    decision: {
      effect: 'allow',
      rules: ['r1'],
      policyDigest: encodeHex(random(32)),
      latencyUs: 90,
    },
    usage: { cpuUs: 120, latencyUs: 900 },
    assurance: 'personal',
    jail: 'none',
    ...changes,
  };
}

export interface Keys {
  readonly logKey: Signer;
  readonly signingKey: Signer;
  readonly origin: string;
  /** As a verifier is given them. */
  readonly jwks: string;
  readonly admitter: LogAdmitter;
}

/** Fresh keys of a fresh log, with the signer's memory in `directory`. */
export async function makeKeys(directory: string): Promise<Keys> {
  // The origin is named by the log key, the admitter needs the origin, the signer the admitter.
  const admitters: LogAdmitter[] = [];
  const late: KeepingAdmitter = {
    kind: 'checkpoint',
    admit: (request, key) => admitters[0]?.admit(request, key),
    kept: (request, key) => admitters[0]?.kept(request, key),
    keep: async (request, key, signature) => admitters[0]?.keep(request, key, signature),
  };
  const logKey = openMemorySigner('EdDSA', { roles: ['checkpoint'], admitters: [late] });
  const signingKey = openMemorySigner('ES256', { roles: ['checkpoint'], admitters: [late] });
  const origin = originOf(logKey);
  const memory = join(directory, 'signer-memory.json');
  await createCheckpointMemory(memory, origin);
  const admitter = await openCheckpointAdmitter(memory, origin);
  admitters.push(admitter);
  onTestFinished(() => admitter.close());
  const jwks = JSON.stringify({ keys: [logKey.key, signingKey.key] });
  return { logKey, signingKey, origin, jwks, admitter };
}

export function originOf(logKey: Signer): string {
  const digest = createHash('sha256').update(spki(logKey.key)).digest('hex');
  return `warder.invalid/log/${digest.slice(0, 16)}`;
}

export interface Fixture extends Receipts {
  readonly store: Store;
  readonly keys: Keys;
  readonly directory: string;
  append(facts?: ReceiptFacts): Promise<ReceiptRef>;
  /** Closes the log and opens it again over the same store and directory. */
  reopen(changes?: Partial<Keys>): Promise<Fixture>;
}

export async function openFixture(
  store: Store = openMemoryStore(declared),
  directory: string = scratch(),
  given?: Keys,
  rest: typeof pause = pause,
): Promise<Fixture> {
  const keys = given ?? (await makeKeys(directory));
  const receipts = await openReceipts({
    store,
    directory: join(directory, 'log'),
    signers: await fixedSigners(keys.logKey, keys.signingKey),
    memory: keys.admitter,
    origin: keys.origin,
    random,
    monotonic: () => performance.now(),
    pause: rest,
  });
  receipts.checkpointer.start();
  onTestFinished(() => receipts.close());
  return {
    ...receipts,
    store,
    keys,
    directory: join(directory, 'log'),
    append: (facts = callFacts()) => store.commit((tx) => receipts.log.append(tx, facts)),
    reopen: async (changes = {}) => {
      await receipts.close();
      return openFixture(store, directory, { ...keys, ...changes });
    },
  };
}
