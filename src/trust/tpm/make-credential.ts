// TPM2_MakeCredential without a TPM (Part 1, section 24): a secret that only the TPM of an EK can open, and only
// while it holds the object of that Name.

import {
  constants,
  createCipheriv,
  createHmac,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  type KeyObject,
  publicEncrypt,
  randomBytes,
} from 'node:crypto';
import { decodeBase64url, encodeBase64url } from '../../base/encoding/base64url.ts';
import { WarderError } from '../../base/errors/errors.ts';
import { DIGEST_SIZE, kdfa, kdfe, zeroEnded } from './key-derivation.ts';
import type { EccPoint, PublicArea, RsaModulus, TpmHash } from './public-area.ts';
import { joined, sized, u32 } from './tpm-writer.ts';

/** What TPM2_ActivateCredential is given. */
export interface Credential {
  /** TPM2B_ID_OBJECT. */
  readonly blob: Uint8Array;
  /** TPM2B_ENCRYPTED_SECRET. */
  readonly encryptedSecret: Uint8Array;
}

const NOTHING = new Uint8Array(0);

/**
 * Wraps a secret for an EK.
 *
 * @param name of the object that has to be loaded beside the EK.
 * @param secret at most as long as a digest of the EK.
 * @throws WarderError `malformed` for an EK that is no storage key, or no key at all.
 */
export function makeCredential(ek: PublicArea, name: Uint8Array, secret: Uint8Array): Credential {
  const { nameAlg, symmetric, key } = ek;
  if (symmetric === undefined) {
    throw new WarderError('malformed', 'the EK has no cipher: nothing can be sent to it');
  }
  const bits = DIGEST_SIZE[nameAlg] * 8;
  const { seed, encryptedSecret } =
    key.kind === 'rsa' ? rsaSeed(nameAlg, key) : eccSeed(nameAlg, key);
  const cipherKey = kdfa(nameAlg, seed, 'STORAGE', name, NOTHING, symmetric.keyBits);
  const cipher = createCipheriv(`aes-${symmetric.keyBits}-cfb`, cipherKey, new Uint8Array(16));
  const identity = joined(cipher.update(sized(secret)), cipher.final());
  const macKey = kdfa(nameAlg, seed, 'INTEGRITY', NOTHING, NOTHING, bits);
  const mac = createHmac(nameAlg, macKey).update(identity).update(name).digest();
  return { blob: sized(sized(mac), identity), encryptedSecret: sized(encryptedSecret) };
}

/** A key by its public area, as node:crypto takes it. @throws Error for what is no key. */
export function keyObject(key: EccPoint | RsaModulus): KeyObject {
  if (key.kind === 'ecc') {
    const { curve: crv, x, y } = key;
    const jwk = { kty: 'EC', crv, x: encodeBase64url(x), y: encodeBase64url(y) };
    return createPublicKey({ key: jwk, format: 'jwk' });
  }
  const exponent = u32(key.exponent);
  const e = encodeBase64url(exponent.slice(exponent.findIndex((byte) => byte !== 0)));
  const jwk = { kty: 'RSA', n: encodeBase64url(key.modulus), e };
  return createPublicKey({ key: jwk, format: 'jwk' });
}

interface Seed {
  readonly seed: Uint8Array;
  readonly encryptedSecret: Uint8Array;
}

/** A random seed under OAEP. */
function rsaSeed(hash: TpmHash, key: RsaModulus): Seed {
  const seed = randomBytes(DIGEST_SIZE[hash]);
  const encryptedSecret = publicEncrypt(
    {
      key: keyObject(key),
      padding: constants.RSA_PKCS1_OAEP_PADDING,
      oaepHash: hash,
      oaepLabel: zeroEnded('IDENTITY'),
    },
    seed,
  );
  return { seed, encryptedSecret };
}

/** A seed agreed upon with a key made for it. */
function eccSeed(hash: TpmHash, key: EccPoint): Seed {
  const ephemeral = generateKeyPairSync('ec', { namedCurve: key.curve });
  const { x = '', y = '' } = ephemeral.publicKey.export({ format: 'jwk' });
  const own = { x: decodeBase64url(x), y: decodeBase64url(y) };
  const shared = diffieHellman({
    privateKey: ephemeral.privateKey,
    publicKey: keyObject(key),
  });
  const seed = kdfe(hash, shared, 'IDENTITY', own.x, key.x, DIGEST_SIZE[hash] * 8);
  return { seed, encryptedSecret: joined(sized(own.x), sized(own.y)) };
}
