// Public keys as raw bytes, SubjectPublicKeyInfo (RFC 5480, RFC 8410) and PEM, in their one canonical form each.

import { decodeBase64 } from '../../base/encoding/base64.ts';
import { WarderError } from '../../base/errors/errors.ts';
import type { Algorithm, PublicJwk } from './algorithm.ts';

/** What the three kinds of key we use look like. */
interface KeyForm {
  readonly alg: Algorithm;
  readonly kty: PublicJwk['kty'];
  readonly crv: PublicJwk['crv'];
  /** Bytes of one coordinate, or of the Ed25519 key. */
  readonly size: number;
  /** DER of everything before the key's own bytes. */
  readonly prefix: readonly number[];
}

/** Every kind of key warder verifies with. */
export const KEY_FORMS: readonly KeyForm[] = [
  {
    alg: 'ES256',
    kty: 'EC',
    crv: 'P-256',
    size: 32,
    prefix: [
      0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08,
      0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
    ],
  },
  {
    alg: 'ES384',
    kty: 'EC',
    crv: 'P-384',
    size: 48,
    prefix: [
      0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05,
      0x2b, 0x81, 0x04, 0x00, 0x22, 0x03, 0x62, 0x00, 0x04,
    ],
  },
  {
    alg: 'EdDSA',
    kty: 'OKP',
    crv: 'Ed25519',
    size: 32,
    prefix: [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00],
  },
];

/** A public key by its bytes. */
export interface RawKey {
  readonly form: KeyForm;
  readonly x: Uint8Array;
  /** Absent for Ed25519. */
  readonly y?: Uint8Array;
}

/** DER of the key's SubjectPublicKeyInfo, point uncompressed. */
export function formatSpki({ form, x, y }: RawKey): Uint8Array<ArrayBuffer> {
  return Uint8Array.from([...form.prefix, ...x, ...(y ?? [])]);
}

/** @throws WarderError `malformed` for what is not such a key in canonical DER. */
export function parseSpki(der: Uint8Array): RawKey {
  for (const form of KEY_FORMS) {
    const { prefix, size, kty } = form;
    const coordinates = kty === 'EC' ? 2 : 1;
    if (der.length !== prefix.length + coordinates * size) continue;
    if (!prefix.every((byte, at) => der[at] === byte)) continue;
    const x = der.slice(prefix.length, prefix.length + size);
    return kty === 'EC' ? { form, x, y: der.slice(prefix.length + size) } : { form, x };
  }
  throw new WarderError('malformed', 'a public key of a kind that is not supported', {
    hint: 'use P-256, P-384 (uncompressed) or Ed25519 keys in SubjectPublicKeyInfo form',
  });
}

const PEM = /^-----BEGIN PUBLIC KEY-----\n((?:[A-Za-z0-9+/=]{1,64}\n)+)-----END PUBLIC KEY-----$/;

/** Keys of a PEM file that holds `PUBLIC KEY` blocks only. @throws WarderError `malformed`. */
export function parsePem(text: string): RawKey[] {
  const blocks = text
    .replaceAll('\r\n', '\n')
    .trim()
    .split(/(?<=-----END [A-Z ]{1,40}-----)\s+/);
  return blocks.map((block) => {
    const body = PEM.exec(block)?.[1];
    if (body === undefined) {
      throw new WarderError('malformed', 'not a PEM public key', {
        hint: 'give `-----BEGIN PUBLIC KEY-----` blocks only, never a private key',
      });
    }
    return parseSpki(decodeBase64(body.replaceAll('\n', '')));
  });
}
