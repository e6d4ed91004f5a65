// What the signer remembers of a log: the last head it let be signed. Kept outside what it guards.

import { readFile, rename, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { decodeBase64, encodeBase64 } from '../../base/encoding/base64.ts';
import { decodeBase64url, encodeBase64url } from '../../base/encoding/base64url.ts';
import { canonicalJson } from '../../base/encoding/jcs.ts';
import { isJsonObject, type Json, type JsonObject } from '../../base/encoding/json.ts';
import { parseJson } from '../../base/encoding/parse-json.ts';
import { sha256Text } from '../../base/encoding/sha256.ts';
import { WarderError } from '../../base/errors/errors.ts';
import { type FileLock, isHeld, lockFile } from '../../base/store/file-lock.ts';
import type { Head } from '../verify/checkpoint.ts';
import { epochOf } from '../verify/log-start.ts';
import { emptyRoot, HASH_SIZE } from '../verify/merkle.ts';
import { createDurably, syncDirectory, writeDurably } from './durable-file.ts';
import type { HeadSignature, SignedHead } from './head-memory.ts';
import { createLeaseMemory, LeaseMemory, type RememberedLease } from './lease-memory.ts';

/** A head as kept; leases are kept beside it. */
export type KeptHead = Omit<SignedHead, 'unproven' | 'unprovenHashes'>;

const VERSION = 2;
/** Had neither signatures nor sum. */
const FIRST_VERSION = 1;
const SIGNATURES_MAX = 8;

/** Files of one memory. */
const leasesOf = (path: string): string => `${path.replace(/\.json$/, '')}.leases`;
const endedOf = (path: string): string => `${path.replace(/\.json$/, '')}.ended.json`;
const lockOf = (path: string): string => `${path.replace(/\.json$/, '')}.lock`;

/**
 * Makes the memory of a new, empty log. Never over an existing one, nor in the place of one that has ended: who
 * could reset the memory could have a second history signed.
 *
 * @param epoch ordinal of the log among those of its home; as its origin says when absent.
 * @returns whether it was made; false when there is one, or was.
 */
export async function createCheckpointMemory(
  path: string,
  origin: string,
  epoch: number = epochOf(origin),
): Promise<boolean> {
  if (await hasEnded(path)) return false;
  // First what the other must not be without.
  await createLeaseMemory(leasesOf(path), origin);
  const head = { origin, epoch, size: 0, root: emptyRoot(), signatures: [] };
  return createDurably(path, format(head));
}

/**
 * Ends the memory of a log that another took the place of: nothing is signed for it any more. It is kept, to
 * be read; ending it again changes nothing.
 */
export async function endCheckpointMemory(path: string): Promise<void> {
  try {
    await rename(path, endedOf(path));
    await syncDirectory(dirname(path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw unusable(path, 'stays', error);
  }
}

/** What cannot be looked for may be there. */
async function hasEnded(path: string): Promise<boolean> {
  try {
    await stat(endedOf(path));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw unusable(path, 'cannot be made', error);
  }
}

/** The memory of one log, held by this process alone. */
export class CheckpointMemory {
  readonly leases: LeaseMemory;
  readonly #path: string;
  readonly #lock: FileLock;
  #head: KeptHead;
  #writing: Promise<void> = Promise.resolve();

  private constructor(path: string, lock: FileLock, head: KeptHead, leases: LeaseMemory) {
    this.#path = path;
    this.#lock = lock;
    this.#head = head;
    this.leases = leases;
  }

  /**
   * Locks and reads it.
   *
   * @throws WarderError `unavailable` when another process holds it, or it is missing (which never means
   *   an empty log), damaged, or another log's.
   */
  static async open(path: string, origin: string): Promise<CheckpointMemory> {
    const lock = lockMemory(path);
    try {
      const head = await readCheckpointMemory(path, origin);
      // An earlier version remembered no leases.
      if (head.version < VERSION) await createLeaseMemory(leasesOf(path), origin);
      const leases = await LeaseMemory.open(leasesOf(path), origin);
      return new CheckpointMemory(path, lock, head, leases);
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  get head(): KeptHead {
    return this.#head;
  }

  /** Durable before it resolves; only then it counts. */
  remember({ origin, size, root }: Head): Promise<void> {
    return this.#write(() => ({ ...this.#head, origin, size, root, signatures: [] }));
  }

  /** Keeps a signature of the head, unless another head came meanwhile. */
  async keep(head: Head, given: HeadSignature): Promise<void> {
    await this.#write(() => {
      const kept = this.#head;
      if (kept.size !== head.size) return undefined;
      const others = kept.signatures.filter(({ kid }) => kid !== given.kid);
      return { ...kept, signatures: [...others, given].slice(-SIGNATURES_MAX) };
    });
  }

  async close(): Promise<void> {
    await this.#writing;
    this.leases.close();
    this.#lock.release();
  }

  #write(change: () => KeptHead | undefined): Promise<void> {
    const turn = this.#writing.then(async () => {
      const after = change();
      if (after === undefined) return;
      try {
        await writeDurably(this.#path, format(after));
      } catch (cause) {
        throw unusable(this.#path, 'cannot be written', cause);
      }
      this.#head = after;
    });
    this.#writing = turn.catch(() => undefined);
    return turn;
  }
}

/** What was signed last of a log. */
export interface LastSigned {
  readonly head: KeptHead;
  /** Leaf numbers of the leases that were signed and not seen in a head since. */
  readonly unproven: readonly number[];
  /** Hashes of those leaves, in the same order. */
  readonly unprovenHashes: readonly Uint8Array[];
  /** Another log took its place: nothing is signed for it any more. */
  readonly ended: boolean;
}

/**
 * What was signed last of a log, whether its memory was ended or not; to look at, not to sign by.
 *
 * @returns undefined when no memory says.
 */
export async function lastSigned(path: string, origin: string): Promise<LastSigned | undefined> {
  for (const [each, ended] of [
    [path, false],
    [endedOf(path), true],
  ] as const) {
    try {
      const head = await readCheckpointMemory(each, origin);
      const leases = head.version < VERSION ? [] : await readUnproven(leasesOf(path), origin);
      const unproven = leases.map(({ index }) => index);
      return { head, unproven, unprovenHashes: leases.map(({ hash }) => hash), ended };
    } catch {
      // It is lost, or half of it.
    }
  }
  return undefined;
}

async function readUnproven(path: string, origin: string): Promise<readonly RememberedLease[]> {
  const memory = await LeaseMemory.open(path, origin);
  memory.close();
  return memory.unproven;
}

/**
 * Reads the memory of a log, without its leases and without holding it.
 *
 * @throws WarderError `unavailable` when it is missing, damaged, or another log's.
 */
async function readCheckpointMemory(
  path: string,
  origin: string,
): Promise<KeptHead & { readonly version: number }> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw unusable(path, 'cannot be read', cause);
  }
  try {
    return parse(parseJson(text, { maxBytes: 16_384, maxDepth: 4 }), origin);
  } catch (cause) {
    throw unusable(path, 'is damaged or of another log', cause);
  }
}

function parse(json: Json, expected: string): KeptHead & { readonly version: number } {
  if (!isJsonObject(json)) throw new TypeError('no object');
  const { sum, ...content } = json;
  const { version, epoch, origin, size, root, signatures = [] } = content;
  if (version !== VERSION && version !== FIRST_VERSION) throw new TypeError('another version');
  if (version === VERSION && sum !== sumOf(content)) throw new TypeError('it was changed');
  if (origin !== expected) throw new TypeError('another log');
  if (!Number.isSafeInteger(size) || (size as number) < 0) throw new TypeError('no size');
  if (!Number.isSafeInteger(epoch) || (epoch as number) < 1) throw new TypeError('no epoch');
  const hash = typeof root === 'string' ? decodeBase64(root) : new Uint8Array();
  if (hash.length !== HASH_SIZE) throw new TypeError('no root');
  if (!Array.isArray(signatures)) throw new TypeError('no signatures');
  return {
    version,
    origin,
    epoch: epoch as number,
    size: size as number,
    root: hash,
    signatures: (signatures as readonly Json[]).map((given) => {
      if (!isJsonObject(given)) throw new TypeError('no signature');
      const { kid, signature } = given;
      if (typeof kid !== 'string' || typeof signature !== 'string') throw new TypeError('no text');
      return { kid, signature: decodeBase64url(signature) };
    }),
  };
}

function format({ origin, epoch, size, root, signatures }: KeptHead): string {
  const content = {
    version: VERSION,
    epoch,
    origin,
    size,
    root: encodeBase64(root),
    signatures: signatures.map(({ kid, signature }) => ({
      kid,
      signature: encodeBase64url(signature),
    })),
  };
  return `${JSON.stringify({ ...content, sum: sumOf(content) })}\n`;
}

/** Tells damage; who can write the file can write this too. */
function sumOf(content: JsonObject): string {
  return sha256Text(canonicalJson(content), 'hex');
}

/**
 * Keeps others from the memory of a log, whatever there is of it.
 *
 * @throws WarderError `unavailable` when another process holds it.
 */
export function lockMemory(path: string): FileLock {
  try {
    return lockFile(lockOf(path));
  } catch (cause) {
    if (!isHeld(cause)) throw unusable(path, 'cannot be locked', cause);
    throw new WarderError('unavailable', `another signer holds the memory \`${path}\``, {
      cause,
      hint: 'one process signs for a log: end the other, or ask it to sign',
    });
  }
}

function unusable(path: string, why: string, cause: unknown): WarderError {
  return new WarderError('unavailable', `the signer's memory \`${path}\` ${why}`, {
    hint: 'restore it from a backup; without it no checkpoint is signed',
    cause,
  });
}
