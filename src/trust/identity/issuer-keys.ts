// The keys of an issuer of identities: a JWKS (RFC 7517) read strictly, looked up by `kid` alone.

import { createPublicKey, verify } from 'node:crypto';
import { decodeBase64url } from '../../base/encoding/base64url.ts';
import { isJsonObject, type Json, type JsonObject } from '../../base/encoding/json.ts';
import { parseJson } from '../../base/encoding/parse-json.ts';
import { encodeUtf8 } from '../../base/encoding/utf8.ts';
import { WarderError } from '../../base/errors/errors.ts';
import { parseJwk } from '../verify/jwk.ts';
import { holds, importKey } from '../verify/signature.ts';
import { algorithmForms, type IdentityAlgorithm } from './identity-algorithm.ts';

/** Most bytes of a JWKS file. */
export const JWKS_MAX: number = 256 * 1024;
const KEYS_MAX = 256;
const KID = /^[\x21-\x7e]{1,256}$/;
const PRIVATE = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];
/** Bytes of a modulus: 2048 to 8192 bits. */
const MODULUS = { least: 256, most: 1024 } as const;

/** One key under one name. */
export interface IssuerKey {
  /** Whether a signature of this algorithm over a text holds; of another kind than the key's it never does. */
  check(alg: IdentityAlgorithm, text: string, signature: Uint8Array): Promise<boolean>;
}

/**
 * Reads a JWKS. Keys to encrypt with, and of kinds no listed algorithm has, are passed over.
 *
 * @param algorithms what the issuer may sign with.
 * @returns the keys by `kid`.
 * @throws WarderError `malformed` for anything else: no or two keys of one `kid`, a private or symmetric
 *   key, an RSA key below 2048 bits, a point of low order or off its curve, and no key that could be used.
 */
export async function parseIssuerKeys(
  text: string,
  algorithms: readonly IdentityAlgorithm[],
): Promise<ReadonlyMap<string, IssuerKey>> {
  const json = parseJson(text, { maxBytes: JWKS_MAX, maxDepth: 8 });
  const list = isJsonObject(json) ? json['keys'] : undefined;
  if (!Array.isArray(list) || list.length > KEYS_MAX) {
    refuse(`it is no object with at most ${KEYS_MAX} \`keys\``);
  }
  const keys = new Map<string, IssuerKey>();
  const seen = new Set<string>();
  for (const jwk of list as readonly Json[]) {
    if (!isJsonObject(jwk)) refuse('a key is no object');
    if (PRIVATE.some((name) => name in jwk)) refuse('it holds a private or a shared key');
    const { kid } = jwk;
    if (typeof kid !== 'string' || !KID.test(kid)) refuse('a key has no `kid`');
    if (seen.has(kid)) refuse(`two keys have the \`kid\` ${JSON.stringify(kid)}`);
    seen.add(kid);
    const usable = algorithms.filter((alg) => fits(jwk, alg));
    if (usable.length > 0) keys.set(kid, await readKey(jwk, usable));
  }
  if (keys.size === 0) refuse('it has no key for any of the listed algorithms');
  return keys;
}

function fits(jwk: JsonObject, alg: IdentityAlgorithm): boolean {
  const { kty, crv } = algorithmForms[alg];
  const named = jwk['alg'] === 'Ed25519' ? 'EdDSA' : jwk['alg'];
  if (named !== undefined && named !== alg) return false;
  if (jwk['use'] !== undefined && jwk['use'] !== 'sig') return false;
  const operations = jwk['key_ops'];
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('verify'))) {
    return false;
  }
  return jwk['kty'] === kty && (crv === undefined || jwk['crv'] === crv);
}

async function readKey(jwk: JsonObject, usable: readonly IdentityAlgorithm[]): Promise<IssuerKey> {
  if (jwk['kty'] === 'RSA') return readRsaKey(jwk, usable);
  // Curves, points and second spellings of signatures are judged as everywhere in warder.
  const key = await importKey(parseJwk(jwk));
  return {
    check: async (alg, text, signature) =>
      usable.includes(alg) && holds(key, encodeUtf8(text), signature),
  };
}

function readRsaKey(jwk: JsonObject, usable: readonly IdentityAlgorithm[]): IssuerKey {
  const { n, e } = jwk;
  if (typeof n !== 'string' || typeof e !== 'string') refuse('an RSA key has no `n` and `e`');
  const modulus = decodeBase64url(n);
  const exponent = decodeBase64url(e);
  const size = modulus.length;
  if (size < MODULUS.least || size > MODULUS.most || (modulus[0] ?? 0) < 0x80) {
    refuse('an RSA key has not 2048 to 8192 bits');
  }
  // Odd, from 3 to 2^32: larger ones only cost time.
  const odd = ((exponent.at(-1) ?? 0) & 1) === 1;
  if (exponent.length > 4 || exponent[0] === 0 || !odd || e === 'AQ') {
    refuse('an RSA key has an exponent that is not allowed');
  }
  const no = Promise.resolve(false);
  const key = createPublicKey({ key: { kty: 'RSA', n, e }, format: 'jwk' });
  return {
    check: (alg, text, signature) => {
      const { kty, hash, padding, saltLength } = algorithmForms[alg];
      if (!usable.includes(alg) || kty !== 'RSA' || padding === undefined) return no;
      if (signature.length !== size) return no;
      const options = { key, padding, ...(saltLength === undefined ? {} : { saltLength }) };
      return Promise.resolve(verify(hash, encodeUtf8(text), options, signature));
    },
  };
}

function refuse(why: string): never {
  throw new WarderError('malformed', `not the keys of an issuer: ${why}`, {
    hint: 'give the JWKS file that the issuer publishes',
  });
}
