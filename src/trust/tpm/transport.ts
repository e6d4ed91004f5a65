// The way to a TPM: a command goes out whole, its response comes back whole.

import { TpmFailure } from './tpm-failure.ts';

/** Carries one command after the other. Who calls waits for the response before the next command. */
export interface TpmTransport {
  /** Where the TPM is, for messages. */
  readonly place: string;
  /**
   * Whether nobody else gets at the TPM while we are connected: no resource manager stands between. It then has
   * room for three objects and three sessions.
   */
  readonly exclusive: boolean;
  /**
   * Connects where there is no connection. After a failure there is none.
   *
   * @param ms for all of it.
   * @throws TpmFailure `gone`, `slow`, `untrue`.
   */
  exchange(command: Uint8Array, ms: number): Promise<Uint8Array>;
  /** Ends the connection; the next {@link exchange} makes another. */
  disconnect(): Promise<void>;
}

/** Tag, size and response code. */
const HEADER = 10;
/** Largest response, bytes: what the reference implementation and the kernel have room for. */
export const RESPONSE_MAX = 4096;

/**
 * How long a response is, by what came of it; undefined while that is not known.
 *
 * @throws TpmFailure `untrue` for a length no TPM answers with.
 */
export function responseLength(start: Uint8Array): number | undefined {
  if (start.length < HEADER) return undefined;
  const length = new DataView(start.buffer, start.byteOffset).getUint32(2);
  if (length < HEADER || length > RESPONSE_MAX) {
    throw new TpmFailure('untrue', `not a TPM: it announces a response of ${length} bytes`);
  }
  return length;
}
