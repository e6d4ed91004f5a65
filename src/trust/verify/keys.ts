// The keys a verifier trusts: read from JWK, JWKS, PEM or vkey files, each with the roles it may play.

import { isJsonObject, type Json } from '../../base/encoding/json.ts';
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
}

/** Everything the verifier trusts. */
export type TrustedKeys = readonly TrustedKey[];

/** JWK member that lists what a key may sign. */
export const ROLES_MEMBER = 'warder_roles';
/** JWK member that binds a key to one log. */
const ORIGIN_MEMBER = 'warder_origin';

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
  const named = origin === undefined ? {} : { name: origin };
  if (roles === undefined) return { raw, ...named };
  if (!Array.isArray(roles)) throw new WarderError('malformed', `\`${ROLES_MEMBER}\` is no array`);
  // Roles of a later version are none of ours.
  return { raw, roles: ROLES.filter((role) => roles.includes(role)), ...named };
}
