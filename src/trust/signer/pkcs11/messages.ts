// What warder asks the process that has loaded a PKCS#11 module, and what it is told.

import type { Algorithm } from '../signer.ts';

/** `log-in` comes first; the others are about that token. */
export type ModuleRequest =
  | {
      readonly op: 'log-in';
      readonly token: string;
      /** Absolute path of the file with the PIN, for a token that wants one. */
      readonly pin: string | undefined;
    }
  | { readonly op: 'find'; readonly object: string }
  /** Whether it would make a key, without making it. */
  | { readonly op: 'check-new'; readonly object: string; readonly alg: Algorithm }
  | { readonly op: 'generate'; readonly object: string; readonly alg: Algorithm }
  | {
      /** The body is what the mechanism takes: a digest, or the message for EdDSA. */
      readonly op: 'sign';
      /** CKA_ID of a key that was found before. */
      readonly id: string;
      readonly mechanism: number;
    }
  /** Closes every session. */
  | { readonly op: 'finish' };

/** What a token says of itself. */
export interface TokenFacts {
  readonly manufacturer: string;
  readonly model: string;
  readonly serial: string;
  /** Whether its slot says that it is a device. */
  readonly hardware: boolean;
  /** What it can make keys for and sign with. */
  readonly algorithms: readonly Algorithm[];
}

/** What a token says of a key pair. Bytes are hexadecimal. */
export interface KeyFacts {
  readonly id: string;
  readonly keyType: number;
  readonly params: string;
  readonly point: string;
  readonly attributes: KeyAttributes;
}

/** Of the private key; one that the token does not know is false. */
export interface KeyAttributes {
  /** Made in the token. */
  readonly local: boolean;
  readonly sensitive: boolean;
  readonly alwaysSensitive: boolean;
  readonly extractable: boolean;
  readonly neverExtractable: boolean;
  readonly sign: boolean;
  /** The PIN is wanted for each signature. */
  readonly alwaysAuthenticate: boolean;
}

/** An error as it travels. */
export interface WireError {
  readonly code: string;
  readonly message: string;
  readonly hint: string | undefined;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Head of an answer; a signature is its body. */
export type ModuleAnswer = { readonly value?: unknown } | { readonly error: WireError };
