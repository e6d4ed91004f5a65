// Proof of possession for one call (RFC 9449): made by the holder of a lease, verified strictly. Pure.

import { encodeBase64url } from '../../base/encoding/base64url.ts';
import { canonicalBytes } from '../../base/encoding/jcs.ts';
import { isJsonObject, type Json, type JsonObject } from '../../base/encoding/json.ts';
import { parseJson } from '../../base/encoding/parse-json.ts';
import { sha256Text } from '../../base/encoding/sha256.ts';
import { WarderError } from '../../base/errors/errors.ts';
import { parseJws, verifyJws } from '../verify/jws.ts';
import { parseHolderJwk } from './holder-jwk.ts';
import { knownHolder } from './holder-keys.ts';
import type { HolderJwk } from './lease.ts';

/** How old a proof may be, and how far ahead of us its maker's clock, milliseconds. */
export const PROOF_AGE_MS = 60_000;
const PROOF_MAX = 8192;

/** The one call a proof is for. */
export interface ProvenCall {
  /** Digest of the package that is to run, `sha256:…` or as the daemon tells it. */
  readonly tool: string;
  /** SHA-256 over the RFC 8785 form of tool and arguments, 64 hex digits. */
  readonly digest: string;
}

/** What a proof has to say; what is absent here it must not say. */
export interface ProofExpectations {
  readonly method: string;
  /** Where it is sent, without query and fragment. */
  readonly uri: string;
  /** Wall milliseconds. */
  readonly now: number;
  /** The token that came with it, exactly as sent. */
  readonly token?: string;
  /** The daemon asked: its log origin. */
  readonly audience?: string;
  /** Whether this is a nonce the daemon gave out lately. */
  readonly nonce?: (nonce: string) => boolean;
  readonly call?: ProvenCall;
}

/** A proof whose signature and every claim hold. Whether it was seen before is the book's to say. */
export interface VerifiedProof {
  /** Thumbprint of the key that signed it. */
  readonly jkt: string;
  readonly jti: string;
  /** Seconds. */
  readonly iat: number;
  readonly token: string | undefined;
}

const verified = new WeakSet<VerifiedProof>();

/** @throws TypeError for anything that {@link verifyProof} did not answer. */
export function assertVerifiedProof(value: VerifiedProof): void {
  if (!verified.has(value)) throw new TypeError('not a proof that was verified in this process');
}

/**
 * Verifies one proof against what it has to say.
 *
 * @throws WarderError `malformed`; `verification-failed` (the signature); `lease-refused` (any claim).
 */
export async function verifyProof(
  text: string,
  expected: ProofExpectations,
): Promise<VerifiedProof> {
  if (typeof text !== 'string' || text.length > PROOF_MAX) malformed('it is too long');
  const jws = parseJws(text);
  const jwk = parseHeader(jws.header);
  const claims = parseJson(jws.payload, { maxBytes: PROOF_MAX, maxDepth: 2 });
  if (!isJsonObject(claims)) malformed('its payload is no object');
  const holder = knownHolder(jwk);
  await verifyJws(jws, await holder.key());
  const { jti, iat } = checkClaims(claims, expected);
  const proof = Object.freeze({ jkt: holder.jkt, jti, iat, token: expected.token });
  verified.add(proof);
  return proof;
}

/** What a new proof is to say. */
export interface ProofTerms {
  readonly method: string;
  readonly uri: string;
  readonly now: number;
  readonly token: string;
  readonly audience: string;
  readonly nonce: string;
  readonly call?: ProvenCall;
  /** 16 unpredictable bytes. */
  readonly random: Uint8Array;
}

/** The signing input of a proof; the holder signs it with the key of `jwk`. */
export function formatProof(terms: ProofTerms, jwk: HolderJwk): string {
  const header = { typ: 'dpop+jwt', alg: jwk.kty === 'EC' ? 'ES256' : 'EdDSA', jwk };
  const claims = {
    jti: encodeBase64url(terms.random),
    htm: terms.method,
    htu: terms.uri,
    iat: Math.floor(terms.now / 1000),
    ath: tokenHash(terms.token),
    aud: terms.audience,
    nonce: terms.nonce,
    ...(terms.call === undefined
      ? {}
      : { tool_digest: terms.call.tool, call_digest: terms.call.digest }),
  };
  return `${encodeBase64url(canonicalBytes(header))}.${encodeBase64url(canonicalBytes(claims))}`;
}

/** `ath`: SHA-256 of the token, base64url. */
function tokenHash(token: string): string {
  return sha256Text(token, 'base64url');
}

function parseHeader(header: JsonObject): HolderJwk {
  if (Object.keys(header).sort().join() !== 'alg,jwk,typ') {
    malformed('its header has other members than `typ`, `alg` and `jwk`');
  }
  if (header['typ'] !== 'dpop+jwt') malformed('`typ` is not `dpop+jwt`');
  const jwk = parseHolderJwk(header['jwk']);
  if (jwk === undefined) malformed('`jwk` is no public P-256 or Ed25519 key');
  return jwk;
}

function checkClaims(
  claims: JsonObject,
  expected: ProofExpectations,
): { readonly jti: string; readonly iat: number } {
  const wanted: Readonly<Record<string, Json | undefined>> = {
    htm: expected.method,
    ath: expected.token === undefined ? undefined : tokenHash(expected.token),
    aud: expected.audience,
    tool_digest: expected.call?.tool,
    call_digest: expected.call?.digest,
  };
  for (const [name, value] of Object.entries(wanted)) {
    if (claims[name] !== value) refuse(`\`${name}\` is not what it has to be`);
  }
  for (const name of Object.keys(claims)) {
    if (!['jti', 'htu', 'iat', 'nonce'].includes(name) && !Object.hasOwn(wanted, name)) {
      refuse(`it has a claim ${JSON.stringify(name.slice(0, 40).toWellFormed())}`);
    }
  }
  const { jti, htu, iat, nonce } = claims;
  if (typeof jti !== 'string' || !/^[A-Za-z0-9_-]{16,64}$/.test(jti)) refuse('`jti` is no id');
  if (typeof htu !== 'string' || !samePlace(htu, expected.uri)) refuse('`htu` is another place');
  if (typeof iat !== 'number' || !Number.isSafeInteger(iat)) refuse('`iat` is no time');
  // Written so that a time that is no number is out of bounds.
  if (!(Math.abs(expected.now - iat * 1000) <= PROOF_AGE_MS)) {
    refuse('`iat` is too far from now');
  }
  if (expected.nonce === undefined ? nonce !== undefined : !nonceFits(nonce, expected.nonce)) {
    refuse('`nonce` is none that was given out lately');
  }
  return { jti, iat };
}

function nonceFits(nonce: Json | undefined, accepts: (nonce: string) => boolean): boolean {
  return typeof nonce === 'string' && nonce.length <= 128 && accepts(nonce);
}

/** RFC 9449 section 4.3: equal without query and fragment; one with either names no place of ours. */
function samePlace(htu: string, uri: string): boolean {
  const [left, right] = [URL.parse(htu), URL.parse(uri)];
  if (left === null || right === null || /[?#]/.test(htu)) return false;
  return left.href === `${right.protocol}//${right.host}${right.pathname}`;
}

function malformed(why: string): never {
  throw new WarderError('malformed', `not a proof of possession: ${why}`, {
    hint: 'send a `dpop+jwt` as RFC 9449 has it',
  });
}

function refuse(why: string): never {
  throw new WarderError('lease-refused', `the proof does not fit the call: ${why}`, {
    hint: 'sign a fresh one for each call, with the nonce the daemon gave',
  });
}
