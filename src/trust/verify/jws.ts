// JWS compact serialisation (RFC 7515): taken apart strictly, verified against one given key.

import { decodeBase64url } from '../../base/encoding/base64url.ts';
import { isJsonObject, type JsonObject } from '../../base/encoding/json.ts';
import { parseJson } from '../../base/encoding/parse-json.ts';
import { encodeUtf8 } from '../../base/encoding/utf8.ts';
import { WarderError } from '../../base/errors/errors.ts';
import { holds, type VerifyKey } from './signature.ts';

/** A compact JWS taken apart; nothing is verified yet. */
export interface CompactJws {
  readonly header: JsonObject;
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
  /** `header.payload`, the bytes that are signed. */
  readonly signingInput: string;
}

const MAX_JWS = 64 * 1024;

/**
 * Takes a compact JWS apart. Every part is canonical base64url, the header strict JSON.
 *
 * @throws WarderError `malformed`, also for `crit`: we understand no extension, so none may be critical.
 */
export function parseJws(text: string): CompactJws {
  if (text.length > MAX_JWS) refuse('it is too long');
  const parts = text.split('.');
  const [header = '', payload = '', signature = ''] = parts;
  if (parts.length !== 3) refuse('it is not three parts');
  const parsed = parseJson(decodeBase64url(header), { maxBytes: 8 * 1024, maxDepth: 8 });
  if (!isJsonObject(parsed)) refuse('its header is no object');
  if ('crit' in parsed) refuse('it has critical extensions');
  // RFC 7797 changes what is signed; without `crit` it would be ignored by others.
  if ('b64' in parsed) refuse('its payload encoding is another');
  return {
    header: parsed,
    payload: decodeBase64url(payload),
    signature: decodeBase64url(signature),
    signingInput: `${header}.${payload}`,
  };
}

/**
 * Verifies under a key the caller chose; keys and addresses of keys in the header are never used.
 *
 * @throws WarderError `verification-failed` when the signature does not hold, or `alg` is not the key's.
 */
export async function verifyJws(jws: CompactJws, key: VerifyKey): Promise<void> {
  const alg = jws.header['alg'];
  // RFC 9864 spells EdDSA with Ed25519 `Ed25519`.
  const sameAlg = alg === key.alg || (alg === 'Ed25519' && key.alg === 'EdDSA');
  if (!sameAlg || !(await holds(key, encodeUtf8(jws.signingInput), jws.signature))) {
    throw new WarderError('verification-failed', 'the signature of the token does not hold');
  }
}

function refuse(why: string): never {
  throw new WarderError('malformed', `not a compact JWS: ${why}`);
}
