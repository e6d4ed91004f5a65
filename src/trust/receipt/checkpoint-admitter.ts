// Lets a checkpoint be signed only when it grows from the last one signed: no fork, no rollback.

import { decodeBase64, encodeBase64 } from '../../base/encoding/base64.ts';
import { sameBytes } from '../../base/encoding/sha256.ts';
import { decodeUtf8 } from '../../base/encoding/utf8.ts';
import { asWarderError, WarderError } from '../../base/errors/errors.ts';
import type { Admitter, SignRequest } from '../signer/signer.ts';
import { formatHead, type Head, parseHead } from '../verify/checkpoint.ts';
import { verifyConsistency } from '../verify/merkle.ts';
import { readCheckpointMemory, writeCheckpointMemory } from './checkpoint-memory.ts';

/** What a request to sign a checkpoint carries. */
export interface CheckpointEvidence {
  /** Size of the last head the signer let be signed. */
  readonly from: number;
  /** Consistency proof from there, base64. */
  readonly proof: readonly string[];
}

/** Evidence from a proof. */
export function checkpointEvidence(from: number, proof: readonly Uint8Array[]): CheckpointEvidence {
  return { from, proof: proof.map((hash) => encodeBase64(hash)) };
}

/**
 * Opens the admitter of one log. Both keys of a log share one: they sign the same heads.
 *
 * @param path the memory file, made by {@link createCheckpointMemory}.
 * @throws WarderError `unavailable` when the memory cannot be used.
 */
export async function openCheckpointAdmitter(path: string, origin: string): Promise<Admitter> {
  return new CheckpointAdmitter(path, await readCheckpointMemory(path, origin));
}

class CheckpointAdmitter implements Admitter {
  readonly kind = 'checkpoint';
  readonly #path: string;
  #last: Head;
  #queue: Promise<void> = Promise.resolve();

  constructor(path: string, last: Head) {
    this.#path = path;
    this.#last = last;
  }

  /** One at a time: what is compared must be what is remembered. */
  admit(request: SignRequest): Promise<void> {
    const turn = this.#queue.then(() => this.#admit(request));
    this.#queue = turn.catch(() => undefined);
    return turn;
  }

  async #admit({ payload, evidence }: SignRequest): Promise<void> {
    const next = readHead(payload);
    const last = this.#last;
    if (next.origin !== last.origin) refuse('the checkpoint is of another log', last);
    if (next.size === last.size && sameBytes(next.root, last.root)) return;
    const { from, proof } = readEvidence(evidence, last);
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
    // First remembered, then signed: a crash in between costs nothing but this one signature.
    await writeCheckpointMemory(this.#path, next);
    this.#last = next;
  }
}

function readHead(payload: Uint8Array): Head {
  const text = decodeUtf8(payload);
  const head = parseHead(text);
  if (formatHead(head) === text) return head;
  throw new WarderError('not-trusted', 'a checkpoint with extension lines is not signed');
}

function readEvidence(
  evidence: unknown,
  last: Head,
): { readonly from: unknown; readonly proof: readonly Uint8Array[] } {
  const { from, proof } = (evidence ?? {}) as Partial<Record<keyof CheckpointEvidence, unknown>>;
  if (!Array.isArray(proof) || proof.length > 64) refuse('there is no consistency proof', last);
  try {
    return { from, proof: proof.map((hash) => decodeBase64(String(hash))) };
  } catch (cause) {
    return refuse('the consistency proof does not parse', last, cause);
  }
}

function refuse(why: string, last: Head, cause?: unknown): never {
  throw new WarderError('not-trusted', `the signer refuses the checkpoint: ${why}`, {
    hint: 'the log must continue the history signed so far; if leaves are lost, a new log is needed',
    data: { signedSize: last.size },
    ...(cause === undefined ? {} : { cause }),
  });
}
