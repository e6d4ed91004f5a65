// Whether what a witness has seen is of another history than ours: only a note under all our keys shows it.

import { encodeBase64 } from '../../base/encoding/base64.ts';
import { encodeHex } from '../../base/encoding/hex.ts';
import { sameBytes, sha256 } from '../../base/encoding/sha256.ts';
import { encodeUtf8 } from '../../base/encoding/utf8.ts';
import { WarderError } from '../../base/errors/errors.ts';
import { type Head, verifyCheckpoint } from '../verify/checkpoint.ts';
import type { TrustedKeys } from '../verify/keys.ts';

/** The log as it stands, to hold others' notes against. */
export interface LogHistory {
  readonly origin: string;
  /** Durable leaves. */
  readonly size: number;
  readonly tree: {
    rootAt(size: number): Uint8Array;
    consistency(earlier: number, size: number): readonly Uint8Array[];
  };
  /** Makes the tree again from the leaves alone. */
  distrustTiles(): void;
}

/** C2SP tlog-witness: where a witness serves the last note of a log, below its monitoring prefix. */
export function notePath(origin: string): string {
  return `${encodeHex(sha256(encodeUtf8(origin)))}/checkpoint`;
}

/**
 * Holds a note that a witness shows against the log.
 *
 * @returns the head it is of, which is one of our history; undefined when the note does not bear the lines of
 *   all keys of the log, and so shows nothing.
 * @throws WarderError `verification-failed` when all keys of the log signed it and the log has no such head:
 *   leaves were lost, or another history was signed.
 */
export async function examineNote(
  note: string,
  log: LogHistory,
  keys: TrustedKeys,
): Promise<Head | undefined> {
  let shown: Head;
  try {
    shown = await verifyCheckpoint(note, keys, { require: 'all' });
  } catch {
    return undefined;
  }
  const { origin, size, root } = shown;
  if (origin !== log.origin) return undefined;
  if (size > log.size) lost(`it has ${log.size} leaves, and ${size} were signed`);
  if (!sameBytes(log.tree.rootAt(size), root)) {
    // A damaged tile is no fork: the leaves decide.
    log.distrustTiles();
    const own = log.tree.rootAt(size);
    if (!sameBytes(own, root)) {
      const [signed, ours] = [root, own].map((hash) => encodeBase64(hash));
      lost(`of ${size} leaves the root ${signed} was signed, ours is ${ours}`);
    }
  }
  return { origin, size, root };
}

function lost(why: string): never {
  throw new WarderError(
    'verification-failed',
    `the log is not the one that was signed, as a witness shows: ${why}`,
    {
      hint: 'restore a store that has all leaves; if they are lost for good, see `warder receipts new-log`',
    },
  );
}
