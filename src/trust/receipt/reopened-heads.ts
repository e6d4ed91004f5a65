// Where a log stands when it is opened: what the store, the published file and the signer say was signed.

import { encodeBase64 } from '../../base/encoding/base64.ts';
import { sameBytes } from '../../base/encoding/sha256.ts';
import { WarderError } from '../../base/errors/errors.ts';
import type { Store } from '../../base/store/store.ts';
import {
  formatHead,
  type Head,
  parseHead,
  type Requirement,
  verifyCheckpoint,
} from '../verify/checkpoint.ts';
import { formatNote, noteSignature, parseNote } from '../verify/note.ts';
import type { WitnessGroup } from '../witness/witness-group.ts';
import type { CheckpointSigners } from './checkpoint-signers.ts';
import { hashLeaf } from './digest.ts';
import { CHECKPOINT_KEY, CHECKPOINT_TENANT, checkpointTable } from './checkpoint-table.ts';
import type { HeadMemory, SignedHead } from './head-memory.ts';
import type { ReceiptLog } from './receipt-log.ts';
import type { TileDirectory } from './tile-directory.ts';

/** A signed head. */
export interface Checkpoint extends Head {
  /** The signed note. */
  readonly note: string;
}

/** Who says what was signed. */
export interface HeadSources {
  readonly store: Store;
  readonly log: ReceiptLog;
  readonly directory: TileDirectory;
  readonly signers: CheckpointSigners;
  /** What the signers remember of the log. */
  readonly memory: HeadMemory;
  /** Who has to have seen a head before it is published; nobody when absent. */
  readonly witnesses?: WitnessGroup;
}

/** Where a log stands: the last published head, and a later one that lacks witnesses. */
export interface Heads {
  readonly published?: Checkpoint;
  readonly shown?: Checkpoint;
}

/**
 * Re-verifies everything that was signed, and holds the log against it.
 *
 * @throws WarderError `verification-failed` when the log is not the one that was signed; `not-trusted` when
 *   other keys signed it.
 */
export async function reopenHeads(parts: HeadSources): Promise<Heads> {
  const row = parts.store.read((reader) =>
    reader.get(checkpointTable, CHECKPOINT_TENANT, CHECKPOINT_KEY),
  );
  // The file may be newer (a store brought back from a backup) or gone: the longer history counts.
  let heads: Heads = {};
  for (const note of [row?.note, await parts.directory.published()]) {
    if (note !== undefined) heads = longer(heads, await reopen(parts, note));
  }
  const signed = await signedSince(parts, bigger(heads.published, heads.shown));
  if (signed === undefined) return heads;
  return longer(heads, parts.witnesses === undefined ? { published: signed } : { shown: signed });
}

/** Of each the one with more leaves; what is not ahead of what is published waits for nobody. */
function longer(one: Heads, other: Heads): Heads {
  const published = bigger(one.published, other.published);
  const shown = bigger(one.shown, other.shown);
  return {
    ...(published === undefined ? {} : { published }),
    ...(shown === undefined || shown.size <= (published?.size ?? -1) ? {} : { shown }),
  };
}

function bigger(
  one: Checkpoint | undefined,
  other: Checkpoint | undefined,
): Checkpoint | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return other.size >= one.size ? other : one;
}

/** What a published note has to bear besides the lines of the log's keys. */
export function requirementOf(witnesses: WitnessGroup | undefined): Requirement {
  return witnesses === undefined ? {} : { witnesses: witnesses.policy };
}

/** A file that does not parse is gone, not evidence; one that parses must hold. */
async function reopen({ log, signers, witnesses }: HeadSources, note: string): Promise<Heads> {
  try {
    parseHead(parseNote(note).text);
  } catch {
    return {};
  }
  const { origin, size, root } = await verifyCheckpoint(note, signers.trusted);
  checkSigned(log, { origin, size, root });
  const checkpoint = { origin, size, root, note };
  if (witnesses === undefined) return { published: checkpoint };
  try {
    await verifyCheckpoint(note, signers.trusted, requirementOf(witnesses));
    return { published: checkpoint };
  } catch {
    // The witnesses were others then, or none: those of now have not seen it.
    return { shown: { ...checkpoint, note: ownLines(note, origin) } };
  }
}

/** The note without lines of witnesses. */
function ownLines(note: string, origin: string): string {
  const { text, signatures } = parseNote(note);
  return formatNote({ text, signatures: signatures.filter(({ name }) => name === origin) });
}

/**
 * A head that was signed whole, and not published since.
 *
 * @throws WarderError `verification-failed` when the log is not the one that was signed.
 */
async function signedSince(
  { log, memory, signers }: HeadSources,
  published: Checkpoint | undefined,
): Promise<Checkpoint | undefined> {
  let last: SignedHead;
  try {
    last = await memory.last();
  } catch {
    // Whoever signs is not there now: asked again before the next head.
    return undefined;
  }
  checkLastWhole(log, last);
  checkNotPutBack(last, published);
  if (last.size <= (published?.size ?? 0)) return undefined;
  const { origin, size, root } = last;
  try {
    const signatures = signers.signersAt(size).flatMap(({ key: { kid } }) => {
      const key = signers.trusted.find((each) => each.kid === kid);
      const given = last.signatures.find((each) => each.kid === kid);
      return key === undefined || given === undefined
        ? []
        : [noteSignature(origin, key.raw, given.signature)];
    });
    const note = formatNote({ text: formatHead(last), signatures });
    await verifyCheckpoint(note, signers.trusted);
    return { origin, size, root, note };
  } catch {
    // Not each key had signed: the next head is as good.
    return undefined;
  }
}

/** The signer's word for what it signed last; whatever it is, the log has to be a longer one. */
export function checkLast(log: ReceiptLog, last: SignedHead): void {
  checkSigned(log, last);
  const missing = last.unproven.find((index) => index >= log.size);
  if (missing !== undefined) notOurs(`leaf ${missing}, of a lease that was signed, is missing`);
}

/**
 * {@link checkLast}, and each leaf of a lease that no head holds yet is read: an old copy of the log may have got
 * another one in its place. Asked once, before anything is signed.
 */
export function checkLastWhole(log: ReceiptLog, last: SignedHead): void {
  checkLast(log, last);
  const other = otherLease(log, last);
  if (other !== undefined) notOurs(`leaf ${other} is not the one that a lease was signed with`);
}

/** A leaf of the log in whose place a lease was signed with another one. */
export function otherLease(
  log: ReceiptLog,
  { unproven, unprovenHashes: hashes = [] }: Pick<SignedHead, 'unproven' | 'unprovenHashes'>,
): number | undefined {
  return unproven.find((index, at) => {
    const hash = hashes[at];
    return (
      index < log.size &&
      hash !== undefined &&
      !log.leaves(index, 1).every((leaf) => sameBytes(hashLeaf(leaf), hash))
    );
  });
}

/** What is signed is remembered first, and published after: the memory never has less than what is published. */
export function checkNotPutBack(last: SignedHead, published: Head | undefined): void {
  if (published === undefined || last.size >= published.size) return;
  throw new WarderError(
    'verification-failed',
    `the signer remembers ${last.size} leaves, and signed ${published.size}: its memory was put back`,
    { hint: 'restore what it remembered last: with less it would sign another history' },
  );
}

function checkSigned(log: ReceiptLog, { origin, size, root }: Head): void {
  const durable = log.size;
  if (origin !== log.origin) notOurs('it is of another log');
  if (size > durable) notOurs(`the store has ${durable} leaves, ${size} were signed`);
  const same = (): boolean => sameBytes(log.tree.rootAt(size), root);
  if (same()) return;
  // A damaged tile is no fork: those of the leaves decide, which are few, and then the leaves, which are many.
  log.distrustTiles(1);
  if (same()) return;
  log.distrustTiles();
  if (!same()) notOurs(`its root is ${encodeBase64(root)}, the leaves make another`);
}

function notOurs(why: string): never {
  throw new WarderError('verification-failed', `the log is not the one that was signed: ${why}`, {
    hint: 'restore a store that has all leaves; if they are lost for good, see `warder receipts new-log`',
  });
}
