// Sealing one value: AES-256-GCM, bound to the tenant, name and version it was set for.

import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { canonicalBytes } from '../../base/encoding/jcs.ts';
import type { VaultKey } from './vault-key.ts';

const CIPHER = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Which value it is. A row that was moved or renamed does not open. */
export interface SecretPlace {
  readonly tenant: string;
  readonly name: string;
  readonly version: number;
}

export interface Sealed {
  /** Id of the key it was sealed with. */
  readonly key: string;
  readonly nonce: Uint8Array;
  /** Ciphertext, then the tag. */
  readonly sealed: Uint8Array;
}

export function seal({ key, id }: VaultKey, place: SecretPlace, value: Uint8Array): Sealed {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(bindingOf(place));
  const sealed = Buffer.concat([cipher.update(value), cipher.final(), cipher.getAuthTag()]);
  return { key: id, nonce, sealed };
}

/** @throws Error when anything differs from what was sealed: key, place, nonce, a single bit. */
export function open({ key }: VaultKey, place: SecretPlace, { nonce, sealed }: Sealed): Uint8Array {
  if (nonce.length !== NONCE_BYTES || sealed.length < TAG_BYTES) throw new Error('cut short');
  const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(bindingOf(place));
  decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
  return Buffer.concat([decipher.update(sealed.subarray(0, -TAG_BYTES)), decipher.final()]);
}

function bindingOf({ tenant, name, version }: SecretPlace): Uint8Array {
  return canonicalBytes({ use: 'warder vault v1', tenant, name, version });
}
