// The public half of a TPM object (TPMT_PUBLIC, Part 2, section 12.2.4): read strictly, and its Name.

import { createHash } from 'node:crypto';
import { TpmReader } from './tpm-reader.ts';
import { joined, u16 } from './tpm-writer.ts';

/** TPM_ALG_ID of what is used here. */
export const TPM_ALG = {
  rsa: 0x0001,
  sha1: 0x0004,
  aes: 0x0006,
  sha256: 0x000b,
  sha384: 0x000c,
  sha512: 0x000d,
  null: 0x0010,
  rsassa: 0x0014,
  ecdsa: 0x0018,
  ecc: 0x0023,
  cfb: 0x0043,
} as const;

/** TPMA_OBJECT: what an object may do, and where it may go. */
export const ATTRIBUTE = {
  fixedTPM: 0x0000_0002,
  stClear: 0x0000_0004,
  fixedParent: 0x0000_0010,
  sensitiveDataOrigin: 0x0000_0020,
  userWithAuth: 0x0000_0040,
  adminWithPolicy: 0x0000_0080,
  noDA: 0x0000_0400,
  encryptedDuplication: 0x0000_0800,
  restricted: 0x0001_0000,
  decrypt: 0x0002_0000,
  sign: 0x0004_0000,
  x509sign: 0x0008_0000,
} as const;

/** An attribute by its name in the specification. */
export type AttributeName = keyof typeof ATTRIBUTE;

/** TPM_ECC_CURVE of the curves used here. */
export const TPM_CURVE = { 'P-256': 0x0003, 'P-384': 0x0004 } as const;

/** Digests a Name or a signature may be made with. */
export type TpmHash = 'sha256' | 'sha384';

/** A public area taken apart. */
export interface PublicArea {
  /** TPMT_PUBLIC as it was written; the Name is over these bytes. */
  readonly bytes: Uint8Array;
  readonly nameAlg: TpmHash;
  /** TPMA_OBJECT. */
  readonly attributes: number;
  /** Empty where the object has no policy. */
  readonly authPolicy: Uint8Array;
  /** Of a storage key, which protects what is below it or sent to it. */
  readonly symmetric: { readonly keyBits: 128 | 256 } | undefined;
  /** Of a key with one scheme only. */
  readonly scheme: { readonly alg: number; readonly hash: TpmHash } | undefined;
  readonly key: EccPoint | RsaModulus;
}

export interface EccPoint {
  readonly kind: 'ecc';
  readonly curve: 'P-256' | 'P-384';
  /** As long as the field. */
  readonly x: Uint8Array;
  readonly y: Uint8Array;
}

export interface RsaModulus {
  readonly kind: 'rsa';
  readonly modulus: Uint8Array;
  readonly exponent: number;
}

/** Largest TPM2B_PUBLIC that is read. */
export const PUBLIC_MAX = 1024;

/**
 * Reads a TPM2B_PUBLIC.
 *
 * @param what for messages, e.g. `the EK`.
 * @throws WarderError `malformed`, also for kinds of object that warder has nothing to do with.
 */
export function parseSizedPublic(bytes: Uint8Array, what: string): PublicArea {
  const reader = new TpmReader(bytes, what);
  const body = reader.sized(PUBLIC_MAX);
  reader.end();
  return parsePublicArea(body, what);
}

/** Reads a TPMT_PUBLIC. @throws WarderError `malformed`. */
export function parsePublicArea(bytes: Uint8Array, what: string): PublicArea {
  const reader = new TpmReader(bytes, what);
  const type = reader.u16();
  const nameAlg = hash(reader);
  const attributes = reader.u32();
  const authPolicy = reader.sized(64);
  if (type !== TPM_ALG.ecc && type !== TPM_ALG.rsa) reader.fail('neither an ECC nor an RSA key');
  const symmetric = symmetricOf(reader);
  const scheme = schemeOf(reader);
  const key = type === TPM_ALG.ecc ? eccKey(reader) : rsaKey(reader);
  reader.end();
  const copy = Uint8Array.from(bytes);
  return { bytes: copy, nameAlg, attributes, authPolicy, symmetric, scheme, key };
}

/** The Name of an object: its digest algorithm, and the digest of its public area. */
export function nameOf({ bytes, nameAlg }: PublicArea): Uint8Array<ArrayBuffer> {
  return joined(u16(TPM_ALG[nameAlg]), createHash(nameAlg).update(bytes).digest());
}

/** The Qualified Name: the Name together with that of what it is below. */
export function qualifiedName(parent: Uint8Array, area: PublicArea): Uint8Array<ArrayBuffer> {
  const digest = createHash(area.nameAlg).update(parent).update(nameOf(area)).digest();
  return joined(u16(TPM_ALG[area.nameAlg]), digest);
}

/** Whether all of the attributes are set. */
export function hasAll({ attributes }: PublicArea, names: readonly AttributeName[]): boolean {
  return names.every((name) => (attributes & ATTRIBUTE[name]) !== 0);
}

/** A TPM_ALG_ID that names a digest. @throws WarderError `malformed` for one that is not used here. */
export function hash(reader: TpmReader): TpmHash {
  const id = reader.u16();
  if (id === TPM_ALG.sha256) return 'sha256';
  if (id === TPM_ALG.sha384) return 'sha384';
  return reader.fail(`digest algorithm 0x${id.toString(16)}`);
}

/** TPMT_SYM_DEF_OBJECT. */
function symmetricOf(reader: TpmReader): PublicArea['symmetric'] {
  const alg = reader.u16();
  if (alg === TPM_ALG.null) return undefined;
  const keyBits = reader.u16();
  const mode = reader.u16();
  if (alg !== TPM_ALG.aes || mode !== TPM_ALG.cfb || (keyBits !== 128 && keyBits !== 256)) {
    reader.fail('a cipher that is not AES-CFB');
  }
  return { keyBits };
}

/** TPMT_ECC_SCHEME or TPMT_RSA_SCHEME. */
function schemeOf(reader: TpmReader): PublicArea['scheme'] {
  const alg = reader.u16();
  if (alg === TPM_ALG.null) return undefined;
  if (alg !== TPM_ALG.ecdsa && alg !== TPM_ALG.rsassa) {
    reader.fail(`scheme 0x${alg.toString(16)}`);
  }
  return { alg, hash: hash(reader) };
}

function eccKey(reader: TpmReader): EccPoint {
  const id = reader.u16();
  const curve = id === TPM_CURVE['P-256'] ? 'P-256' : id === TPM_CURVE['P-384'] ? 'P-384' : null;
  if (curve === null) reader.fail(`curve 0x${id.toString(16)}`);
  if (reader.u16() !== TPM_ALG.null) reader.fail('a key derivation scheme');
  const size = curve === 'P-256' ? 32 : 48;
  const coordinate = (): Uint8Array => {
    const bytes = reader.sized(size);
    const padded = new Uint8Array(size);
    padded.set(bytes, size - bytes.length);
    return padded;
  };
  return { kind: 'ecc', curve, x: coordinate(), y: coordinate() };
}

function rsaKey(reader: TpmReader): RsaModulus {
  const bits = reader.u16();
  const exponent = reader.u32();
  const modulus = reader.sized(512);
  if (bits < 2048 || bits > 4096 || modulus.length * 8 !== bits || (modulus[0] ?? 0) < 0x80) {
    reader.fail('an RSA modulus of another size than it says, or below 2048 bits');
  }
  // Zero stands for the usual exponent.
  return { kind: 'rsa', modulus, exponent: exponent === 0 ? 65_537 : exponent };
}
