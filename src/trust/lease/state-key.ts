// What the state of a lease is kept under: a name its holder cannot choose to collide with another.

import { decodeHex, encodeHex } from '../../base/encoding/hex.ts';
import { sha256, sha256Text } from '../../base/encoding/sha256.ts';
import { encodeUtf8 } from '../../base/encoding/utf8.ts';

/** Parent state key of a root lease: 32 zero bytes, as text. */
const ROOT = '\0'.repeat(32);

/**
 * SHA-256(parent state key ‖ jti), hex. A holder chooses the `jti` of the children it signs, so the key
 * goes through the parent: two holders cannot share, reset or revoke each other's state.
 *
 * @param parent state key of the parent, hex; absent for a root.
 */
export function stateKey(jti: string, parent?: string): string {
  if (parent === undefined) return sha256Text(ROOT + jti, 'hex');
  return encodeHex(sha256(decodeHex(parent), encodeUtf8(jti)));
}
