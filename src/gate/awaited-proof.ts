// Waiting for the proof of a call only so long: the call itself is done either way.

import { asWarderError, type ErrorJson, WarderError } from '../base/errors/errors.ts';

/** A proof, or why there is none yet. */
export type AwaitedProof = { readonly proof: string } | { readonly proofError: ErrorJson };

/** A proof, waited for so many seconds at most. */
export function proofOrError(proof: Promise<string>, seconds: number): Promise<AwaitedProof> {
  return awaited(withinTime(proof, AbortSignal.timeout(seconds * 1000)));
}

/** What came of waiting. */
export function awaited(proof: Promise<string>): Promise<AwaitedProof> {
  return proof.then(
    (text) => ({ proof: text }),
    (error: unknown) => ({ proofError: asWarderError(error).toJSON() }),
  );
}

/**
 * What `work` resolves to.
 *
 * @throws WarderError `unavailable` when the signal is aborted first; the work goes on.
 */
export async function withinTime<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: over, reject } = Promise.withResolvers<never>();
  const late = (): void =>
    reject(
      new WarderError('unavailable', 'the checkpoint that covers the receipt takes longer', {
        hint: 'the receipt is durable: ask for its proof later',
      }),
    );
  if (signal.aborted) late();
  signal.addEventListener('abort', late, { once: true });
  // Whichever is not waited for any more may fail unheard.
  work.catch(() => undefined);
  try {
    return await Promise.race([work, over]);
  } finally {
    signal.removeEventListener('abort', late);
  }
}
