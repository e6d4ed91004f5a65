// The lease as JWS compact serialization (RFC 7515): one accepted text per token.

import { decodeBase64url, encodeBase64url } from '../../base/encoding/base64url.ts';
import { canonicalBytes } from '../../base/encoding/jcs.ts';
import { parseJson } from '../../base/encoding/parse-json.ts';
import { sha256Text } from '../../base/encoding/sha256.ts';
import { WarderError } from '../../base/errors/errors.ts';
import { parseClaims } from './claims.ts';
import type { LeaseClaims } from './lease.ts';

/** Media type of the token, in the `typ` header. */
export const LEASE_TYPE = 'lease+jwt' as const;

/** Longest token, characters. */
export const TOKEN_MAX = 65_536;

/** Algorithms leases are signed with. */
export type LeaseAlgorithm = 'ES256' | 'EdDSA';

/** Exactly the members a header has. */
export interface LeaseHeader {
  readonly alg: LeaseAlgorithm;
  /** RFC 7638 thumbprint of the key. */
  readonly kid: string;
  readonly typ: typeof LEASE_TYPE;
}

/** A token read, with nothing proven about it. */
export interface ParsedLease {
  readonly header: LeaseHeader;
  readonly claims: LeaseClaims;
  /** `header.payload`, as signed. */
  readonly signingInput: string;
  readonly signature: Uint8Array;
}

/**
 * Reads a token: canonical base64url, no duplicate members, exactly the three header members, strict
 * claims. Nothing in it is trusted yet.
 *
 * @throws WarderError `malformed`.
 */
export function parseLease(token: string): ParsedLease {
  if (typeof token !== 'string') refuse('no text');
  if (token.length > TOKEN_MAX) refuse(`longer than ${TOKEN_MAX} characters`);
  const parts = token.split('.');
  const [header, payload, signature] = parts;
  if (
    parts.length !== 3 ||
    header === undefined ||
    payload === undefined ||
    signature === undefined
  ) {
    refuse('not three parts with dots between');
  }
  return {
    ...parseSigningInput(`${header}.${payload}`),
    signature: decodeBase64url(signature),
  };
}

/**
 * The same for what is about to be signed.
 *
 * @throws WarderError `malformed`.
 */
export function parseSigningInput(input: string): Omit<ParsedLease, 'signature'> {
  const parts = input.split('.');
  const [header = '', payload = ''] = parts;
  if (parts.length !== 2 || input.length > TOKEN_MAX) refuse('not a signing input');
  return {
    header: readHeader(header),
    claims: parseClaims(parseJson(decodeBase64url(payload), { maxBytes: TOKEN_MAX, maxDepth: 8 })),
    signingInput: input,
  };
}

/** `header.payload` over the RFC 8785 form of both. */
export function formatSigningInput(header: LeaseHeader, claims: LeaseClaims): string {
  return `${encodeBase64url(canonicalBytes(header))}.${encodeBase64url(canonicalBytes(claims))}`;
}

/** SHA-256 of the signing input, hex: what a lease is pinned by, whatever its signature bytes are. */
export function leaseDigest(signingInput: string): string {
  return sha256Text(signingInput, 'hex');
}

/** Headers read before: those of one issuer are all alike. */
const known = new Map<string, LeaseHeader>();
const KNOWN_MAX = 64;

function readHeader(text: string): LeaseHeader {
  const before = known.get(text);
  if (before !== undefined) return before;
  const json = parseJson(decodeBase64url(text), { maxBytes: 1024, maxDepth: 2 });
  const header = Object.freeze(parseHeader(json));
  if (known.size >= KNOWN_MAX) known.clear();
  known.set(text, header);
  return header;
}

function parseHeader(json: unknown): LeaseHeader {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) refuse('no header');
  const fields = json as Readonly<Record<string, unknown>>;
  if ('crit' in fields) refuse('`crit` names extensions this verifier does not know');
  for (const name of Object.keys(fields)) {
    // `jwk`, `jku`, `x5c`, `x5u`: keys are never taken from a token.
    if (!['alg', 'kid', 'typ'].includes(name))
      refuse(`header member ${JSON.stringify(name.slice(0, 40))}`);
  }
  const { alg, kid, typ } = fields;
  if (typ !== LEASE_TYPE) refuse(`\`typ\` is not \`${LEASE_TYPE}\``);
  if (alg !== 'ES256' && alg !== 'EdDSA') refuse('`alg` is neither ES256 nor EdDSA');
  if (typeof kid !== 'string' || !/^[A-Za-z0-9_-]{43}$/.test(kid)) refuse('`kid` is no thumbprint');
  return { alg, kid, typ };
}

function refuse(why: string): never {
  throw new WarderError('malformed', `not a lease: ${why}`, {
    hint: 'give the token exactly as it was issued',
  });
}
