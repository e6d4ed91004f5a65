// What a signer is: typed requests in, verified signatures out. Back ends live in folders of their own.

/** Signature algorithms, spelled as in RFC 7518 / RFC 8037. */
export type Algorithm = 'ES256' | 'ES384' | 'EdDSA';

/** What a signature is for. A signer never signs a bare digest. */
export type SignKind =
  'lease' | 'checkpoint' | 'rotation' | 'revocations' | 'dsse' | 'attest' | 'probe';

/** A request to sign. `payload` is the exact byte string that is signed. */
export interface SignRequest {
  readonly kind: SignKind;
  readonly payload: Uint8Array;
  /** What convinces the signer's {@link Admitter}, e.g. a consistency proof for a checkpoint. */
  readonly evidence?: unknown;
}

/** A public key as RFC 7517 JSON, only the members RFC 7638 needs plus `kid` and `alg`. */
export interface PublicJwk {
  readonly kty: 'EC' | 'OKP';
  readonly crv: 'P-256' | 'P-384' | 'Ed25519';
  readonly x: string;
  readonly y?: string;
  readonly kid: string;
  readonly alg: Algorithm;
}

/** Where a private key lives and what that is worth. */
export interface Custody {
  readonly backend: 'file' | 'pkcs11' | 'tpm2' | 'remote' | 'memory';
  /** One line for people, e.g. `protected by file permissions only`. */
  readonly summary: string;
  /**
   * What the device says of the key, e.g. `neverExtractable`; each value at most 256 characters. Nobody signed
   * it: it is worth what the one who reads it out is worth.
   */
  readonly claims?: Readonly<Record<string, string | number | boolean>>;
}

/** A key that signs. */
export interface Signer {
  readonly key: PublicJwk;
  readonly custody: Custody;
  /** Kinds this key may sign; asking for another throws `not-trusted`. */
  readonly roles: readonly SignKind[];
  /**
   * Signs and verifies its own signature before it answers.
   *
   * @returns raw `r || s` for ECDSA, 64 bytes for EdDSA.
   * @throws WarderError `unavailable` (device gone, store gone), `not-trusted` (kind or evidence refused).
   */
  sign(request: SignRequest): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** Decides whether a typed payload may be signed. Lease and receipt rooms supply one each. */
export interface Admitter {
  readonly kind: SignKind;
  /** Throws WarderError `not-trusted` to refuse. */
  admit(request: SignRequest, key: PublicJwk): void | Promise<void>;
}

/** An admitter that keeps signatures: for what was signed before the device is not asked again. */
export interface KeepingAdmitter extends Admitter {
  /** The signature this key gave for this very payload, if it is kept. Verified before it is given out. */
  kept(request: SignRequest, key: PublicJwk): Uint8Array | undefined;
  /** Never rejects: what cannot be kept costs another signature, no more. */
  keep(request: SignRequest, key: PublicJwk, signature: Uint8Array): Promise<void>;
}
