// Public keys as JSON (RFC 7517, RFC 7518 section 6.2, RFC 8037) and their thumbprints (RFC 7638).

import { decodeBase64url, encodeBase64url } from '../../base/encoding/base64url.ts';
import { canonicalBytes } from '../../base/encoding/jcs.ts';
import { isJsonObject, type Json, type JsonObject } from '../../base/encoding/json.ts';
import { sha256 } from '../../base/encoding/sha256.ts';
import { WarderError } from '../../base/errors/errors.ts';
import type { PublicJwk } from './algorithm.ts';
import { KEY_FORMS, type RawKey } from './spki.ts';

const PRIVATE = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];

/**
 * Reads one JWK. Members that are not about the key itself are left to the caller.
 *
 * @throws WarderError `malformed` for a private key, an unsupported kind, a contradicting `alg`,
 *   `use` or `key_ops`, coordinates of the wrong length.
 */
export function parseJwk(jwk: Json | undefined): RawKey {
  if (!isJsonObject(jwk)) refuse('a JWK is an object');
  if (PRIVATE.some((name) => name in jwk)) {
    refuse(
      'a private key where a public one belongs',
      'give public keys only, and replace this one',
    );
  }
  const form = KEY_FORMS.find(({ kty, crv }) => jwk['kty'] === kty && jwk['crv'] === crv);
  if (form === undefined)
    refuse('a key of a kind that is not supported', 'use P-256, P-384, Ed25519');
  // RFC 9864 names the algorithm `Ed25519`; both spell the same signatures.
  const names: readonly (Json | undefined)[] = [
    undefined,
    form.alg,
    form.kty === 'OKP' && 'Ed25519',
  ];
  if (!names.includes(jwk['alg'])) refuse(`\`alg\` does not fit a ${form.crv} key`);
  if (jwk['use'] !== undefined && jwk['use'] !== 'sig') refuse('`use` is not `sig`');
  const operations = jwk['key_ops'];
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('verify'))) {
    refuse('`key_ops` does not list `verify`');
  }
  const x = coordinate(jwk, 'x', form.size);
  if (form.kty === 'EC') return { form, x, y: coordinate(jwk, 'y', form.size) };
  if ('y' in jwk) refuse('an Ed25519 key has no `y`');
  return { form, x };
}

/** The JWK of a key; its `kid` is its thumbprint. */
export function formatJwk(raw: RawKey): PublicJwk {
  const { alg, kty, crv } = raw.form;
  const y = raw.y === undefined ? {} : { y: encodeBase64url(raw.y) };
  return { kty, crv, x: encodeBase64url(raw.x), ...y, kid: thumbprint(raw), alg };
}

/** RFC 7638 thumbprint with SHA-256, base64url. */
function thumbprint(raw: RawKey): string {
  const { kty, crv } = raw.form;
  const y = raw.y === undefined ? {} : { y: encodeBase64url(raw.y) };
  return encodeBase64url(sha256(canonicalBytes({ kty, crv, x: encodeBase64url(raw.x), ...y })));
}

function coordinate(jwk: JsonObject, name: 'x' | 'y', size: number): Uint8Array {
  const text = jwk[name];
  if (typeof text !== 'string') refuse(`\`${name}\` is missing`);
  const bytes = decodeBase64url(text);
  if (bytes.length !== size) refuse(`\`${name}\` has ${bytes.length} bytes instead of ${size}`);
  return bytes;
}

function refuse(why: string, hint?: string): never {
  throw new WarderError(
    'malformed',
    `not a usable key: ${why}`,
    hint === undefined ? {} : { hint },
  );
}
