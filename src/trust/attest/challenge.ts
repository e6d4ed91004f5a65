// Joining AK and EK: a secret sent to the EK of the certificate, which a TPM opens only while it holds that AK.

import { createHmac, timingSafeEqual } from 'node:crypto';
import { decodeHex, encodeHex } from '../../base/encoding/hex.ts';
import type { Json, JsonObject } from '../../base/encoding/json.ts';
import { encodeBase64url } from '../../base/encoding/base64url.ts';
import { parseJson } from '../../base/encoding/parse-json.ts';
import { encodeUtf8 } from '../../base/encoding/utf8.ts';
import { asWarderError, WarderError } from '../../base/errors/errors.ts';
import { type Credential, makeCredential } from '../tpm/make-credential.ts';
import { nameOf } from '../tpm/public-area.ts';
import { bytes, members } from '../tpm/evidence-json.ts';
import { type Evidence, evidenceDigest } from './evidence.ts';
import type { VerifiedTpm } from './verify-tpm.ts';

const CHALLENGE_FORMAT = 'warder-attestation-challenge/1';
const SECRET_FORMAT = 'warder-attestation-secret/1';
const ANSWER_FORMAT = 'warder-attestation-answer/1';

/** Bytes of the secret: no more than a digest of any EK. */
export const SECRET_SIZE = 32;
const FILE_MAX = 8192;

/** What the machine is sent. */
export interface Challenge {
  /** Digest of the evidence it is about, hex. */
  readonly evidence: string;
  /** Thumbprint of the key in question. */
  readonly kid: string;
  /** Name of the AK, hex. */
  readonly ak: string;
  readonly credential: Credential;
}

/** What the verifier keeps to itself until the answer is there. */
export interface ChallengeSecret {
  readonly evidence: string;
  /** Names, hex. */
  readonly ek: string;
  readonly ak: string;
  readonly secret: Uint8Array;
}

/** What the machine answers: nobody can without the secret. */
export interface Answer {
  readonly evidence: string;
  /** HMAC-SHA-256, hex. */
  readonly answer: string;
}

/**
 * Makes a challenge for the EK and the AK of evidence that was verified.
 *
 * @param secret {@link SECRET_SIZE} random bytes, used once.
 */
export function makeChallenge(
  evidence: Evidence,
  { ek, ak }: VerifiedTpm,
  secret: Uint8Array,
): { readonly challenge: Challenge; readonly secret: ChallengeSecret } {
  const digest = evidenceDigest(evidence);
  const akName = nameOf(ak);
  return {
    challenge: {
      evidence: digest,
      kid: evidence.key.kid,
      ak: encodeHex(akName),
      credential: makeCredential(ek, akName, secret),
    },
    secret: {
      evidence: digest,
      ek: encodeHex(nameOf(ek)),
      ak: encodeHex(akName),
      secret: Uint8Array.from(secret),
    },
  };
}

/** Answers a challenge with the secret the TPM opened: bound to the evidence, and of no other use. */
export function answerChallenge({ evidence }: Challenge, secret: Uint8Array): Answer {
  return { evidence, answer: encodeHex(respond(evidence, secret)) };
}

/**
 * Checks that an answer joins the EK and the AK of this very evidence.
 *
 * @throws WarderError `verification-failed`.
 */
export function checkAnswer(
  evidence: Evidence,
  { ek, ak }: VerifiedTpm,
  kept: ChallengeSecret,
  answer: Answer,
): void {
  const digest = evidenceDigest(evidence);
  const sameEvidence = kept.evidence === digest && answer.evidence === digest;
  // One EK: that of the certificate is the one the secret was sent to.
  if (!sameEvidence || kept.ek !== encodeHex(nameOf(ek)) || kept.ak !== encodeHex(nameOf(ak))) {
    fail('challenge and answer are about other evidence');
  }
  if (!timingSafeEqual(respond(digest, kept.secret), decodeHex(answer.answer))) {
    fail('the machine did not open the challenge: AK and EK are not in one TPM');
  }
}

export function formatChallenge({ credential, ...challenge }: Challenge): JsonObject {
  return {
    format: CHALLENGE_FORMAT,
    ...challenge,
    credentialBlob: encodeBase64url(credential.blob),
    encryptedSecret: encodeBase64url(credential.encryptedSecret),
  };
}

/** @throws WarderError `malformed`. */
export function parseChallenge(text: string | Uint8Array): Challenge {
  return read(text, 'a challenge', CHALLENGE_FORMAT, CHALLENGE_MEMBERS, (json) => {
    const { kid } = json;
    if (typeof kid !== 'string' || !/^[\w-]{43}$/.test(kid)) refuse('`kid` is no thumbprint');
    return {
      evidence: hex(json['evidence'], 'evidence', 32),
      kid,
      ak: hex(json['ak'], 'ak', NAME_SIZES),
      credential: {
        blob: bytes(json['credentialBlob'], 'credentialBlob', 256),
        encryptedSecret: bytes(json['encryptedSecret'], 'encryptedSecret', 1024),
      },
    };
  });
}

export function formatSecret({ secret, ...kept }: ChallengeSecret): JsonObject {
  return { format: SECRET_FORMAT, ...kept, secret: encodeHex(secret) };
}

/** @throws WarderError `malformed`. */
export function parseSecret(text: string | Uint8Array): ChallengeSecret {
  return read(text, 'the secret of a challenge', SECRET_FORMAT, SECRET_MEMBERS, (json) => ({
    evidence: hex(json['evidence'], 'evidence', 32),
    ek: hex(json['ek'], 'ek', NAME_SIZES),
    ak: hex(json['ak'], 'ak', NAME_SIZES),
    secret: decodeHex(hex(json['secret'], 'secret', SECRET_SIZE)),
  }));
}

export function formatAnswer(answer: Answer): JsonObject {
  return { format: ANSWER_FORMAT, ...answer };
}

/** @throws WarderError `malformed`. */
export function parseAnswer(text: string | Uint8Array): Answer {
  return read(text, 'an answer', ANSWER_FORMAT, ANSWER_MEMBERS, (json) => ({
    evidence: hex(json['evidence'], 'evidence', 32),
    answer: hex(json['answer'], 'answer', 32),
  }));
}

const CHALLENGE_MEMBERS = ['format', 'evidence', 'kid', 'ak', 'credentialBlob', 'encryptedSecret'];
const SECRET_MEMBERS = ['format', 'evidence', 'ek', 'ak', 'secret'];
const ANSWER_MEMBERS = ['format', 'evidence', 'answer'];
/** Algorithm and digest. */
const NAME_SIZES: readonly number[] = [34, 50];

function respond(evidence: string, secret: Uint8Array): Buffer {
  return createHmac('sha256', secret)
    .update(encodeUtf8(`${ANSWER_FORMAT}\n${evidence}\n`))
    .digest();
}

function read<T>(
  text: string | Uint8Array,
  what: string,
  format: string,
  names: readonly string[],
  reader: (json: JsonObject) => T,
): T {
  try {
    const json = members(parseJson(text, { maxBytes: FILE_MAX, maxDepth: 2 }), 'it', names);
    if (json['format'] !== format) refuse(`\`format\` is not \`${format}\``);
    return reader(json);
  } catch (cause) {
    const { message } = asWarderError(cause);
    throw new WarderError('malformed', `not ${what}: ${message}`, { cause });
  }
}

function hex(json: Json | undefined, at: string, size: number | readonly number[]): string {
  const sizes = typeof size === 'number' ? [size] : size;
  if (typeof json !== 'string' || !sizes.includes(json.length / 2) || !/^[0-9a-f]*$/.test(json)) {
    refuse(`\`${at}\` is not hex of ${sizes.join(' or ')} bytes`);
  }
  return json;
}

function refuse(why: string): never {
  throw new WarderError('malformed', why);
}

function fail(why: string): never {
  throw new WarderError('verification-failed', why, {
    hint: 'verify with the evidence, secret and answer of one exchange',
  });
}
