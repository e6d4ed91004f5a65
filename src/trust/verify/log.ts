// Verifying a whole log: every leaf, every tile, the signed head, and what the verifier remembers.

import { encodeHex } from '../../base/encoding/hex.ts';
import { sameBytes } from '../../base/encoding/sha256.ts';
import { asWarderError, WarderError } from '../../base/errors/errors.ts';
import { type Head, type Requirement, verifyCheckpoint } from './checkpoint.ts';
import type { Cosignature } from './cosignature.ts';
import type { TrustedKeys } from './keys.ts';
import { parseLeaf, type ReceiptStatement } from './leaf.ts';
import { type LogStart, readLogStart } from './log-start.ts';
import { hashLeaf } from './merkle.ts';
import { parseBundle, parseTile, partialWidth } from './tiles.ts';
import { TILE_WIDTH, TileTree } from './tile-tree.ts';

/** Where the files of a log come from; a directory, a server, a store. */
export interface LogReader {
  /** An entry bundle of `width` leaves. */
  bundle(index: number, width: number): Promise<Uint8Array>;
  /** A hash tile; absent when the reader has leaves only. */
  tile?(level: number, index: number, width: number): Promise<Uint8Array>;
}

/** What was seen. */
export interface VerifiedLog {
  readonly origin: string;
  readonly size: number;
  /** Hex. */
  readonly root: string;
  readonly signedBy: readonly string[];
  /** What the given witnesses state of its head. */
  readonly cosignedBy: readonly Cosignature[];
  /** Set of a log that took the place of one whose leaves were lost. */
  readonly follows?: FollowedLog;
}

/** The log whose place it took, as its first leaf names it: the last head that was signed of it. */
export interface FollowedLog extends Omit<LogStart, 'before'> {
  readonly origin: string;
  readonly size: number;
  /** Hex. */
  readonly root: string;
}

/** What to hold the log against, besides its own checkpoint. */
export interface LogExpectation extends Requirement {
  /** A head seen before, e.g. from the last audit: the log must have grown from it. */
  readonly remembered?: Head;
  /** Told of each leaf, in order, after its bundle was checked against nothing but its form. */
  readonly onLeaf?: (index: number, statement: ReceiptStatement) => void;
}

/**
 * Reads a log from its first leaf to the checkpoint's size and recomputes everything.
 *
 * @throws WarderError `malformed` for files that do not parse; `verification-failed` for leaves or
 *   tiles that do not make the signed root, for a leaf that is no receipt, for one id twice, and for
 *   a log that was forked or cut back since `remembered`; `not-trusted` as for a checkpoint.
 */
export async function verifyLog(
  reader: LogReader,
  checkpointNote: string,
  keys: TrustedKeys,
  expectation: LogExpectation = {},
): Promise<VerifiedLog> {
  const checkpoint = await verifyCheckpoint(checkpointNote, keys, expectation);
  const { remembered } = expectation;
  if (remembered !== undefined) {
    if (remembered.origin !== checkpoint.origin) fail('the checkpoint is of another log');
    if (remembered.size > checkpoint.size) fail('the log was cut back');
  }
  const full: [level: number, index: number, hashes: readonly Uint8Array[]][] = [];
  const tree = new TileTree((...tile) => full.push(tile));
  const ids = new Set<string>();
  let follows: LogStart | undefined;
  const checkRemembered = (): void => {
    if (tree.size === remembered?.size && !sameBytes(tree.root(), remembered.root)) {
      fail('the log was forked');
    }
  };

  checkRemembered();
  for (let index = 0; index * TILE_WIDTH < checkpoint.size; index += 1) {
    const width = Math.min(TILE_WIDTH, checkpoint.size - index * TILE_WIDTH);
    for (const leaf of parseBundle(await reader.bundle(index, width), width)) {
      const statement = receiptAt(tree.size, leaf);
      if (ids.has(statement.predicate.id))
        fail(`receipt \`${statement.predicate.id}\` stands twice`);
      ids.add(statement.predicate.id);
      if (tree.size === 0) follows = readLogStart(checkpoint.origin, statement);
      expectation.onLeaf?.(tree.size, statement);
      tree.push(hashLeaf(leaf));
      checkRemembered();
    }
    for (const tile of full.splice(0)) await checkTile(reader, ...tile);
  }
  if (!sameBytes(tree.root(), checkpoint.root)) fail('the leaves do not make the signed root');
  for (let level = 0; level < tree.levels; level += 1) {
    const index = Math.floor(tree.size / TILE_WIDTH ** (level + 1));
    if (partialWidth(tree.size, level) > 0) {
      await checkTile(reader, level, index, tree.edge(level));
    }
  }
  return {
    origin: checkpoint.origin,
    size: checkpoint.size,
    root: encodeHex(checkpoint.root),
    signedBy: checkpoint.signedBy.map(({ alg, kid }) => `${alg} ${kid}`),
    cosignedBy: checkpoint.cosignedBy,
    ...(follows === undefined ? {} : { follows: followed(follows) }),
  };
}

function followed({ epoch, before, kept, lost, forked, reason }: LogStart): FollowedLog {
  return { ...before, root: encodeHex(before.root), epoch, kept, lost, forked, reason };
}

function receiptAt(index: number, leaf: Uint8Array): ReceiptStatement {
  try {
    return parseLeaf(leaf);
  } catch (cause) {
    return fail(`leaf ${index}: ${asWarderError(cause).message}`);
  }
}

async function checkTile(
  reader: LogReader,
  level: number,
  index: number,
  hashes: readonly Uint8Array[],
): Promise<void> {
  if (reader.tile === undefined) return;
  const tile = parseTile(await reader.tile(level, index, hashes.length), hashes.length);
  if (!tile.every((hash, at) => sameBytes(hash, hashes[at] as Uint8Array))) {
    fail(`tile ${index} of level ${level} does not belong to the leaves`);
  }
}

function fail(why: string): never {
  throw new WarderError('verification-failed', why, {
    hint: 'keep a copy of this log and compare it with another reader of the same log',
  });
}
