// Keys of holders as they stand in leases and proofs: public, in one spelling, of the two kinds allowed.

import { decodeBase64url } from '../../base/encoding/base64url.ts';
import { canonicalJson } from '../../base/encoding/jcs.ts';
import { sha256Text } from '../../base/encoding/sha256.ts';
import { WarderError } from '../../base/errors/errors.ts';
import { isWeakPoint } from '../verify/ed25519-point.ts';
import { parseJwk } from '../verify/jwk.ts';
import type { RawKey } from '../verify/spki.ts';
import type { HolderJwk } from './lease.ts';

/** Exactly the members of each kind of key; `d` above all is not among them. */
const MEMBERS = { 'EC P-256': 'crv,kty,x,y', 'OKP Ed25519': 'crv,kty,x' } as const;

/** Reads a key: no member but those its thumbprint is over, canonical, no point of low order. */
export function parseHolderJwk(json: unknown): HolderJwk | undefined {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return undefined;
  const { kty, crv, x, y } = json as Readonly<Record<string, unknown>>;
  const kind = `${String(kty)} ${String(crv)}`;
  if (kind !== 'EC P-256' && kind !== 'OKP Ed25519') return undefined;
  if (Object.keys(json).sort().join() !== MEMBERS[kind]) return undefined;
  const point = coordinate(x);
  if (point === undefined) return undefined;
  if (kind === 'OKP Ed25519') {
    return isWeakPoint(point)
      ? undefined
      : Object.freeze({ kty: 'OKP', crv: 'Ed25519', x: String(x) });
  }
  if (coordinate(y) === undefined) return undefined;
  return Object.freeze({ kty: 'EC', crv: 'P-256', x: String(x), y: String(y) });
}

/** RFC 7638 thumbprint, base64url. */
export function thumbprint({ kty, crv, x, y }: HolderJwk): string {
  return sha256Text(canonicalJson({ kty, crv, x, ...(y === undefined ? {} : { y }) }), 'base64url');
}

/** The key's bytes, to verify with. */
export function rawHolderKey(jwk: HolderJwk): RawKey {
  return parseJwk({ ...jwk });
}

function coordinate(text: unknown): Uint8Array | undefined {
  if (typeof text !== 'string' || text.length !== 43) return undefined;
  try {
    return decodeBase64url(text);
  } catch (error) {
    if (error instanceof WarderError) return undefined;
    throw error;
  }
}
