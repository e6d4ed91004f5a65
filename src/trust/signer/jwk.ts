// Public keys: strict reading, RFC 7638 thumbprints, SubjectPublicKeyInfo. Pure; verifiers use it too.

import { decodeBase64url, encodeBase64url } from '../../base/encoding/base64url.ts';
import { decodeHex, encodeHex } from '../../base/encoding/hex.ts';
import { canonicalBytes } from '../../base/encoding/jcs.ts';
import { sha256 } from '../../base/encoding/sha256.ts';
import { WarderError } from '../../base/errors/errors.ts';
import type { Algorithm, PublicJwk } from './signer.ts';

/** What an algorithm's keys look like; one curve for each, so that `alg` is pinned to the key. */
export const ALGORITHMS: Readonly<Record<Algorithm, AlgorithmFacts>> = {
  ES256: {
    kty: 'EC',
    crv: 'P-256',
    coordinate: 32,
    hash: 'sha256',
    // SEQUENCE { SEQUENCE { id-ecPublicKey, prime256v1 }, BIT STRING { 04 … } }
    spki: '3059301306072a8648ce3d020106082a8648ce3d03010703420004',
    order: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
  },
  ES384: {
    kty: 'EC',
    crv: 'P-384',
    coordinate: 48,
    hash: 'sha384',
    spki: '3076301006072a8648ce3d020106052b8104002203620004',
    order:
      0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
  },
  EdDSA: {
    kty: 'OKP',
    crv: 'Ed25519',
    coordinate: 32,
    hash: null,
    spki: '302a300506032b6570032100',
    order: null,
  },
};

/** Facts about one algorithm. */
export interface AlgorithmFacts {
  readonly kty: PublicJwk['kty'];
  readonly crv: PublicJwk['crv'];
  /** Bytes of a coordinate; a signature has twice as many. */
  readonly coordinate: number;
  readonly hash: 'sha256' | 'sha384' | null;
  /** DER before the point, hex. */
  readonly spki: string;
  /** Order of the group, for low-s; null where the scheme has one encoding only. */
  readonly order: bigint | null;
}

/** Whether this names an algorithm warder signs with. */
export function isAlgorithm(name: unknown): name is Algorithm {
  return typeof name === 'string' && Object.hasOwn(ALGORITHMS, name);
}

/**
 * Reads a public key strictly: exactly the members of a {@link PublicJwk} (`use` and `key_ops` are
 * not taken either), canonical coordinates of the right length, `kid` equal to the thumbprint.
 *
 * @throws WarderError `malformed`. Whether the point is on its curve is left to the verifier's import.
 */
export function parsePublicJwk(json: unknown): PublicJwk {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) refuse('not an object');
  const fields = json as Record<string, unknown>;
  const { alg, kid } = fields;
  if (!isAlgorithm(alg)) refuse('`alg` is not ES256, ES384 or EdDSA');
  const { kty, crv } = ALGORITHMS[alg];
  const known =
    kty === 'EC' ? ['kty', 'crv', 'x', 'y', 'kid', 'alg'] : ['kty', 'crv', 'x', 'kid', 'alg'];
  for (const name of Object.keys(fields)) if (!known.includes(name)) refuse(`member \`${name}\``);
  if (fields['kty'] !== kty || fields['crv'] !== crv)
    refuse(`\`alg\` is ${alg} but the key is not`);
  const key = makePublicJwk(alg, fields['x'], fields['y']);
  if (key.kid !== kid) refuse('`kid` is not the thumbprint of the key');
  return key;
}

/**
 * A public key from its coordinates; `kid` is computed.
 *
 * @throws WarderError `malformed` for coordinates that are not canonical or not of the right length.
 */
export function makePublicJwk(alg: Algorithm, x: unknown, y?: unknown): PublicJwk {
  const { kty, crv, coordinate } = ALGORITHMS[alg];
  const checked = (value: unknown): string => {
    if (typeof value !== 'string' || decodeBase64url(value).length !== coordinate) {
      refuse(`a coordinate of ${crv} has ${coordinate} bytes`);
    }
    return value;
  };
  if (kty === 'OKP') {
    if (y !== undefined) refuse('an Ed25519 key has no `y`');
    const members = { kty, crv, x: checked(x) } as const;
    return Object.freeze({ ...members, kid: thumbprint(members), alg });
  }
  const members = { kty, crv, x: checked(x), y: checked(y) } as const;
  return Object.freeze({ ...members, kid: thumbprint(members), alg });
}

/** RFC 7638: SHA-256 over the JCS form of the required members, base64url. */
function thumbprint(key: Pick<PublicJwk, 'kty' | 'crv' | 'x' | 'y'>): string {
  const { kty, crv, x, y } = key;
  return encodeBase64url(
    sha256(canonicalBytes(kty === 'EC' ? { crv, kty, x, y } : { crv, kty, x })),
  );
}

/** SubjectPublicKeyInfo, DER. */
export function spki(key: PublicJwk): Uint8Array<ArrayBuffer> {
  const point = encodeHex(decodeBase64url(key.x)) + encodeHex(decodeBase64url(key.y ?? ''));
  return decodeHex(ALGORITHMS[key.alg].spki + point);
}

function refuse(what: string): never {
  throw new WarderError('malformed', `not a public key warder takes: ${what}`);
}
