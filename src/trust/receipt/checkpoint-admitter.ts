// Lets a checkpoint be signed only when it grows from the last one signed, and holds every lease signed before
// that one: no fork, no rollback, no lease left out.

import { decodeBase64, encodeBase64 } from '../../base/encoding/base64.ts';
import { sameBytes } from '../../base/encoding/sha256.ts';
import { decodeUtf8 } from '../../base/encoding/utf8.ts';
import { asWarderError, WarderError } from '../../base/errors/errors.ts';
import type { Admitter, KeepingAdmitter, PublicJwk, SignRequest } from '../signer/signer.ts';
import { formatHead, type Head, parseHead } from '../verify/checkpoint.ts';
import { verifyConsistency } from '../verify/merkle.ts';
import { CheckpointMemory } from './checkpoint-memory.ts';
import type { HeadMemory, SignedHead } from './head-memory.ts';
import { rootOfLeaves } from './leaf-set.ts';
import { leaseLeafAdmitter } from './lease-leaf-admitter.ts';
import type { RememberedLease } from './lease-memory.ts';
import { UNPROVEN_MAX } from './lease-memory.ts';
import type { ShownRotation } from './rotation-leaf.ts';

/** What a request to sign a checkpoint carries. Hashes are base64. */
export interface CheckpointEvidence {
  /** Size of the last head the signer let be signed. */
  readonly from: number;
  /** Consistency proof from there. */
  readonly proof: readonly string[];
  /** Numbers of the leases' leaves that are shown to be in the head, ascending. */
  readonly leases: readonly number[];
  /** What shows it: {@link proveLeaves}. */
  readonly leaseProof: readonly string[];
  /** That a new log key is in the log, for a signer that asks for it. */
  readonly rotation?: ShownRotation;
}

const PROOF_MAX = 64;
/** No leaf needs more hashes than there are levels. */
const LEASE_PROOF_MAX = 16 * UNPROVEN_MAX;
const NO_LEASES = { leases: [], proof: [] } as const;

/** Evidence from proofs. */
export function checkpointEvidence(
  from: number,
  proof: readonly Uint8Array[],
  shown: { readonly leases: readonly number[]; readonly proof: readonly Uint8Array[] } = NO_LEASES,
  rotation?: ShownRotation,
): CheckpointEvidence {
  return {
    from,
    proof: proof.map((hash) => encodeBase64(hash)),
    leases: shown.leases,
    leaseProof: shown.proof.map((hash) => encodeBase64(hash)),
    ...(rotation === undefined ? {} : { rotation }),
  };
}

/** The signer's memory of a log at work. */
export interface LogAdmitter extends KeepingAdmitter, HeadMemory {
  /** Goes before the keys that sign leases: without it a lease may be left out of the log. */
  readonly leases: Admitter;
  /** Lets another process have the memory. */
  close(): Promise<void>;
}

/**
 * Opens the admitter of one log. All keys of a log share one: they sign the same heads.
 *
 * @param path the memory file, made by {@link createCheckpointMemory}; no other process gets it meanwhile.
 * @throws WarderError `unavailable` when the memory cannot be used.
 */
export async function openCheckpointAdmitter(path: string, origin: string): Promise<LogAdmitter> {
  return new CheckpointAdmitter(await CheckpointMemory.open(path, origin));
}

class CheckpointAdmitter implements LogAdmitter {
  readonly kind = 'checkpoint';
  readonly leases: Admitter;
  readonly #memory: CheckpointMemory;
  #queue: Promise<void> = Promise.resolve();

  constructor(memory: CheckpointMemory) {
    this.#memory = memory;
    this.leases = leaseLeafAdmitter(memory);
  }

  /** One at a time: what is compared must be what is remembered. */
  admit(request: SignRequest): Promise<void> {
    const turn = this.#queue.then(() => this.#admit(request));
    this.#queue = turn.catch(() => undefined);
    return turn;
  }

  kept({ payload }: SignRequest, key: PublicJwk): Uint8Array | undefined {
    const { head } = this.#memory;
    if (formatHead(head) !== decodeUtf8(payload)) return undefined;
    return head.signatures.find(({ kid }) => kid === key.kid)?.signature;
  }

  async keep({ payload }: SignRequest, { kid }: PublicJwk, signature: Uint8Array): Promise<void> {
    const head = parseHead(decodeUtf8(payload));
    // The signature is good whether it is kept or not.
    await this.#memory.keep(head, { kid, signature }).catch(() => undefined);
  }

  async last(): Promise<SignedHead> {
    // Whoever asks between two steps of a request gets what it comes to.
    await this.#queue;
    const { unproven } = this.#memory.leases;
    return {
      ...this.#memory.head,
      unproven: unproven.map(({ index }) => index),
      unprovenHashes: unproven.map(({ hash }) => hash),
    };
  }

  close(): Promise<void> {
    return this.#memory.close();
  }

  async #admit({ payload, evidence }: SignRequest): Promise<void> {
    const next = readHead(payload);
    const last = this.#memory.head;
    if (next.origin !== last.origin) refuse('the checkpoint is of another log', last);
    if (next.size === last.size && sameBytes(next.root, last.root)) return;
    const { from, proof, ...shown } = readEvidence(evidence, last);
    if (from !== last.size)
      refuse(`the proof is not from the ${last.size} leaves last signed`, last);
    try {
      verifyConsistency({
        earlierSize: last.size,
        earlierRoot: last.root,
        size: next.size,
        root: next.root,
        proof,
      });
    } catch (cause) {
      refuse(asWarderError(cause).message, last, cause);
    }
    const proven = this.#provenLeases(next, last, shown);
    // First remembered, then signed: a crash in between costs nothing but this one signature.
    await this.#memory.remember(next);
    this.#memory.leases.forget(proven);
  }

  /** Those the head is shown to hold; every one that was signed before the last head has to be among them. */
  #provenLeases(
    next: Head,
    last: Head,
    { leases, leaseProof }: Pick<Evidence, 'leases' | 'leaseProof'>,
  ): readonly RememberedLease[] {
    const { unproven } = this.#memory.leases;
    const shown = unproven.filter(({ index }) => leases.has(index));
    if (shown.length !== leases.size) refuse('it shows leaves nobody asked for', last);
    const left = unproven.find(({ since, index }) => since < last.size && !leases.has(index));
    if (left !== undefined) {
      refuse(`it does not show leaf ${left.index}, of a lease that was signed`, last);
    }
    if (shown.length === 0) return shown;
    const root = rootOfLeaves(shown, next.size, leaseProof);
    if (root === undefined || !sameBytes(root, next.root)) {
      refuse('the leases that were signed are not shown to be in it', last);
    }
    return shown;
  }
}

function readHead(payload: Uint8Array): Head {
  const text = decodeUtf8(payload);
  const head = parseHead(text);
  if (formatHead(head) === text) return head;
  throw new WarderError('not-trusted', 'a checkpoint with extension lines is not signed');
}

interface Evidence {
  readonly from: unknown;
  readonly proof: readonly Uint8Array[];
  readonly leases: ReadonlySet<number>;
  readonly leaseProof: readonly Uint8Array[];
}

function readEvidence(evidence: unknown, last: Head): Evidence {
  const given = (evidence ?? {}) as Partial<Record<keyof CheckpointEvidence, unknown>>;
  const { from, proof, leases = [], leaseProof = [] } = given;
  if (!isShortList(proof, PROOF_MAX)) refuse('there is no consistency proof', last);
  if (!isShortList(leases, UNPROVEN_MAX * 2) || !isShortList(leaseProof, LEASE_PROOF_MAX)) {
    refuse('there is no proof of its leases', last);
  }
  if (!leases.every((index): index is number => Number.isSafeInteger(index))) {
    refuse('a leaf number is none', last);
  }
  try {
    const [hashes, shown] = [proof, leaseProof].map((list) =>
      list.map((hash) => decodeBase64(String(hash))),
    );
    return { from, proof: hashes ?? [], leases: new Set(leases), leaseProof: shown ?? [] };
  } catch (cause) {
    return refuse('the proof does not parse', last, cause);
  }
}

function isShortList(value: unknown, most: number): value is readonly unknown[] {
  return Array.isArray(value) && value.length <= most;
}

function refuse(why: string, last: Head, cause?: unknown): never {
  throw new WarderError('not-trusted', `the signer refuses the checkpoint: ${why}`, {
    hint: 'the log must continue the history signed so far; if leaves are lost, a new log is needed: see `warder receipts new-log --help`',
    data: { signedSize: last.size },
    ...(cause === undefined ? {} : { cause }),
  });
}
