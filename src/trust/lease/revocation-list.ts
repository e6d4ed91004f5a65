// The signed list of leases and keys that are not taken any more, for verifiers that are offline.

import { encodeBase64url } from '../../base/encoding/base64url.ts';
import { canonicalBytes } from '../../base/encoding/jcs.ts';
import { isJsonObject, type Json } from '../../base/encoding/json.ts';
import { parseJson } from '../../base/encoding/parse-json.ts';
import { sha256Text } from '../../base/encoding/sha256.ts';
import { encodeUtf8 } from '../../base/encoding/utf8.ts';
import { WarderError } from '../../base/errors/errors.ts';
import type { Signer } from '../signer/signer.ts';
import { DEFAULT_TENANT } from './lease-table.ts';
import type { TrustedKeys } from '../verify/keys.ts';
import { holds } from '../verify/signature.ts';
import { parseJws } from '../verify/jws.ts';

/** Media type, in the `typ` header. */
export const LIST_TYPE = 'revocations+jwt';
/** Most entries, and the longest life: no longer than a lease's. */
const ENTRIES_MAX = 500;
const LIFE_MAX_SECONDS = 86_400;
const THUMBPRINT = /^[A-Za-z0-9_-]{43}$/;
/** How far ahead of us an issuer's clock may be, milliseconds. */
const CLOCK_SKEW_MS = 60_000;

/** What a list says. */
export interface Revocations {
  /** The daemon: its log origin. */
  readonly iss: string;
  /** Whose leases it is about; `default` when absent. */
  readonly tenant?: string;
  /** More than that of any list of this tenant before. */
  readonly seq: number;
  /** Seconds. */
  readonly iat: number;
  /** Seconds: from then on it proves nothing any more. */
  readonly nextUpdate: number;
  /** State keys. */
  readonly leases: readonly string[];
  /** RFC 7638 thumbprints. */
  readonly holders: readonly string[];
  /** Thumbprints of keys of the daemon under which no lease counts any more, whatever its date. */
  readonly keys?: readonly string[];
}

/**
 * Signs a list.
 *
 * @throws WarderError `malformed` for one that no verifier would take; `limit-reached` when it is too long:
 *   then leases have to be checked by the daemon.
 */
export async function signRevocations(list: Revocations, signer: Signer): Promise<string> {
  const { leases, holders, keys = [] } = list;
  if (leases.length + holders.length + keys.length > ENTRIES_MAX) {
    throw new WarderError('limit-reached', `more than ${ENTRIES_MAX} revocations hold at once`, {
      hint: 'have leases checked by the daemon, or issue shorter ones',
    });
  }
  const claims = parseRevocationClaims(JSON.parse(JSON.stringify(list)) as Json);
  const header = { alg: signer.key.alg, kid: signer.key.kid, typ: LIST_TYPE };
  const input = [header, claims].map((part) => encodeBase64url(canonicalBytes(part))).join('.');
  const signature = await signer.sign({ kind: 'revocations', payload: encodeUtf8(input) });
  return `${input}.${encodeBase64url(signature)}`;
}

/** SHA-256 of a list as signed, hex: what the log names it by. */
export function revocationsDigest(text: string): string {
  return sha256Text(text.slice(0, text.lastIndexOf('.')), 'hex');
}

/**
 * Verifies a list.
 *
 * @param expected `atLeast`: the highest `seq` seen so far, below which a list is an old one.
 * @throws WarderError `malformed`; `not-trusted` (the key); `verification-failed` (the signature);
 *   `lease-refused` (another daemon's, out of date, older than one seen before).
 */
export async function verifyRevocations(
  text: string,
  keys: TrustedKeys,
  expected: { readonly now: number; readonly audience: string; readonly atLeast?: number },
): Promise<Revocations> {
  if (typeof text !== 'string') malformed('it is no text');
  const jws = parseJws(text);
  const { alg, kid, typ, ...more } = jws.header;
  if (typ !== LIST_TYPE || Object.keys(more).length > 0) malformed('its header is another');
  const key = keys.find((each) => each.kid === kid);
  if (key === undefined || key.alg !== alg || !key.roles.includes('revocations')) {
    throw new WarderError(
      'not-trusted',
      'the revocation list is signed with a key not trusted so',
      {
        hint: 'give the keys of the daemon it is from',
      },
    );
  }
  if (key.retired !== undefined) {
    throw new WarderError(
      'not-trusted',
      'the revocation list is signed with a key that was rotated',
      {
        hint: 'fetch a fresh one, and the keys of today',
      },
    );
  }
  if (!(await holds(key, encodeUtf8(jws.signingInput), jws.signature))) {
    throw new WarderError(
      'verification-failed',
      'the signature of the revocation list does not hold',
    );
  }
  const list = parseRevocationClaims(parseJson(jws.payload, { maxDepth: 3 }));
  const { now, audience, atLeast = 0 } = expected;
  if (list.iss !== audience) refuse('is another daemon’s');
  if (!(list.seq >= atLeast)) refuse('is older than one seen before');
  // Written so that a time that is no number is out of bounds.
  if (!(now < list.nextUpdate * 1000)) refuse('is out of date');
  if (!(now >= list.iat * 1000 - CLOCK_SKEW_MS)) refuse('is from the future');
  return list;
}

/** Reads the claims strictly. @throws WarderError `malformed`. */
export function parseRevocationClaims(json: Json): Revocations {
  if (!isJsonObject(json)) malformed('it is no object');
  const { iss, tenant, seq, iat, nextUpdate, leases, holders, keys, ...more } = json;
  if (Object.keys(more).length > 0) malformed('it has unknown claims');
  if (typeof iss !== 'string' || iss.length === 0 || iss.length > 256)
    malformed('`iss` is no name');
  if (tenant !== undefined && !(typeof tenant === 'string' && /^[a-z0-9-]{1,32}$/.test(tenant))) {
    malformed('`tenant` is no name');
  }
  // One tenant, one spelling.
  if (tenant === DEFAULT_TENANT) malformed('`default` is left out');
  if (!isCount(seq) || !isCount(iat) || !isCount(nextUpdate)) malformed('a number is none');
  if (nextUpdate <= iat || nextUpdate - iat > LIFE_MAX_SECONDS) {
    malformed(`\`nextUpdate\` is not within ${LIFE_MAX_SECONDS} seconds`);
  }
  return {
    iss,
    ...(tenant === undefined ? {} : { tenant }),
    seq,
    iat,
    nextUpdate,
    leases: texts('leases', leases, /^[0-9a-f]{64}$/),
    holders: texts('holders', holders, THUMBPRINT),
    ...(keys === undefined ? {} : { keys: texts('keys', keys, THUMBPRINT) }),
  };
}

function texts(name: string, value: Json | undefined, form: RegExp): readonly string[] {
  if (!Array.isArray(value) || value.length > ENTRIES_MAX) malformed(`\`${name}\` is no list`);
  const items = value as readonly Json[];
  const good = items.every((item): item is string => typeof item === 'string' && form.test(item));
  if (!good) malformed(`\`${name}\` holds what is no name`);
  return Object.freeze(items.map(String));
}

function isCount(value: Json | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 1;
}

function malformed(why: string): never {
  throw new WarderError('malformed', `not a revocation list: ${why}`, {
    hint: 'give it exactly as it was published',
  });
}

function refuse(why: string): never {
  throw new WarderError('lease-refused', `the revocation list ${why}`, {
    hint: 'fetch a fresh one',
  });
}
