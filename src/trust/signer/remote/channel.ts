// A way to a signer process: one request, one answer.

import type { Json } from '../../../base/encoding/json.ts';
import type { SignerRequest } from './protocol.ts';

export interface SignerChannel {
  /** Where it leads, for people. */
  readonly name: string;
  /**
   * Asks once. Nothing is asked a second time by itself: who asks knows what that would mean.
   *
   * @returns the answer; its form is for the caller to check.
   * @throws WarderError what the signer process refuses with; `unavailable` when it cannot be reached or is
   *   silent, with its class in `data.signer`.
   */
  ask(request: SignerRequest): Promise<Json>;
  close(): Promise<void>;
}

/** How long an answer may take, milliseconds: 512 signatures of a slow device stand in one line. */
export const ANSWER_MS = 120_000;
/** How long a signer process that is not there is waited for: it may be starting again. */
const PATIENCE_MS = 2_000;
const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 400;

/** Pauses between tries to reach a signer process: each twice as long as the one before, until time is up. */
export function* pauses(): Generator<number> {
  let spent = 0;
  for (let ms = FIRST_PAUSE_MS; spent < PATIENCE_MS; ms = Math.min(ms * 2, LONGEST_PAUSE_MS)) {
    yield ms;
    spent += ms;
  }
}

/** Resolves after so many milliseconds. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
