// A receipt log on files, with witnesses: it can be closed, put back to an earlier state, and opened again.

import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { openMemoryStore } from '../../src/base/store/memory/memory-store.ts';
import { openSqliteStore } from '../../src/base/store/sqlite/sqlite-store.ts';
import type { Store } from '../../src/base/store/store.ts';
import { sequences, tables } from '../../src/front/daemon/tables.ts';
import {
  type LogAdmitter,
  openCheckpointAdmitter,
} from '../../src/trust/receipt/checkpoint-admitter.ts';
import { createCheckpointMemory } from '../../src/trust/receipt/checkpoint-memory.ts';
import { fixedSigners } from '../../src/trust/receipt/checkpoint-signers.ts';
import type { ReceiptRef } from '../../src/trust/receipt/receipt-log.ts';
import { openReceipts, type Receipts } from '../../src/trust/receipt/receipts.ts';
import { checkedSigner } from '../../src/trust/signer/checked-signer.ts';
import { memoryKey, openMemorySigner } from '../../src/trust/signer/memory/memory-signer.ts';
import type { KeepingAdmitter, Signer } from '../../src/trust/signer/signer.ts';
import { loadKeys, type TrustedKeys } from '../../src/trust/verify/keys.ts';
import { formatVkey } from '../../src/trust/verify/note-key.ts';
import { witnessesOf } from '../../src/trust/verify/witness-key.ts';
import { WitnessGroup } from '../../src/trust/witness/witness-group.ts';
import { callFacts, originOf, pause, random, scratch } from '../unit/receipt/log-fixture.ts';
import type { TestWitness } from './test-witness.ts';

export interface OpenLog extends Receipts {
  readonly store: Store;
  append(): Promise<ReceiptRef>;
  grow(leaves: number): Promise<void>;
  close(): Promise<void>;
}

/** Keys and files of one log; open it once at a time. */
export class WitnessedLog {
  readonly directory: string = scratch();
  /** On files only where they are put back. */
  #kept: Store | undefined;
  readonly origin: string;
  readonly keys: TrustedKeys;
  readonly logKey: Signer;
  readonly signingKey: Signer;
  /** The log key in a thief's hands: it asks no memory. */
  readonly stolen: (payload: Uint8Array) => Promise<Uint8Array>;
  /** What witnesses are told of it. */
  readonly vkey: string;
  readonly #admitter: { current?: LogAdmitter };

  private constructor(
    logKey: Signer,
    signingKey: Signer,
    keys: TrustedKeys,
    admitter: { current?: LogAdmitter },
    stolen: WitnessedLog['stolen'],
  ) {
    this.stolen = stolen;
    this.origin = originOf(logKey);
    this.logKey = logKey;
    this.signingKey = signingKey;
    this.keys = keys;
    this.#admitter = admitter;
    const raw = keys.find(({ alg }) => alg === 'EdDSA')?.raw;
    this.vkey = raw === undefined ? '' : formatVkey({ name: this.origin, raw });
  }

  static async create({
    onFiles = false,
  }: { readonly onFiles?: boolean } = {}): Promise<WitnessedLog> {
    const admitter: { current?: LogAdmitter } = {};
    const late: KeepingAdmitter = {
      kind: 'checkpoint',
      admit: (request, key) => admitter.current?.admit(request, key),
      kept: (request, key) => admitter.current?.kept(request, key),
      keep: async (request, key, signature) => admitter.current?.keep(request, key, signature),
    };
    const bare = memoryKey('EdDSA');
    const logKey = checkedSigner(bare, { roles: ['checkpoint'], admitters: [late] });
    const signingKey = openMemorySigner('ES256', { roles: ['checkpoint'], admitters: [late] });
    const keys = await loadKeys([JSON.stringify({ keys: [logKey.key, signingKey.key] })]);
    const log = new WitnessedLog(logKey, signingKey, keys, admitter, (payload) =>
      Promise.resolve(bare.sign(payload, { kind: 'checkpoint', payload })),
    );
    if (!onFiles) log.#kept = openMemoryStore({ tables, sequences });
    await createCheckpointMemory(log.#memory, log.origin);
    return log;
  }

  /** Copies home and signer memory as they are on disk; the log is closed. Returns the way back. */
  snapshot(): () => void {
    const copy = scratch();
    cpSync(this.directory, copy, { recursive: true });
    return () => {
      rmSync(this.directory, { recursive: true });
      cpSync(copy, this.directory, { recursive: true });
    };
  }

  async open(
    witnesses: readonly TestWitness[],
    quorum: number = witnesses.length,
    patienceMs = 5_000,
  ): Promise<OpenLog> {
    const path = join(this.directory, 'state.db');
    const store = this.#kept ?? openSqliteStore({ path, tables, sequences });
    const admitter = await openCheckpointAdmitter(this.#memory, this.origin);
    this.#admitter.current = admitter;
    const group =
      witnesses.length === 0
        ? undefined
        : new WitnessGroup({
            store,
            origin: this.origin,
            logKeys: () => this.keys,
            now: () => Date.now(),
            // Nobody is left alone for failing: rests are looked at on their own.
            monotonic: () => Infinity,
            patienceMs,
            witnesses,
            policy: witnessesOf(
              witnesses.map(({ key }) => key),
              quorum,
            ),
          });
    let open = true;
    const closeStore = async (): Promise<void> => {
      if (!open) return;
      open = false;
      await admitter.close();
      if (this.#kept === undefined) await store.close();
    };
    onTestFinished(closeStore);
    const receipts = await openReceipts({
      store,
      directory: join(this.directory, 'log'),
      signers: await fixedSigners(this.logKey, this.signingKey),
      memory: admitter,
      ...(group === undefined ? {} : { witnesses: group }),
      origin: this.origin,
      random,
      monotonic: () => performance.now(),
      pause,
    });
    receipts.checkpointer.start();
    const close = async (): Promise<void> => {
      await receipts.close();
      await closeStore();
    };
    onTestFinished(close);
    const append = (): Promise<ReceiptRef> =>
      store.commit((tx) => receipts.log.append(tx, callFacts()));
    const grow = async (leaves: number): Promise<void> => {
      await Promise.all(Array.from({ length: leaves }, append));
    };
    return { ...receipts, store, append, grow, close };
  }

  get #memory(): string {
    return join(this.directory, 'signer-memory.json');
  }
}
