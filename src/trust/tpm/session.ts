// A session with a TPM (Part 1, section 19): commands are authorised and responses verified with HMACs, first
// parameters encrypted. Whoever listens learns no auth value; whoever changes a byte is noticed.

import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto';
import { DIGEST_SIZE, kdfa } from './key-derivation.ts';
import { joined } from './tpm-writer.ts';

/** Digest algorithm of every session made here. */
export const SESSION_HASH = 'sha256';
/** AES key of parameter encryption, bits. */
export const SESSION_CIPHER_BITS = 128;
const NONCE_SIZE: number = DIGEST_SIZE[SESSION_HASH];
const BLOCK = 16;
const NOTHING = new Uint8Array(0);

/** TPMA_SESSION. */
export const SESSION_ATTRIBUTE = { continueSession: 0x01, decrypt: 0x20, encrypt: 0x40 } as const;

/** A session that authorises nothing by itself: an empty password. */
export const EMPTY_AUTH = 'empty-auth';

/** TPM_SE. */
export type SessionKind = 'hmac' | 'policy' | 'trial';

/** One session, and what both sides know of it. Used for one command after the other. */
export class TpmSession {
  readonly handle: number;
  readonly kind: SessionKind;
  /** A policy session in which the auth value was asked for proves it like an HMAC session. */
  wantsAuthValue: boolean;
  /** False once the TPM said that it has ended it, or an answer was untrue. */
  alive = true;
  readonly #key: Uint8Array;
  #nonceTpm: Uint8Array;
  #nonceCaller: Uint8Array = NOTHING;

  /**
   * @param salt what only the TPM knows besides; empty for a session anybody can follow.
   * @param nonceCaller what TPM2_StartAuthSession was given.
   * @param nonceTpm what it answered.
   */
  constructor(
    handle: number,
    kind: SessionKind,
    salt: Uint8Array,
    nonceCaller: Uint8Array,
    nonceTpm: Uint8Array,
  ) {
    this.handle = handle;
    this.kind = kind;
    this.wantsAuthValue = kind === 'hmac';
    this.#nonceTpm = nonceTpm;
    this.#key =
      salt.length === 0
        ? NOTHING
        : kdfa(SESSION_HASH, salt, 'ATH', nonceTpm, nonceCaller, NONCE_SIZE * 8);
  }

  /** Whether first parameters can be encrypted: nobody else knows the session key. */
  get secret(): boolean {
    return this.#key.length > 0;
  }

  /** The nonce of the next command. */
  next(): Uint8Array {
    this.#nonceCaller = randomBytes(NONCE_SIZE);
    return this.#nonceCaller;
  }

  /** Encrypts the first parameter of the command whose nonce {@link next} gave. */
  encrypt(parameter: Uint8Array, auth: Uint8Array): Uint8Array<ArrayBuffer> {
    const { key, iv } = this.#cipher(auth, this.#nonceCaller, this.#nonceTpm);
    const cipher = createCipheriv('aes-128-cfb', key, iv);
    return joined(cipher.update(parameter), cipher.final());
  }

  /** HMAC that authorises the command. @param digest cpHash. */
  authorize(digest: Uint8Array, auth: Uint8Array, attributes: number): Uint8Array {
    return this.#hmac(digest, auth, this.#nonceCaller, this.#nonceTpm, attributes);
  }

  /** Takes the answer's nonce if its HMAC holds. @param digest rpHash. */
  verify(
    digest: Uint8Array,
    auth: Uint8Array,
    answer: { readonly nonce: Uint8Array; readonly attributes: number; readonly hmac: Uint8Array },
  ): boolean {
    const expected = this.#hmac(digest, auth, answer.nonce, this.#nonceCaller, answer.attributes);
    const holds = expected.length === answer.hmac.length && timingSafeEqual(expected, answer.hmac);
    if (holds) this.#nonceTpm = answer.nonce;
    this.alive = holds && (answer.attributes & SESSION_ATTRIBUTE.continueSession) !== 0;
    return holds;
  }

  /** Decrypts the first parameter of an answer that {@link verify} found true. */
  decrypt(parameter: Uint8Array, auth: Uint8Array): Uint8Array<ArrayBuffer> {
    const { key, iv } = this.#cipher(auth, this.#nonceTpm, this.#nonceCaller);
    const cipher = createDecipheriv('aes-128-cfb', key, iv);
    return joined(cipher.update(parameter), cipher.final());
  }

  #hmac(
    digest: Uint8Array,
    auth: Uint8Array,
    newer: Uint8Array,
    older: Uint8Array,
    attributes: number,
  ): Uint8Array {
    // A policy session without secrets proves nothing, and the TPM wants nothing of it.
    const value = this.wantsAuthValue ? significant(auth) : NOTHING;
    const key = joined(this.#key, value);
    if (key.length === 0 && this.kind !== 'hmac') return NOTHING;
    const mac = createHmac(SESSION_HASH, key)
      .update(digest)
      .update(newer)
      .update(older)
      .update(Uint8Array.of(attributes))
      .digest();
    key.fill(0);
    return mac;
  }

  #cipher(
    auth: Uint8Array,
    newer: Uint8Array,
    older: Uint8Array,
  ): { readonly key: Uint8Array; readonly iv: Uint8Array } {
    const secret = joined(this.#key, significant(auth));
    const bits = SESSION_CIPHER_BITS + BLOCK * 8;
    const both = kdfa(SESSION_HASH, secret, 'CFB', newer, older, bits);
    secret.fill(0);
    const size = SESSION_CIPHER_BITS / 8;
    return { key: both.subarray(0, size), iv: both.subarray(size) };
  }
}

/** An auth value as a TPM compares it: without zero bytes at its end. */
function significant(auth: Uint8Array): Uint8Array {
  return auth.subarray(0, auth.findLastIndex((byte) => byte !== 0) + 1);
}
