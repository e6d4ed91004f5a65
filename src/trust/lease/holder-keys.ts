// Keys of holders ready to verify with. The last ones are kept: a holder signs each of its calls.

import { importKey, type VerifyKey } from '../verify/signature.ts';
import { rawHolderKey, thumbprint } from './holder-jwk.ts';
import type { HolderJwk } from './lease.ts';

/** A holder's key with its name. */
export interface KnownHolder {
  /** RFC 7638 thumbprint. */
  readonly jkt: string;
  /** @throws WarderError `malformed` for a point that is not on its curve. */
  key(): Promise<VerifyKey>;
}

const KEPT = 256;
const known = new Map<string, KnownHolder>();

/** The key a token names; what it is called follows from what it is, so that nothing here grows old. */
export function knownHolder(jwk: HolderJwk): KnownHolder {
  const name = `${jwk.crv} ${jwk.x} ${jwk.y ?? ''}`;
  const before = known.get(name);
  if (before !== undefined) return before;
  let imported: Promise<VerifyKey> | undefined;
  const holder: KnownHolder = Object.freeze({
    jkt: thumbprint(jwk),
    key: () => (imported ??= importKey(rawHolderKey(jwk))),
  });
  if (known.size >= KEPT) {
    // Maps keep their order: the first is the oldest.
    for (const oldest of known.keys()) {
      known.delete(oldest);
      break;
    }
  }
  known.set(name, holder);
  return holder;
}
