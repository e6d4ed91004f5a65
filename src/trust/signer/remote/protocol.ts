// What is said to a signer process and what it answers, whichever way it is reached. See docs/design/signer-process.md.

import { isJsonObject, type Json, type JsonObject } from '../../../base/encoding/json.ts';
import { errorFromJson, type ErrorJson, WarderError } from '../../../base/errors/errors.ts';
import type { SignKind } from '../signer.ts';
import { signerTrouble, type SignerTrouble } from '../trouble.ts';

/** A request, typed: a signer process is never asked for less than a whole payload and what it is. */
export type SignerRequest =
  | { readonly ask: 'keys' }
  | { readonly ask: 'ready'; readonly kid: string }
  | {
      readonly ask: 'sign';
      readonly kid: string;
      readonly kind: SignKind;
      /** Every payload is text: what is signed is its UTF-8. */
      readonly payload: string;
      readonly evidence?: unknown;
    }
  /** What the TPM of a key proves, bound to a nonce in hex. */
  | { readonly ask: 'attest'; readonly kid: string; readonly nonce: string }
  /** Has the TPM of a key open a credential; both are base64url. */
  | {
      readonly ask: 'activate';
      readonly kid: string;
      readonly blob: string;
      readonly encryptedSecret: string;
    }
  /** Changes nothing, however often it is asked. */
  | { readonly ask: 'last' }
  | { readonly ask: 'status' };

/** Largest message in either direction, bytes: a checkpoint that shows 4096 leases. */
export const MESSAGE_MAX: number = 4 * 1024 * 1024;
/** Deepest JSON in one. */
export const MESSAGE_DEPTH = 8;

/** Kinds of frames over a socket. The frame's call number is the request's; the body is JSON, the head empty. */
export const SignerFrame = { request: 1, answer: 2, refusal: 3 } as const;

/** What a key of a signer process is there for. */
export type KeyUse = (typeof keyUses)[number];
/** `next`: may become the one that signs, by a rotation; `retired`: was it. */
export const keyUses = ['signing', 'log', 'next', 'retired'] as const;

/** Codes a signer process answers with; another one is a fault of its. */
const CODES: ReadonlySet<string> = new Set([
  'unavailable',
  'not-trusted',
  'malformed',
  'usage',
  'limit-reached',
  'not-found',
]);

const TROUBLES: readonly SignerTrouble[] = ['transient', 'auth', 'removed', 'misconfigured'];
/** Facts a refusal may carry. */
const FACTS: readonly string[] = ['signedSize', 'signedSeq'];

const CALM: Readonly<Record<SignerTrouble, string>> = {
  transient: 'the signer process cannot sign just now',
  auth: 'the device of the signer process refuses its PIN or auth value',
  removed: 'the device or key of the signer process is gone',
  misconfigured: 'the signer process is not set up to sign this',
};

/**
 * What of an error goes over the wire. Where a key is, what its files are called and what a device said stays
 * with the signer process: its own log says it.
 */
export function refusalJson(error: WarderError): ErrorJson {
  const facts = Object.fromEntries(
    Object.entries(error.data).filter(
      ([name, value]) => FACTS.includes(name) && Number.isSafeInteger(value),
    ),
  );
  if (CODES.has(error.code) && error.code !== 'unavailable') {
    const { code, message, hint } = error;
    return {
      code,
      message: message.slice(0, 512).toWellFormed(),
      ...(hint === undefined ? {} : { hint: hint.slice(0, 512).toWellFormed() }),
      ...(Object.keys(facts).length === 0 ? {} : { data: facts }),
    };
  }
  const signer = TROUBLES.find((each) => each === error.data['signer']) ?? 'transient';
  return {
    code: 'unavailable',
    message: CALM[signer],
    hint: 'the log of the signer process says why',
    data: { signer },
  };
}

/** The error a refusal stands for. A signer process is believed no more than a device. */
export function refusalError(json: Json): WarderError {
  const error = errorFromJson(json);
  if (!CODES.has(error.code)) return nonsense();
  const signer = TROUBLES.find((each) => each === error.data['signer']);
  const facts = Object.entries(error.data).filter(
    ([name, value]) => FACTS.includes(name) && Number.isSafeInteger(value),
  );
  return new WarderError(error.code, printable(error.message), {
    ...(error.hint === undefined ? {} : { hint: printable(error.hint) }),
    data: {
      ...(signer === undefined ? {} : { signer }),
      ...(Object.fromEntries(facts) as Readonly<Record<string, number>>),
    },
  });
}

/** The members of an answer. */
export function answerObject(json: Json): JsonObject {
  if (isJsonObject(json)) return json;
  throw nonsense();
}

/** What is thrown for an answer that is none. */
export function nonsense(cause?: unknown): WarderError {
  return signerTrouble('misconfigured', 'the signer process answers what cannot be understood', {
    hint: 'is it a signer, and of this version? see `warder doctor`',
    ...(cause === undefined ? {} : { cause }),
  });
}

/** One line for people, of whatever was sent. */
export function printable(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 512);
}
