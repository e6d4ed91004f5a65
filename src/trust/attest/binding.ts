// What evidence is bound to, so that it cannot be older: a verifier's nonce, or a signed checkpoint.

import { decodeHex, encodeHex } from '../../base/encoding/hex.ts';
import { sha256 } from '../../base/encoding/sha256.ts';
import { encodeUtf8 } from '../../base/encoding/utf8.ts';
import type { JsonObject } from '../../base/encoding/json.ts';
import { WarderError } from '../../base/errors/errors.ts';

/** Bytes of a nonce: enough to be fresh, and no more than a TPM takes. */
const NONCE_MIN = 16;
const NONCE_MAX = 64;

/** Hex: chosen by the verifier, or SHA-256 of a checkpoint. */
export type Binding = { readonly nonce: string } | { readonly checkpoint: string };

/** Binds to a verifier's nonce. @param hex as the verifier gave it. @throws WarderError `usage`. */
export function nonceBinding(hex: string): Binding {
  const nonce = hex.toLowerCase();
  if (!isNonce(nonce)) {
    throw new WarderError('usage', `a nonce is ${NONCE_MIN} to ${NONCE_MAX} bytes in hex`, {
      hint: 'make one with `openssl rand -hex 32`, and use it once',
    });
  }
  return { nonce };
}

/** Binds to a checkpoint: evidence bound so is younger than its signatures. @param note the whole note. */
export function checkpointBinding(note: string): Binding {
  return { checkpoint: encodeHex(sha256(encodeUtf8(note))) };
}

/** The bytes a TPM is given as `qualifyingData`. */
export function boundBytes(binding: Binding): Uint8Array<ArrayBuffer> {
  return decodeHex('nonce' in binding ? binding.nonce : binding.checkpoint);
}

/** Reads one of the two members. @throws WarderError `malformed`. */
export function parseBinding({ nonce, checkpoint }: JsonObject): Binding {
  if (checkpoint === undefined && typeof nonce === 'string' && isNonce(nonce)) return { nonce };
  if (nonce === undefined && typeof checkpoint === 'string' && /^[0-9a-f]{64}$/.test(checkpoint)) {
    return { checkpoint };
  }
  throw new WarderError('malformed', 'it is bound to neither a nonce nor a checkpoint');
}

/** Whether evidence is bound to what the verifier wants. */
export function sameBinding(left: Binding, right: Binding): boolean {
  return 'nonce' in left
    ? 'nonce' in right && left.nonce === right.nonce
    : 'checkpoint' in right && left.checkpoint === right.checkpoint;
}

function isNonce(hex: string): boolean {
  const bytes = hex.length / 2;
  return bytes >= NONCE_MIN && bytes <= NONCE_MAX && /^(?:[0-9a-f]{2})+$/.test(hex);
}
