// The JWKS a home publishes: every key a verifier needs today, with what each may do and how long.

import { logKeyRoles, signingKeyRoles } from '../signer/roles.ts';
import type { PublicJwk, SignKind } from '../signer/signer.ts';
import {
  HEADS_MEMBER,
  type HeadRange,
  ORIGIN_MEMBER,
  type Retirement,
  RETIRED_MEMBER,
  ROLES_MEMBER,
} from '../verify/keys.ts';
import { ROTATIONS_MEMBER, type SignedRotation } from '../verify/rotation.ts';
import type { KeyRow } from './key-history.ts';

/** A public key as it is published. */
export interface PublishedKey extends PublicJwk {
  readonly use: 'sig';
  readonly [ROLES_MEMBER]: readonly SignKind[];
  readonly [ORIGIN_MEMBER]: string;
  readonly [HEADS_MEMBER]?: HeadRange;
  readonly [RETIRED_MEMBER]?: Retirement;
}

/** RFC 7517 JWK Set. */
export interface KeyDocument {
  readonly keys: readonly PublishedKey[];
  /** The first one first; absent as long as there was none. */
  readonly [ROTATIONS_MEMBER]?: readonly SignedRotation[];
}

/** How a signing key stands. */
export type KeyState = 'current' | 'grace' | 'retired' | 'compromised';

/** @param now wall milliseconds. */
export function keyState({ retired }: KeyRow, now: number): KeyState {
  if (retired === undefined) return 'current';
  if (retired.compromised === true) return 'compromised';
  return now < retired.until * 1000 ? 'grace' : 'retired';
}

/** What a key may still sign, or rather: which of its signatures still count. */
export function rolesOf(row: KeyRow, now: number): readonly SignKind[] {
  switch (keyState(row, now)) {
    case 'current':
      return signingKeyRoles;
    case 'grace':
      return ['lease', 'checkpoint'];
    case 'retired':
    case 'compromised':
      // Never unpublished: what it signed of the log stays signed, and the log key signed it too.
      return ['checkpoint'];
  }
}

/**
 * The JWKS of a home.
 *
 * @param now wall milliseconds.
 */
export function keyDocument(
  history: readonly KeyRow[],
  logKey: PublicJwk,
  origin: string,
  now: number,
): KeyDocument {
  const rotations = history.flatMap(({ rotation }) => (rotation === undefined ? [] : [rotation]));
  return {
    keys: [
      ...history.map((row) => ({
        ...row.jwk,
        use: 'sig' as const,
        [ROLES_MEMBER]: rolesOf(row, now),
        [ORIGIN_MEMBER]: origin,
        [HEADS_MEMBER]: row.heads,
        ...(row.retired === undefined
          ? {}
          : { [RETIRED_MEMBER]: { at: row.retired.at, until: row.retired.until } }),
      })),
      {
        ...logKey,
        use: 'sig' as const,
        [ROLES_MEMBER]: logKeyRoles,
        [ORIGIN_MEMBER]: origin,
      },
    ],
    ...(rotations.length === 0 ? {} : { [ROTATIONS_MEMBER]: rotations }),
  };
}
