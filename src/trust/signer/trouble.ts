// What can be wrong with the device behind a key, in four classes that call for four different things.

import { WarderError } from '../../base/errors/errors.ts';

/**
 * - `transient`: it may pass by itself; asking again later is right.
 * - `auth`: PIN or auth value is wrong, or the token is locked. Never tried again by itself: each try counts
 *   against a lockout.
 * - `removed`: the device, token or key is gone. It may come back.
 * - `misconfigured`: an operator has to change something first.
 */
export type SignerTrouble = 'transient' | 'auth' | 'removed' | 'misconfigured';

/** An `unavailable` error with its class in `data.signer`. The hint names the remedy. */
export function signerTrouble(
  trouble: SignerTrouble,
  message: string,
  details: { readonly hint: string; readonly cause?: unknown },
): WarderError {
  return new WarderError('unavailable', message, { ...details, data: { signer: trouble } });
}

/** Whether asking again later may help by itself: a device that is away comes back, a PIN that is wrong stays so. */
export function isPassing(error: unknown): boolean {
  const trouble = error instanceof WarderError ? error.data['signer'] : undefined;
  return trouble === 'transient' || trouble === 'removed';
}
