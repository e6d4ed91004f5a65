// Issuing a lease in two steps, so that its row and receipt are durable before a signature exists.

import { encodeBase64url } from '../../base/encoding/base64url.ts';
import { decodeHex } from '../../base/encoding/hex.ts';
import { decodeUtf8, encodeUtf8 } from '../../base/encoding/utf8.ts';
import { WarderError } from '../../base/errors/errors.ts';
import type { TenantId } from '../../base/store/store.ts';
import type { PublicJwk, Signer } from '../signer/signer.ts';
import { covers } from './action.ts';
import { joinChain } from './chain.ts';
import { assertCheckedLease } from './checked.ts';
import { parseClaims } from './claims.ts';
import { widening } from './lease-within.ts';
import type { Capability, ChainLink, CheckedLease, LeaseClaims, Rate } from './lease.ts';
import { stateKey } from './state-key.ts';
import { formatSigningInput, LEASE_TYPE, leaseDigest } from './token.ts';
import type { VerifiedLease } from './verify-lease.ts';

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
  readonly maxBytes?: number;
  readonly rate?: Rate;
  /** Seconds: latest `exp` it may ever have, signed anew or in leases made from it. */
  readonly maxExp?: number;
  /** How deep leases may be made from it; 0 when absent. */
  readonly delMax?: number;
  readonly delegatable?: boolean;
  /** Seconds: when it begins; now when absent. */
  readonly notBefore?: number;
  /** The lease it is made from, which it has to narrow. */
  readonly parent?: VerifiedLease;
}

/** Longest life of a lease that anybody may use who has it, seconds. */
export const BEARER_TTL_MAX = 300;

/** A lease complete but for its signature. */
export interface PreparedLease {
  readonly claims: LeaseClaims;
  readonly stateKey: string;
  readonly signingInput: string;
  /** SHA-256 of the signing input, hex; the subject of its receipt. */
  readonly digest: string;
  /** Thumbprint of the key that is to sign it. */
  readonly kid: string;
  /** Those it was made from, the root first. */
  readonly parents: readonly ChainLink[];
  /** Text of the chain it was made from: what convinces the signer, and what its own text starts with. */
  readonly parentText?: string;
}

/** The receipt of a lease where it stands in the log, durable. */
export interface LeaseLeaf {
  readonly index: number;
  readonly leaf: Uint8Array;
}

/** What a request to sign a lease carries. */
export interface LeaseEvidence {
  /** Number of its leaf. */
  readonly index?: number;
  /** Its leaf, canonical JSON. */
  readonly leaf?: string;
  /** Text of the chain it was made from. */
  readonly parent?: string;
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
  if (random.length !== 16) throw new RangeError('a lease takes 16 random bytes');
  const { parent } = terms;
  const second = Math.floor(now / 1000);
  const link = parent?.chain.at(-1);
  const depth = link === undefined ? 0 : link.claims.del_depth + 1;
  const begin = Math.max(terms.notBefore ?? second, second, link?.claims.nbf ?? 0);
  const claims = parseClaims({
    iss: terms.origin,
    sub: terms.principal,
    aud: terms.origin,
    jti: encodeBase64url(random),
    iat: second,
    nbf: begin,
    exp: begin + terms.ttlSeconds,
    tenant: terms.tenant,
    ...(terms.cnf === undefined ? {} : { cnf: terms.cnf }),
    authorization_details: terms.capabilities,
    ...(terms.task === undefined ? {} : { task: terms.task }),
    ...(terms.maxUses === undefined ? {} : { max_uses: terms.maxUses }),
    ...(terms.maxBytes === undefined ? {} : { max_bytes: terms.maxBytes }),
    ...(terms.rate === undefined ? {} : { rate: terms.rate }),
    ...(terms.maxExp === undefined ? {} : { max_exp: terms.maxExp }),
    ...(terms.delegatable === undefined ? {} : { delegatable: terms.delegatable }),
    ...(link === undefined ? {} : { par_hash: encodeBase64url(decodeHex(link.digest)) }),
    del_depth: depth,
    del_max: Math.max(terms.delMax ?? 0, depth),
  });
  if (claims.cnf === undefined && claims.exp - claims.iat > BEARER_TTL_MAX) {
    throw new WarderError(
      'malformed',
      `a lease without a holder lives at most ${BEARER_TTL_MAX} s`,
      {
        hint: 'bind it to a key or a connection, or ask for less time',
      },
    );
  }
  const wider = link === undefined ? undefined : widening(claims, link.claims);
  if (wider !== undefined) {
    throw new WarderError('lease-refused', `the new lease is wider than its parent: ${wider}`, {
      hint: 'ask for no more than the parent has',
    });
  }
  return prepared(claims, key, parent);
}

/**
 * The same lease to be signed anew with a later end: as long from now as it was made for, and never beyond
 * its `max_exp`.
 *
 * @throws WarderError `lease-refused` unless it may be refreshed.
 */
export function prepareRenewal(lease: CheckedLease, key: PublicJwk, now: number): PreparedLease {
  assertCheckedLease(lease);
  const { claims, chain } = lease;
  const capabilities = claims.authorization_details;
  if (chain.length > 1 || !covers(capabilities, { type: 'lease.refresh' }, now)) {
    throw new WarderError('lease-refused', 'the lease may not be refreshed', {
      hint: 'ask for a lease with the capability `lease.refresh` and a `max_exp`',
    });
  }
  const second = Math.floor(now / 1000);
  const exp = Math.min(second + claims.exp - claims.nbf, claims.max_exp ?? claims.exp);
  if (exp <= claims.exp) {
    throw new WarderError('lease-refused', 'the lease has reached its `max_exp`', {
      hint: 'ask for a new lease',
    });
  }
  const nbf = Math.max(claims.nbf, second);
  return prepared(parseClaims({ ...claims, iat: second, nbf, exp }), key, undefined);
}

function prepared(
  claims: LeaseClaims,
  key: PublicJwk,
  parent: VerifiedLease | undefined,
): PreparedLease {
  if (key.alg === 'ES384') {
    throw new WarderError('unavailable', 'leases are signed with ES256 or EdDSA, not ES384', {
      hint: 'make the signing key an ES256 key',
    });
  }
  const header = { alg: key.alg, kid: key.kid, typ: LEASE_TYPE } as const;
  const signingInput = formatSigningInput(header, claims);
  return Object.freeze({
    claims,
    stateKey: stateKey(claims.jti, parent?.stateKey),
    signingInput,
    digest: leaseDigest(signingInput),
    kid: key.kid,
    parents: parent?.chain ?? [],
    ...(parent === undefined ? {} : { parentText: parent.text }),
  });
}

/**
 * Asks for the signature. Only after row and receipt of the lease are durable.
 *
 * @param receipt the leaf that says it; a signer with a memory of the log signs nothing without.
 * @returns the token, after those it was made from.
 * @throws whatever {@link Signer.sign} throws.
 */
export async function signLease(
  prepared: PreparedLease,
  signer: Signer,
  receipt?: LeaseLeaf,
): Promise<string> {
  const { signingInput, parentText } = prepared;
  const evidence: LeaseEvidence = {
    ...(receipt === undefined ? {} : { index: receipt.index, leaf: decodeUtf8(receipt.leaf) }),
    ...(parentText === undefined ? {} : { parent: parentText }),
  };
  const signature = await signer.sign({
    kind: 'lease',
    payload: encodeUtf8(signingInput),
    evidence,
  });
  const token = `${signingInput}.${encodeBase64url(signature)}`;
  return parentText === undefined ? token : joinChain(parentText, token);
}
