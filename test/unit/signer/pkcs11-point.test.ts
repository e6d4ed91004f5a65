// Public keys as tokens tell them: wrapped or bare, and nothing else.

import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { decodeBase64url } from '../../../src/base/encoding/base64url.ts';
import { encodeHex } from '../../../src/base/encoding/hex.ts';
import { PKCS11_ALGORITHMS, publicKeyOf } from '../../../src/trust/signer/pkcs11/ec-key.ts';
import type { Algorithm } from '../../../src/trust/signer/signer.ts';

const curves = { ES256: 'P-256', ES384: 'P-384', EdDSA: undefined } as const;

describe.each(['ES256', 'ES384', 'EdDSA'] as const)('%s', (alg: Algorithm) => {
  const { keyType, params, octetString } = PKCS11_ALGORITHMS[alg];
  const [first = ''] = params;
  const curve = curves[alg];
  const { publicKey } =
    curve === undefined
      ? generateKeyPairSync('ed25519')
      : generateKeyPairSync('ec', { namedCurve: curve });
  const jwk = publicKey.export({ format: 'jwk' });
  const hex = (text = ''): string => encodeHex(decodeBase64url(text));
  const bare = (curve === undefined ? '' : '04') + hex(jwk.x) + hex(jwk.y);

  it('is read wrapped in an OCTET STRING and bare', () => {
    for (const point of [bare, octetString + bare]) {
      for (const each of params) {
        const key = publicKeyOf(alg, { keyType, params: each, point });
        expect({ x: key?.x, y: key?.y, alg: key?.alg }).toEqual({ x: jwk.x, y: jwk.y, alg });
      }
    }
  });

  it('is nothing else: other types and curves, cut, longer, compressed, in another wrapping', () => {
    const read = (point: string, type = keyType, curveOf = first): unknown =>
      publicKeyOf(alg, { keyType: type, params: curveOf, point });
    const other = alg === 'ES256' ? 'ES384' : 'ES256';
    expect(read(bare, 0)).toBeUndefined();
    expect(read(bare, keyType, PKCS11_ALGORITHMS[other].params[0])).toBeUndefined();
    expect(read(bare, keyType, '')).toBeUndefined();
    const wrong = ['', bare.slice(2), `${bare}00`, `03${bare}`, `0342${bare}`, octetString];
    for (const point of [...wrong, `${octetString}${bare}00`]) {
      expect(read(point), point).toBeUndefined();
    }
    if (curve === undefined) return;
    const compressed = `02${hex(jwk.x)}`;
    for (const point of [compressed, `05${bare.slice(2)}`]) expect(read(point)).toBeUndefined();
  });
});
