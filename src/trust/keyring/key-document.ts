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
 * A signing key as it is published.
 *
 * @param now wall milliseconds.
 */
export function publishedKey(row: KeyRow, origin: string, now: number): PublishedKey {
  return published(row, origin, rolesOf(row, now));
}

function published(
  { jwk, heads, retired }: KeyRow,
  origin: string,
  roles: readonly SignKind[],
): PublishedKey {
  return {
    ...jwk,
    use: 'sig',
    [ROLES_MEMBER]: roles,
    [ORIGIN_MEMBER]: origin,
    [HEADS_MEMBER]: heads,
    ...(retired === undefined
      ? {}
      : { [RETIRED_MEMBER]: { at: retired.at, until: retired.until } }),
  };
}

/** What a key of the log may sign, or rather: which of its signatures still count. */
export function logRolesOf({ retired }: KeyRow): readonly SignKind[] {
  return retired === undefined ? logKeyRoles : ['checkpoint'];
}

/**
 * The JWKS of a home.
 *
 * @param logHistory keys of the log, the last one `logKey`; absent when there was none before.
 * @param now wall milliseconds.
 */
export function keyDocument(
  history: readonly KeyRow[],
  logKey: PublicJwk,
  origin: string,
  now: number,
  logHistory: readonly KeyRow[] = [],
): KeyDocument {
  // In the order in which they came: the next one is signed by the keys of then.
  const rotations = [...history, ...logHistory]
    .toSorted((one, other) => one.heads.from - other.heads.from)
    .flatMap(({ rotation }) => (rotation === undefined ? [] : [rotation]));
  return {
    keys: [
      ...history.map((row) => publishedKey(row, origin, now)),
      ...(logHistory.length < 2
        ? [
            {
              ...logKey,
              use: 'sig' as const,
              [ROLES_MEMBER]: logKeyRoles,
              [ORIGIN_MEMBER]: origin,
            },
          ]
        : logHistory.map((row) => published(row, origin, logRolesOf(row)))),
    ],
    ...(rotations.length === 0 ? {} : { [ROTATIONS_MEMBER]: rotations }),
  };
}
