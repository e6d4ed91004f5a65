// Everything about receipts of one home, opened together: log, checkpoints, proofs, reading, audit.

import type { Store } from '../../base/store/store.ts';
import type { Head } from '../verify/checkpoint.ts';
import type { ReceiptStatement } from '../verify/leaf.ts';
import { type LogReader, type VerifiedLog, verifyLog } from '../verify/log.ts';
import { bundlePath, formatBundle, tilePath } from '../verify/tiles.ts';
import { TILE_WIDTH } from '../verify/tile-tree.ts';
import type { WitnessGroup } from '../witness/witness-group.ts';
import type { CheckpointSigners } from './checkpoint-signers.ts';
import { Checkpointer } from './checkpointer.ts';
import type { HeadMemory } from './head-memory.ts';
import { proofFor } from './proof.ts';
import { ReceiptLog } from './receipt-log.ts';
import { ReceiptReader } from './receipt-reader.ts';
import { checkStoredBundle, checkStoredOpenings } from './stored-log.ts';
import { type TileContents, TileDirectory } from './tile-directory.ts';

/** What receipts need from outside. */
export interface ReceiptsParts {
  readonly store: Store;
  /** `HOME/log`. */
  readonly directory: string;
  /** Name of the log. */
  readonly origin: string;
  readonly signers: CheckpointSigners;
  /** What the signers remember of the log. */
  readonly memory: HeadMemory;
  /** Who has to have seen a head before it is published; nobody when absent. */
  readonly witnesses?: WitnessGroup;
  readonly random: (bytes: number) => Uint8Array;
  /** Milliseconds since an arbitrary start. */
  readonly monotonic: () => number;
  /** Resolves after that many milliseconds, or as soon as the signal is aborted; never rejects. */
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** The receipts of one home. */
export interface Receipts {
  readonly log: ReceiptLog;
  readonly checkpointer: Checkpointer;
  readonly reader: ReceiptReader;
  /** Absent when there are none. */
  readonly witnesses?: WitnessGroup;
  /** tlog-proof of a receipt by its id. */
  proof(id: string, tenant?: string): Promise<string>;
  /** Reads and recomputes the whole log: leaves, files, signatures, and whether the store says the same. */
  audit(remembered?: Head): Promise<VerifiedLog>;
  close(): Promise<void>;
}

/**
 * Opens the log of a home, with its files brought up to the published checkpoint. Call
 * `checkpointer.start()` once leaves may be signed for.
 *
 * @throws WarderError `unavailable` when store or directory cannot be used; `verification-failed` when
 *   the leaves are not those that were signed.
 */
export async function openReceipts(parts: ReceiptsParts): Promise<Receipts> {
  const { store, origin, random } = parts;
  const directory = new TileDirectory(parts.directory);
  const log = new ReceiptLog({ store, origin, random, tiles: directory });
  directory.scan(log.size);
  const contents = {
    tile: (...which: Parameters<TileContents['tile']>) => log.tree.tile(...which),
    leaves: (from: number, count: number) => log.leaves(from, count),
  };
  const checkpointer = await Checkpointer.open({ ...parts, log, directory, contents });
  const { published } = checkpointer;
  if (published !== undefined) await directory.restore(published.size, published.note, contents);
  const reader = new ReceiptReader(store, log);

  return {
    log,
    checkpointer,
    reader,
    ...(parts.witnesses === undefined ? {} : { witnesses: parts.witnesses }),
    proof: async (id, tenant) => proofFor({ store, log, checkpointer }, reader.indexOf(id, tenant)),
    audit: async (remembered) => {
      const { note } = await checkpointer.current();
      const expectation = {
        ...(remembered === undefined ? {} : { remembered }),
        ...(parts.witnesses === undefined ? {} : { witnesses: parts.witnesses.policy }),
        onLeaf: (_: number, statement: ReceiptStatement) => checkStoredOpenings(store, statement),
      };
      return verifyLog(readerOf(directory, contents), note, checkpointer.keys, expectation);
    },
    close: () => checkpointer.close(),
  };
}

/** The files; one that was pruned meanwhile is derived again, one that is wrong stays wrong. */
function readerOf(directory: TileDirectory, contents: TileContents): LogReader {
  const read = (path: string, derive: () => Uint8Array): Promise<Uint8Array> =>
    directory.read(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return derive();
      throw error;
    });
  return {
    bundle: async (index, width) => {
      const stored = formatBundle(contents.leaves(index * TILE_WIDTH, width));
      const published = await read(bundlePath(index, width), () => stored);
      checkStoredBundle(index * TILE_WIDTH, published, stored);
      return published;
    },
    tile: (level, index, width) =>
      read(tilePath(level, index, width), () => contents.tile(level, index, width)),
  };
}
