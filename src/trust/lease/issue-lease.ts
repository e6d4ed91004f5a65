// Issuing a root lease in two steps, so that its row and receipt are durable before a signature exists.

import { encodeBase64url } from '../../base/encoding/base64url.ts';
import { encodeUtf8 } from '../../base/encoding/utf8.ts';
import { WarderError } from '../../base/errors/errors.ts';
import type { TenantId } from '../../base/store/store.ts';
import type { PublicJwk, Signer } from '../signer/signer.ts';
import { parseClaims } from './claims.ts';
import type { Capability, LeaseClaims } from './lease.ts';
import { stateKey } from './state-key.ts';
import { formatSigningInput, LEASE_TYPE, leaseDigest } from './token.ts';

/** What a new lease is to say. */
export interface LeaseTerms {
  /** The daemon's log origin: issuer and audience. */
  readonly origin: string;
  readonly principal: string;
  readonly tenant: TenantId;
  readonly capabilities: readonly Capability[];
  /** Whole seconds, at most a day. */
  readonly ttlSeconds: number;
  readonly cnf?: NonNullable<LeaseClaims['cnf']>;
  readonly task?: string;
  readonly maxUses?: number;
}

/** A lease complete but for its signature. */
export interface PreparedLease {
  readonly claims: LeaseClaims;
  readonly stateKey: string;
  readonly signingInput: string;
  /** SHA-256 of the signing input, hex; the subject of its receipt. */
  readonly digest: string;
}

/**
 * Builds claims and signing input. Time and randomness are handed in.
 *
 * @param now wall milliseconds.
 * @param random 16 bytes.
 * @throws WarderError `malformed` for terms no lease can have; `unavailable` for a key that signs none.
 */
export function prepareLease(
  terms: LeaseTerms,
  key: PublicJwk,
  now: number,
  random: Uint8Array,
): PreparedLease {
  if (key.alg === 'ES384') {
    throw new WarderError('unavailable', 'leases are signed with ES256 or EdDSA, not ES384', {
      hint: 'make the signing key an ES256 key',
    });
  }
  if (random.length !== 16) throw new RangeError('a lease takes 16 random bytes');
  const second = Math.floor(now / 1000);
  const claims = parseClaims({
    iss: terms.origin,
    sub: terms.principal,
    aud: terms.origin,
    jti: encodeBase64url(random),
    iat: second,
    nbf: second,
    exp: second + terms.ttlSeconds,
    tenant: terms.tenant,
    ...(terms.cnf === undefined ? {} : { cnf: terms.cnf }),
    authorization_details: terms.capabilities,
    ...(terms.task === undefined ? {} : { task: terms.task }),
    ...(terms.maxUses === undefined ? {} : { max_uses: terms.maxUses }),
    del_depth: 0,
    del_max: 0,
  });
  const header = { alg: key.alg, kid: key.kid, typ: LEASE_TYPE } as const;
  const signingInput = formatSigningInput(header, claims);
  return Object.freeze({
    claims,
    stateKey: stateKey(claims.jti),
    signingInput,
    digest: leaseDigest(signingInput),
  });
}

/**
 * Asks for the signature. Only after row and receipt of the lease are durable.
 *
 * @returns the token.
 * @throws whatever {@link Signer.sign} throws.
 */
export async function signLease(prepared: PreparedLease, signer: Signer): Promise<string> {
  const { signingInput } = prepared;
  const signature = await signer.sign({ kind: 'lease', payload: encodeUtf8(signingInput) });
  return `${signingInput}.${encodeBase64url(signature)}`;
}
