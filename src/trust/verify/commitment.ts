// Salted commitments: what a leaf holds in place of values that not every reader may see.

import { decodeHex, encodeHex } from '../../base/encoding/hex.ts';
import { canonicalBytes } from '../../base/encoding/jcs.ts';
import type { Json } from '../../base/encoding/json.ts';
import { sha256 } from '../../base/encoding/sha256.ts';
import { WarderError } from '../../base/errors/errors.ts';
import type { Commitment } from './leaf.ts';

/** Bytes of a salt. */
export const SALT_SIZE = 16;

/** What opens a commitment: handed to a reader who may see the value. */
export interface Opening {
  /** 32 hex digits. */
  readonly salt: string;
  readonly value: Json;
}

/** SHA-256(salt ‖ canonical JSON of the value), hex. */
function commitTo(salt: Uint8Array, value: unknown): Commitment {
  return encodeHex(sha256(salt, canonicalBytes(value)));
}

/** @throws WarderError `verification-failed` when the opening is of another value; `malformed`. */
export function verifyOpening(commitment: Commitment, opening: Opening): void {
  const salt = decodeHex(opening.salt);
  if (salt.length !== SALT_SIZE) throw new WarderError('malformed', 'a salt has 16 bytes');
  if (commitTo(salt, opening.value) !== commitment) {
    throw new WarderError('verification-failed', 'the value is not the one committed to');
  }
}
