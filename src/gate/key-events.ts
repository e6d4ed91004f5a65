// What the log says of the keys of a home and of the lists they sign.

import { createHash } from 'node:crypto';
import { canonicalBytes } from '../base/encoding/jcs.ts';
import type { JsonObject } from '../base/encoding/json.ts';
import type { SignedList } from '../trust/lease/revocation-lists.ts';
import type { PublicJwk } from '../trust/signer/signer.ts';
import type { RotationClaims } from '../trust/verify/rotation.ts';
import type { Event } from './administer.ts';

/** The keys a home begins with. */
export function firstKeysEvent(signing: PublicJwk, log: PublicJwk): Event {
  return {
    type: 'key',
    outcome: 'changed',
    tenant: 'default',
    subject: { name: 'keys', sha256: digestOf([signing, log]) },
    reason: 'first keys of this home',
    detail: { signing: signing.kid, log: log.kid, from: 0 },
  };
}

/** @param digest of the statement. */
export function rotationEvent(claims: RotationClaims, digest: string): Event {
  const { seq, old, size, until, compromised, role } = claims;
  return {
    type: 'key',
    outcome: 'changed',
    tenant: 'default',
    subject: { name: 'rotation', sha256: digest },
    reason: `${role ?? 'signing'} key ${compromised === true ? 'compromised' : 'rotated'}`,
    detail: {
      seq,
      old,
      new: claims.new.kid,
      // The old key signs heads up to here, the new one those beyond.
      size,
      graceUntil: until,
      ...(role === undefined ? {} : { role }),
      ...(compromised === undefined ? {} : { compromised }),
    },
  };
}

/** A key was made that nothing is signed with yet. */
export function keyMadeEvent(key: PublicJwk): Event {
  return {
    type: 'key',
    outcome: 'changed',
    tenant: 'default',
    subject: { name: 'key', sha256: digestOf(key) },
    reason: 'key created',
    detail: { kid: key.kid, alg: key.alg },
  };
}

/** Evidence of where a key is was made, or a challenge about it answered. */
export function keyAttestedEvent(
  kid: string,
  what: 'evidence' | 'challenge',
  document: JsonObject,
): Event {
  return {
    type: 'key',
    outcome: 'changed',
    tenant: 'default',
    subject: { name: what, sha256: digestOf(document) },
    reason: what === 'evidence' ? 'key attested' : 'attestation challenge answered',
    detail: { kid },
  };
}

/** A revocation list was signed. */
export function listEvent({ tenant, list, digest }: SignedList): Event {
  const { seq, nextUpdate, leases, holders, keys = [] } = list;
  return {
    type: 'lease',
    outcome: 'changed',
    tenant,
    subject: { name: 'revocations', sha256: digest },
    reason: 'revocation list signed',
    detail: {
      seq,
      nextUpdate,
      leases: leases.length,
      holders: holders.length,
      keys: keys.length,
    },
  };
}

function digestOf(value: unknown): string {
  return createHash('sha256').update(canonicalBytes(value)).digest('hex');
}
