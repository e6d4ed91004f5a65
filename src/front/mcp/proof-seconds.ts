// How long an answer waits for its proof.

import type { Json } from '../../base/encoding/json.ts';
import { WarderError } from '../../base/errors/errors.ts';
import { type AwaitedProof, awaited } from '../../gate/awaited-proof.ts';
import type { Caller } from '../../gate/door.ts';
import type { ReceiptDoor } from '../../gate/receipt-door.ts';

/** Longest wait, seconds. */
const PROOF_SECONDS_MAX = 600;

/** Whether a value says how long to wait. */
export function isProofSeconds(value: unknown): value is number {
  return (
    Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= PROOF_SECONDS_MAX
  );
}

/** @throws WarderError `malformed` for what does not. */
export function readProofSeconds(value: Json): number {
  if (isProofSeconds(value)) return value;
  throw new WarderError(
    'malformed',
    `seconds to wait for a proof are a whole number from 0 to ${PROOF_SECONDS_MAX}`,
  );
}

/** Waits for the proof of a receipt the caller was just given. */
export function awaitProof(
  receipts: ReceiptDoor,
  caller: Caller,
  id: string,
  seconds: number,
  signal: AbortSignal,
): Promise<AwaitedProof> {
  const over = AbortSignal.any([signal, AbortSignal.timeout(seconds * 1000)]);
  return awaited(receipts.proof(caller, id, over));
}
