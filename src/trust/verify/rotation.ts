// A rotation: the statement that another key signs from now on, and following it from the keys one has.

import { decodeBase64url } from '../../base/encoding/base64url.ts';
import { isJsonObject, type Json, type JsonObject } from '../../base/encoding/json.ts';
import { parseJson } from '../../base/encoding/parse-json.ts';
import { encodeUtf8 } from '../../base/encoding/utf8.ts';
import { WarderError } from '../../base/errors/errors.ts';
import type { KeyRole, PublicJwk } from './algorithm.ts';
import { formatJwk, parseJwk } from './jwk.ts';
import { parseJws } from './jws.ts';
import type { TrustedKey, TrustedKeys } from './keys.ts';
import { holds, importKey, type VerifyKey } from './signature.ts';

/** Media type, in the `typ` header of each signature. */
export const ROTATION_TYPE = 'rotation+jwt';
/** JWKS member with the rotations of a home, the first one first. */
export const ROTATIONS_MEMBER = 'warder_rotations';

/** What a rotation says. Times are NumericDate seconds. */
export interface RotationClaims {
  /** The daemon: its log origin. */
  readonly iss: string;
  /** 1 for the first rotation of a home. */
  readonly seq: number;
  readonly iat: number;
  /** Thumbprint of the key that signs no longer. */
  readonly old: string;
  readonly new: PublicJwk;
  /** Largest tree whose head the old key signs; larger ones the new key does. */
  readonly size: number;
  /** Until then leases count that the old key signed before. */
  readonly until: number;
  /** The old key is not to be believed, not even in this. */
  readonly compromised?: true;
  /** It is the key of the log that changes; the one that signs leases when absent. */
  readonly role?: 'log';
}

/** JWS JSON serialization (RFC 7515, section 7.2.1): one payload, a signature of each key. */
export interface SignedRotation {
  readonly payload: string;
  readonly signatures: readonly { readonly protected: string; readonly signature: string }[];
}

/** A rotation taken apart; only its form is checked. */
export interface ParsedRotation {
  readonly claims: RotationClaims;
  readonly signatures: readonly RotationSignature[];
}

interface RotationSignature {
  readonly kid: string;
  readonly signingInput: string;
  readonly signature: Uint8Array;
}

/** What the key that signs from now on may do. */
const NEW_ROLES: readonly KeyRole[] = [
  'lease',
  'checkpoint',
  'rotation',
  'revocations',
  'dsse',
  'attest',
];
const NEW_LOG_ROLES: readonly KeyRole[] = ['checkpoint', 'rotation', 'attest'];
/** What the one before it may still do; when, its `heads` and `retired` say. */
const OLD_ROLES: readonly KeyRole[] = ['lease', 'checkpoint'];
/** Signatures of one rotation: the old key's, the new one's, the log key's. */
const SIGNATURES_MAX = 3;

/** Reads the claims strictly. @throws WarderError `malformed`. */
export function parseRotationClaims(json: Json): RotationClaims {
  if (!isJsonObject(json)) malformed('it is no object');
  const { iss, seq, iat, old, new: next, size, until, compromised, role, ...more } = json;
  if (Object.keys(more).length > 0) malformed('it has unknown claims');
  if (typeof iss !== 'string' || iss.length === 0 || iss.length > 256) malformed('`iss`');
  if (typeof old !== 'string' || !/^[A-Za-z0-9_-]{43}$/.test(old)) malformed('`old`');
  if (!isCount(seq) || seq === 0 || !isCount(iat) || !isCount(size) || !isCount(until)) {
    malformed('a number is none');
  }
  if (until < iat) malformed('its grace ends before it begins');
  if (compromised !== undefined && (compromised !== true || until !== iat)) {
    malformed('there is no grace for a compromised key');
  }
  if (role !== undefined && (role !== 'log' || until !== iat)) {
    malformed('a key of the log has no grace');
  }
  const jwk = formatJwk(parseJwk(next));
  if (!isJsonObject(next) || next['kid'] !== jwk.kid) malformed('`new` has another `kid`');
  if (jwk.kid === old) malformed('the new key is the old one');
  return {
    iss,
    seq,
    iat,
    old,
    new: jwk,
    size,
    until,
    ...(compromised === undefined ? {} : { compromised }),
    ...(role === undefined ? {} : { role }),
  };
}

/** @throws WarderError `malformed`. */
export function parseRotation(json: Json): ParsedRotation {
  if (!isJsonObject(json)) malformed('it is no object');
  const { payload, signatures, ...more } = json;
  if (Object.keys(more).length > 0) malformed('it has unknown members');
  if (typeof payload !== 'string') malformed('it has no payload');
  if (!Array.isArray(signatures) || signatures.length > SIGNATURES_MAX) malformed('signatures');
  const read = (signatures as readonly Json[]).map((each) => readSignature(payload, each));
  if (new Set(read.map(({ kid }) => kid)).size < read.length) malformed('one key signed twice');
  const claims = parseJson(decodeBase64url(payload), { maxBytes: 4096, maxDepth: 3 });
  return { claims: parseRotationClaims(claims), signatures: read };
}

function readSignature(payload: string, json: Json): RotationSignature {
  if (!isJsonObject(json)) malformed('a signature is no object');
  const { protected: header, signature, ...more } = json;
  if (typeof header !== 'string' || typeof signature !== 'string' || Object.keys(more).length > 0) {
    malformed('a signature is not `protected` and `signature`');
  }
  const jws = parseJws(`${header}.${payload}.${signature}`);
  const { alg, kid, typ, ...rest } = jws.header;
  if (typ !== ROTATION_TYPE || Object.keys(rest).length > 0) malformed('its header is another');
  if (typeof alg !== 'string' || typeof kid !== 'string') malformed('its header names no key');
  return { kid, signingInput: jws.signingInput, signature: jws.signature };
}

/**
 * The keys to trust after a rotation: believed when the new key signed it and so did every key trusted for
 * rotations, the old one among them.
 *
 * @returns the given keys, the old one retired, and the new one.
 * @throws WarderError `malformed`; `not-trusted` when the old key is not trusted for rotations, a key that
 *   had to sign did not, or the old key was compromised: then nobody can follow, the new keys have to come
 *   from the operator; `verification-failed` when a signature does not hold.
 */
export async function followRotation(
  rotation: ParsedRotation,
  keys: TrustedKeys,
): Promise<TrustedKeys> {
  const { claims } = rotation;
  if (claims.compromised === true) {
    distrust(`the key \`${claims.old}\` was compromised: nothing leads from it to the next`);
  }
  const asked = keys.filter(judges);
  const old = asked.find(({ kid }) => kid === claims.old);
  if (old === undefined) distrust('the rotation is of a key that is not trusted for rotations');
  if (old.roles.includes('lease') === (claims.role === 'log')) {
    distrust('the rotation is of a key of another role');
  }
  const log = asked.find(({ name }) => name !== undefined && name !== claims.iss);
  if (log !== undefined) distrust('the rotation is of another daemon');
  const raw = parseJwk(claims.new as unknown as JsonObject);
  const next: TrustedKey = {
    ...(await importKey(raw)),
    kid: claims.new.kid,
    jwk: claims.new,
    raw,
    roles: claims.role === 'log' ? NEW_LOG_ROLES : NEW_ROLES,
    ...(old.name === undefined ? {} : { name: old.name }),
    heads: { from: claims.size + 1 },
  };
  if (keys.some(({ kid }) => kid === next.kid)) {
    distrust('the new key is one that is known already');
  }
  await checkSignatures(rotation, [next, ...asked]);
  const retired: TrustedKey = {
    ...old,
    roles: old.roles.filter((role) => OLD_ROLES.includes(role)),
    heads: { from: old.heads?.from ?? 0, to: claims.size },
    retired: { at: claims.iat, until: claims.until },
  };
  return [...keys.map((key) => (key === old ? retired : key)), next];
}

/**
 * Follows the rotations of a JWKS, as far as they go on from the keys given.
 *
 * @param jwks with `warder_rotations`; without them nothing changes.
 * @throws WarderError as {@link followRotation}, for the first that cannot be followed.
 */
export async function followRotations(jwks: Json, keys: TrustedKeys): Promise<TrustedKeys> {
  const rotations = isJsonObject(jwks) ? (jwks[ROTATIONS_MEMBER] ?? []) : undefined;
  if (!Array.isArray(rotations)) malformed(`\`${ROTATIONS_MEMBER}\` is no array`);
  let trusted = keys;
  for (const json of rotations as readonly Json[]) {
    const rotation = parseRotation(json);
    const { old, new: next } = rotation.claims;
    const goesOn = trusted.some((key) => key.kid === old && judges(key));
    // One from before what the verifier was given last.
    if (!goesOn && trusted.some(({ kid }) => kid === next.kid)) continue;
    trusted = await followRotation(rotation, trusted);
  }
  return trusted;
}

/** Whether a key has a say in what comes after it. */
function judges({ roles, retired }: TrustedKey): boolean {
  return roles.includes('rotation') && retired === undefined;
}

/**
 * Checks that each of the keys signed a rotation.
 *
 * @throws WarderError `not-trusted` when one did not; `verification-failed` when its signature does not hold.
 */
export async function checkSignatures(
  { signatures }: ParsedRotation,
  keys: readonly (VerifyKey & { readonly kid: string })[],
): Promise<void> {
  for (const key of keys) {
    const found = signatures.find(({ kid }) => kid === key.kid);
    if (found === undefined) distrust(`the key \`${key.kid}\` did not sign the rotation`);
    if (!(await holds(key, encodeUtf8(found.signingInput), found.signature))) {
      throw new WarderError('verification-failed', 'a signature of the rotation does not hold', {
        hint: 'the statement was changed: fetch it again',
        data: { kid: key.kid },
      });
    }
  }
}

function isCount(value: Json | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function malformed(why: string): never {
  throw new WarderError('malformed', `not a rotation: ${why}`, {
    hint: 'give it exactly as it was published',
  });
}

function distrust(why: string): never {
  throw new WarderError('not-trusted', why, {
    hint: 'have the operator give you the keys of today: `warder keys jwks`',
  });
}
