// Verifies a lease by itself: form, key, signature, times, audience. Pure: nothing about its state is asked.

import { encodeUtf8 } from '../../base/encoding/utf8.ts';
import { WarderError } from '../../base/errors/errors.ts';
import type { TrustedKeys } from '../verify/keys.ts';
import { holds } from '../verify/signature.ts';
import type { LeaseClaims } from './lease.ts';
import { stateKey } from './state-key.ts';
import { leaseDigest, parseLease } from './token.ts';

/** How far ahead of us an issuer's clock may be, milliseconds. */
const CLOCK_SKEW_MS = 60_000;

/** Where and when a lease is to hold. */
export interface LeaseExpectations {
  /** Wall milliseconds. */
  readonly now: number;
  /** The daemon asked: its log origin. */
  readonly audience: string;
}

/** A lease whose signature, times and audience hold. Revocation and uses are the book's to say. */
export interface VerifiedLease {
  readonly claims: LeaseClaims;
  /** Thumbprint of the key it is signed with. */
  readonly kid: string;
  /** SHA-256 of the signing input, hex. */
  readonly digest: string;
  readonly stateKey: string;
}

/**
 * @throws WarderError `malformed` (the token), `not-trusted` (unknown key, key without the role, other
 *   algorithm than the key's), `verification-failed` (the signature), `lease-refused` (times, audience,
 *   delegation).
 */
export async function verifyLease(
  token: string,
  keys: TrustedKeys,
  expected: LeaseExpectations,
): Promise<VerifiedLease> {
  const { header, claims, signingInput, signature } = parseLease(token);
  const key = keys.find(({ kid }) => kid === header.kid);
  if (key === undefined) distrust('is signed with a key that is not trusted here');
  if (!key.roles.includes('lease')) distrust('is signed with a key that does not sign leases');
  // The key says which algorithm; the header may only agree.
  if (key.alg !== header.alg) distrust('names another algorithm than that of its key');
  if (!(await holds(key, encodeUtf8(signingInput), signature))) {
    throw new WarderError('verification-failed', 'the signature of the lease does not hold', {
      hint: 'the token was changed: ask for a new lease',
    });
  }
  checkTimes(claims, expected.now);
  if (claims.aud !== expected.audience || claims.iss !== expected.audience) {
    refuse('is for another daemon', 'ask the daemon you call for a lease');
  }
  if (claims.del_depth > 0) {
    refuse('is delegated, which this version does not take', 'use the lease it was made from');
  }
  const digest = leaseDigest(signingInput);
  return Object.freeze({ claims, kid: header.kid, digest, stateKey: stateKey(claims.jti) });
}

/** @throws WarderError `lease-refused` unless `nbf <= now < exp` and `iat` is not in the future. */
export function checkTimes(claims: LeaseClaims, now: number): void {
  if (!Number.isFinite(now)) throw new WarderError('internal', 'the time handed in is no number');
  if (now >= claims.exp * 1000) refuse('has expired', 'ask for a new lease');
  if (now < claims.nbf * 1000 || now < claims.iat * 1000 - CLOCK_SKEW_MS) {
    refuse('is not valid yet', 'wait, or check the clocks of both machines');
  }
}

function refuse(why: string, hint: string): never {
  throw new WarderError('lease-refused', `the lease ${why}`, { hint });
}

function distrust(why: string): never {
  throw new WarderError('not-trusted', `the lease ${why}`, {
    hint: 'give the verifier the keys of the daemon that issued it',
  });
}
