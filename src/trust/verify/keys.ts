// The keys a verifier trusts: read from JWK, JWKS, PEM or vkey files, each with the roles it may play.

import { isJsonObject, type Json, type JsonObject } from '../../base/encoding/json.ts';
import { parseJson } from '../../base/encoding/parse-json.ts';
import { WarderError } from '../../base/errors/errors.ts';
import type { KeyRole, PublicJwk } from './algorithm.ts';
import { formatJwk, parseJwk } from './jwk.ts';
import { parseVkey } from './note-key.ts';
import { importKey, type VerifyKey } from './signature.ts';
import { parsePem, type RawKey } from './spki.ts';

/** A key the verifier was told to trust, and for what. */
export interface TrustedKey extends VerifyKey {
  /** RFC 7638 thumbprint. */
  readonly kid: string;
  readonly jwk: PublicJwk;
  readonly raw: RawKey;
  readonly roles: readonly KeyRole[];
  /** The only name it may sign notes under; any when absent. */
  readonly name?: string;
  /** The heads of its log it signs; all of them when absent. */
  readonly heads?: HeadRange;
  /** Set once another key signs in its place. */
  readonly retired?: Retirement;
}

/** Sizes of trees, both inclusive; without `to` it goes on. */
export interface HeadRange {
  readonly from: number;
  readonly to?: number;
  /**
   * Set when somebody else has the key: only heads count that a witness cosigned no later. NumericDate
   * seconds.
   */
  readonly cosignedBefore?: number;
}

/** How a key that was rotated still counts. NumericDate seconds. */
export interface Retirement {
  /** When it was rotated: what it signed is not dated later. */
  readonly at: number;
  /** End of its grace: from then on no lease under it counts. */
  readonly until: number;
}

/** Everything the verifier trusts. */
export type TrustedKeys = readonly TrustedKey[];

/** JWK member that lists what a key may sign. */
export const ROLES_MEMBER = 'warder_roles';
/** JWK member that binds a key to one log. */
export const ORIGIN_MEMBER = 'warder_origin';
/** JWK member that says which heads of the log a key signs. */
export const HEADS_MEMBER = 'warder_heads';
/** JWK member that says when a key was rotated. */
export const RETIRED_MEMBER = 'warder_retired';

const ROLES: readonly KeyRole[] = [
  'lease',
  'checkpoint',
  'rotation',
  'revocations',
  'dsse',
  'attest',
  'probe',
];

interface Found {
  readonly raw: RawKey;
  readonly roles?: readonly KeyRole[];
  readonly name?: string;
  readonly heads?: HeadRange;
  readonly retired?: Retirement;
}

/**
 * Reads key files. A JWK says its roles itself (`warder_roles`); a vkey is for checkpoints; PEM and a
 * JWK without roles get `assumedRoles`, the use the caller is about to make of them.
 *
 * @param texts contents of the files: a JWK, a JWKS, PEM blocks, or vkeys one per line.
 * @throws WarderError `malformed` for a file that holds anything else; `not-trusted` for a weak key.
 */
export async function loadKeys(
  texts: readonly string[],
  assumedRoles: readonly KeyRole[] = ['checkpoint'],
): Promise<TrustedKeys> {
  const keys = new Map<string, TrustedKey>();
  for (const found of texts.flatMap(readKeys)) {
    const jwk = formatJwk(found.raw);
    const before = keys.get(jwk.kid);
    const roles = found.roles ?? assumedRoles;
    const name = found.name ?? before?.name;
    const heads = narrower(before?.heads, found.heads);
    const retired = sooner(before?.retired, found.retired);
    if (before?.name !== undefined && before.name !== name) {
      throw new WarderError('malformed', 'one key is given under two names');
    }
    keys.set(jwk.kid, {
      ...(await importKey(found.raw)),
      kid: jwk.kid,
      jwk,
      raw: found.raw,
      // The same key in two files may do what either says.
      roles: [...new Set([...(before?.roles ?? []), ...roles])],
      ...(name === undefined ? {} : { name }),
      ...(heads === undefined ? {} : { heads }),
      ...(retired === undefined ? {} : { retired }),
    });
  }
  if (keys.size === 0) {
    throw new WarderError('malformed', 'there is no key in what was given', {
      hint: 'give a JWKS, PEM or vkey file',
    });
  }
  return [...keys.values()];
}

function readKeys(text: string): Found[] {
  const trimmed = text.trim();
  if (trimmed.startsWith('{')) return readJson(parseJson(trimmed));
  if (trimmed.startsWith('-----BEGIN')) return parsePem(trimmed).map((raw) => ({ raw }));
  return trimmed
    .split(/\r?\n/)
    .filter((line) => line.trim() !== '' && !line.startsWith('#'))
    .map((line) => ({ ...parseVkey(line.trim()), roles: ['checkpoint'] }));
}

function readJson(json: Json): Found[] {
  if (!isJsonObject(json)) return [];
  const { keys } = json;
  if (keys === undefined) return [readJwk(json)];
  if (!Array.isArray(keys)) throw new WarderError('malformed', 'not a JWKS: `keys` is no array');
  // A key that cannot be used is refused, not left out: who requires all must get all.
  return (keys as readonly Json[]).map(readJwk);
}

function readJwk(jwk: Json): Found {
  const raw = parseJwk(jwk);
  const roles = isJsonObject(jwk) ? jwk[ROLES_MEMBER] : undefined;
  const origin = isJsonObject(jwk) ? jwk[ORIGIN_MEMBER] : undefined;
  if (origin !== undefined && typeof origin !== 'string') {
    throw new WarderError('malformed', `\`${ORIGIN_MEMBER}\` is no text`);
  }
  const heads = numbers(jwk, HEADS_MEMBER, ['from'], ['to', 'cosignedBefore']);
  const retired = numbers(jwk, RETIRED_MEMBER, ['at', 'until'], []);
  const named = {
    ...(origin === undefined ? {} : { name: origin }),
    // Which members there are was just checked.
    ...(heads === undefined ? {} : { heads: heads as unknown as HeadRange }),
    ...(retired === undefined ? {} : { retired: retired as unknown as Retirement }),
  };
  if (roles === undefined) return { raw, ...named };
  if (!Array.isArray(roles)) throw new WarderError('malformed', `\`${ROLES_MEMBER}\` is no array`);
  // Roles of a later version are none of ours.
  return { raw, roles: ROLES.filter((role) => roles.includes(role)), ...named };
}

/** A member that is an object of whole numbers. A misspelt bound must not be no bound. */
function numbers(
  jwk: Json,
  member: string,
  needed: readonly string[],
  optional: readonly string[],
): JsonObject | undefined {
  const value = isJsonObject(jwk) ? jwk[member] : undefined;
  if (value === undefined) return undefined;
  const good =
    isJsonObject(value) &&
    needed.every((name) => value[name] !== undefined) &&
    Object.entries(value).every(
      ([name, number]) =>
        (needed.includes(name) || optional.includes(name)) &&
        Number.isSafeInteger(number) &&
        (number as number) >= 0,
    );
  if (!good) {
    throw new WarderError(
      'malformed',
      `\`${member}\` is not whole numbers ${needed.join(' and ')}`,
      { hint: 'give the JWKS exactly as it was published' },
    );
  }
  return value;
}

/** The same key in two files: what both say of its heads. */
function narrower(one: HeadRange | undefined, other: HeadRange | undefined): HeadRange | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  const to = Math.min(one.to ?? Infinity, other.to ?? Infinity);
  const cosignedBefore = Math.min(one.cosignedBefore ?? Infinity, other.cosignedBefore ?? Infinity);
  return {
    from: Math.max(one.from, other.from),
    ...(to === Infinity ? {} : { to }),
    ...(cosignedBefore === Infinity ? {} : { cosignedBefore }),
  };
}

/** An older file does not know that a key was retired: whichever says so is believed. */
function sooner(
  one: Retirement | undefined,
  other: Retirement | undefined,
): Retirement | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return { at: Math.min(one.at, other.at), until: Math.min(one.until, other.until) };
}
