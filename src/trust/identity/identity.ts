// Who somebody is by the word of an issuer: a JWT (RFC 7519) verified strictly. Pure: nothing is fetched.

import { sha256Text } from '../../base/encoding/sha256.ts';
import { isJsonObject, type JsonObject } from '../../base/encoding/json.ts';
import { parseJson } from '../../base/encoding/parse-json.ts';
import { WarderError } from '../../base/errors/errors.ts';
import { parseJws } from '../verify/jws.ts';
import { type IdentityAlgorithm, identityAlgorithms } from './identity-algorithm.ts';
import type { IssuerKey } from './issuer-keys.ts';

/** Longest identity, characters. */
const IDENTITY_MAX = 16_384;
/** Longest life of one, seconds. */
const LIFE_MAX = 86_400;
/** How far ahead of us an issuer's clock may be, seconds. */
const SKEW = 60;
/** Types of tokens that say who somebody is; a token of any other kind is for something else. */
const TYPES = ['jwt', 'at+jwt', 'application/jwt', 'application/at+jwt'];
/** Where a token would bring its key along. */
const KEY_MEMBERS = ['jwk', 'jku', 'x5u', 'x5c'];
/** One spelling for each name: visible ASCII. */
const NAME = /^[\x21-\x7e]{1,200}$/;

/** An issuer whose word is taken. */
export interface TrustedIssuer {
  /** The `iss` of its tokens, exactly. */
  readonly issuer: string;
  /** The `aud` of tokens for this daemon, exactly. */
  readonly audience: string;
  readonly algorithms: readonly IdentityAlgorithm[];
  /** Claim that names the principal. */
  readonly principalClaim: string;
  /** Put before it, so that issuers cannot name each other's principals. */
  readonly principalPrefix: string;
}

/** Who it is, until when. */
export interface Identity<Issuer extends TrustedIssuer> {
  readonly issuer: Issuer;
  readonly principal: string;
  /** Seconds. */
  readonly expires: number;
  /** SHA-256 of the signing input, hex. */
  readonly digest: string;
}

/**
 * Verifies an identity. Whether it comes from whom it names nobody can say: it is a bearer token, so one
 * that is bound to a key is refused here.
 *
 * @param keysOf the keys of an issuer by `kid`.
 * @param now wall milliseconds.
 * @throws WarderError `malformed` for what is no such token; `not-trusted` (issuer, key, algorithm,
 *   audience, type); `verification-failed` (the signature); `lease-refused` (times, no usable principal).
 */
export async function verifyIdentity<Issuer extends TrustedIssuer>(
  text: string,
  issuers: readonly Issuer[],
  keysOf: (issuer: Issuer) => Promise<ReadonlyMap<string, IssuerKey>>,
  now: number,
): Promise<Identity<Issuer>> {
  if (typeof text !== 'string' || text.length > IDENTITY_MAX) {
    malformed(`it is longer than ${IDENTITY_MAX} characters`);
  }
  const jws = parseJws(text);
  const { alg, kid } = readHeader(jws.header);
  const claims = parseJson(jws.payload, { maxBytes: IDENTITY_MAX, maxDepth: 16 });
  if (!isJsonObject(claims)) malformed('its payload is no object');
  const issuer = issuers.find((each) => each.issuer === claims['iss']);
  if (issuer === undefined) return distrust('its issuer is not trusted here');
  if (!issuer.algorithms.includes(alg)) distrust('its algorithm is not one of its issuer');
  const key = (await keysOf(issuer)).get(kid);
  if (key === undefined) return distrust('it names a key its issuer does not have');
  if (!(await key.check(alg, jws.signingInput, jws.signature))) {
    throw new WarderError('verification-failed', 'the signature of the identity does not hold', {
      hint: 'get a new one from its issuer',
    });
  }
  checkAudience(claims['aud'], issuer.audience);
  if ('cnf' in claims) distrust('it is bound to a key, and proofs for identities are not taken');
  return {
    issuer,
    principal: principalOf(claims, issuer),
    expires: checkTimes(claims, now),
    digest: sha256Text(jws.signingInput, 'hex'),
  };
}

function readHeader(header: JsonObject): { readonly alg: IdentityAlgorithm; readonly kid: string } {
  const { typ = 'JWT', alg, kid } = header;
  if (typeof typ !== 'string' || !TYPES.includes(typ.toLowerCase())) {
    distrust('its `typ` is that of another kind of token');
  }
  if (KEY_MEMBERS.some((name) => name in header)) malformed('it brings its key along');
  if (typeof kid !== 'string') malformed('it names no key');
  const spelt = alg === 'Ed25519' ? 'EdDSA' : alg;
  const known = identityAlgorithms.find((each) => each === spelt);
  if (known === undefined) return distrust('its `alg` is none that is taken');
  return { alg: known, kid };
}

/** One audience and no other: a token for two is one that the other may pass on to us. */
function checkAudience(aud: JsonObject[string] | undefined, audience: string): void {
  const only: unknown = Array.isArray(aud) && aud.length === 1 ? aud[0] : aud;
  if (only !== audience) distrust('it is for another audience');
}

function principalOf(claims: JsonObject, issuer: TrustedIssuer): string {
  const name = Object.hasOwn(claims, issuer.principalClaim)
    ? claims[issuer.principalClaim]
    : undefined;
  if (typeof name !== 'string' || !NAME.test(name)) {
    refuse(
      `its claim \`${issuer.principalClaim}\` is no name of 1 to 200 visible ASCII characters`,
    );
  }
  return `${issuer.principalPrefix}${name}`;
}

/** @returns `exp`. */
function checkTimes(claims: JsonObject, now: number): number {
  if (!Number.isFinite(now)) throw new WarderError('internal', 'the time handed in is no number');
  const second = now / 1000;
  const iat = time(claims, 'iat');
  const exp = time(claims, 'exp');
  const nbf = claims['nbf'] === undefined ? iat : time(claims, 'nbf');
  if (exp - iat > LIFE_MAX) refuse(`it lives longer than ${LIFE_MAX} s`);
  if (second >= exp) refuse('it has expired');
  if (second < iat - SKEW || second < nbf - SKEW) refuse('it is not valid yet');
  return Math.floor(exp);
}

function time(claims: JsonObject, name: string): number {
  const value = claims[name];
  if (typeof value !== 'number' || !(value > 0 && value < 253_402_300_800)) {
    refuse(`its claim \`${name}\` is no time`);
  }
  return value;
}

function malformed(why: string): never {
  throw new WarderError('malformed', `not an identity: ${why}`, {
    hint: 'send the JWT exactly as its issuer gave it',
  });
}

function distrust(why: string): never {
  throw new WarderError('not-trusted', `the identity is not taken: ${why}`, {
    hint: 'see `trust.issuers` in config.json for whose are',
  });
}

function refuse(why: string): never {
  throw new WarderError('lease-refused', `the identity is not taken: ${why}`, {
    hint: 'get a new one from its issuer',
  });
}
