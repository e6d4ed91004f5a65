// TPM2_StartAuthSession, salted to a key of the TPM: only who holds its private half learns the session key.

import {
  constants,
  diffieHellman,
  generateKeyPairSync,
  publicEncrypt,
  randomBytes,
} from 'node:crypto';
import { decodeBase64url } from '../../base/encoding/base64url.ts';
import { HIERARCHY, type TpmObject } from './entity.ts';
import { DIGEST_SIZE, kdfe, zeroEnded } from './key-derivation.ts';
import { keyObject } from './make-credential.ts';
import { TPM_ALG } from './public-area.ts';
import { SESSION_CIPHER_BITS, SESSION_HASH, type SessionKind, TpmSession } from './session.ts';
import type { Tpm } from './tpm.ts';
import { joined, sized, u16 } from './tpm-writer.ts';

const KINDS: Readonly<Record<SessionKind, number>> = { hmac: 0x00, policy: 0x01, trial: 0x03 };
const NONCE_SIZE: number = DIGEST_SIZE[SESSION_HASH];

interface Salt {
  readonly salt: Uint8Array;
  readonly encrypted: Uint8Array;
}

/**
 * Starts a session. It takes one of the TPM's slots until it is flushed.
 *
 * @param saltKey a storage key or EK; without one, whoever listens can follow the session.
 */
export async function startSession(
  tpm: Tpm,
  kind: SessionKind,
  saltKey?: TpmObject,
): Promise<TpmSession> {
  const nonce = randomBytes(NONCE_SIZE);
  const { salt, encrypted } = saltKey === undefined ? NO_SALT : makeSalt(saltKey);
  const { handle, parameters } = await tpm.run({
    command: 'StartAuthSession',
    // Bound to nothing: one session serves every key.
    handles: [saltKey ?? HIERARCHY.null, HIERARCHY.null],
    parameters: [
      sized(nonce),
      sized(encrypted),
      Uint8Array.of(KINDS[kind]),
      ...[TPM_ALG.aes, SESSION_CIPHER_BITS, TPM_ALG.cfb, TPM_ALG[SESSION_HASH]].map(u16),
    ],
  });
  const nonceTpm = parameters.sized(NONCE_SIZE);
  parameters.end();
  const session = new TpmSession(handle, kind, salt, nonce, nonceTpm);
  salt.fill(0);
  return session;
}

const NO_SALT: Salt = { salt: new Uint8Array(0), encrypted: new Uint8Array(0) };

/** A secret for the TPM (Part 1, sections B.10.2 and C.6.3). */
function makeSalt({ area: { nameAlg, key } }: TpmObject): Salt {
  const publicKey = keyObject(key);
  const size = DIGEST_SIZE[nameAlg];
  if (key.kind === 'rsa') {
    const salt = randomBytes(size);
    const encrypted = publicEncrypt(
      {
        key: publicKey,
        padding: constants.RSA_PKCS1_OAEP_PADDING,
        oaepHash: nameAlg,
        oaepLabel: zeroEnded('SECRET'),
      },
      salt,
    );
    return { salt, encrypted };
  }
  const ephemeral = generateKeyPairSync('ec', { namedCurve: key.curve });
  const { x = '', y = '' } = ephemeral.publicKey.export({ format: 'jwk' });
  const own = { x: decodeBase64url(x), y: decodeBase64url(y) };
  const shared = diffieHellman({ privateKey: ephemeral.privateKey, publicKey });
  const salt = kdfe(nameAlg, shared, 'SECRET', own.x, key.x, size * 8);
  shared.fill(0);
  return { salt, encrypted: joined(sized(own.x), sized(own.y)) };
}
