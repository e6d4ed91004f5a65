// `warder-attestation/1`: the evidence of where a key is, as a file. See docs/keys/attestation.md.

import { decodeBase64url, encodeBase64url } from '../../base/encoding/base64url.ts';
import { decodeHex, encodeHex } from '../../base/encoding/hex.ts';
import { canonicalBytes } from '../../base/encoding/jcs.ts';
import { isJsonObject, type Json, type JsonObject } from '../../base/encoding/json.ts';
import { parseJson } from '../../base/encoding/parse-json.ts';
import { sha256 } from '../../base/encoding/sha256.ts';
import { asWarderError, WarderError } from '../../base/errors/errors.ts';
import { parsePublicJwk } from '../signer/jwk.ts';
import type { PublicJwk } from '../signer/signer.ts';
import { ATTEST_MAX } from '../tpm/attest-structures.ts';
import type { TpmEvidence } from '../tpm/attestor.ts';
import { PUBLIC_MAX } from '../tpm/public-area.ts';
import { type Binding, parseBinding } from './binding.ts';
import { CERTIFICATE_MAX } from './certificate.ts';

export const EVIDENCE_FORMAT = 'warder-attestation/1';

/** Evidence as it was read; nothing of it is believed yet. */
export interface Evidence {
  readonly key: PublicJwk;
  readonly binding: Binding;
  /** The checkpoint it is bound to, whole; absent with a nonce. */
  readonly note?: string;
  /** Compact JWS of the key itself. */
  readonly possession: string;
  /** What the TPM says that holds the key; absent for a key that no TPM holds. */
  readonly tpm?: TpmEvidence;
}

/** Largest evidence, bytes. */
export const EVIDENCE_MAX: number = 128 * 1024;
const INTERMEDIATES_MAX = 8;

/** Reads evidence strictly. @throws WarderError `verification-failed`: what cannot be read proves nothing. */
export function parseEvidence(text: string | Uint8Array): Evidence {
  try {
    const json = parseJson(text, { maxBytes: EVIDENCE_MAX, maxDepth: 6 });
    const { key, binding, note, possession, tpm } = members(
      json,
      'it',
      ['format', 'key', 'binding', 'possession'],
      ['note', 'tpm'],
    );
    if (isJsonObject(json) && json['format'] !== EVIDENCE_FORMAT) {
      refuse(`\`format\` is not \`${EVIDENCE_FORMAT}\``);
    }
    if (typeof possession !== 'string') refuse('`possession` is no text');
    if (note !== undefined && typeof note !== 'string') refuse('`note` is no text');
    return {
      key: parsePublicJwk(key),
      binding: parseBinding(members(binding, '`binding`', [], ['nonce', 'checkpoint'])),
      ...(note === undefined ? {} : { note }),
      possession,
      ...(tpm === undefined ? {} : { tpm: parseTpm(tpm) }),
    };
  } catch (cause) {
    const { message } = asWarderError(cause);
    throw new WarderError('verification-failed', `not evidence of where a key is: ${message}`, {
      cause,
      hint: 'have it made again with `warder keys attest`',
    });
  }
}

/** Evidence as JSON. */
export function formatEvidence({ key, binding, note, possession, tpm }: Evidence): JsonObject {
  const head = {
    format: EVIDENCE_FORMAT,
    key: { ...key } as JsonObject,
    binding,
    ...(note === undefined ? {} : { note }),
    possession,
  };
  if (tpm === undefined) return head;
  const { ek, quote } = tpm;
  return {
    ...head,
    tpm: {
      ek: {
        certificate: encodeBase64url(ek.certificate),
        intermediates: ek.intermediates.map((each) => encodeBase64url(each)),
        public: encodeBase64url(ek.public),
      },
      ak: encodeBase64url(tpm.ak),
      key: encodeBase64url(tpm.key),
      ...(tpm.policyPcrs === undefined ? {} : { policyPcrs: tpm.policyPcrs }),
      certify: signed(tpm.certify),
      quote: {
        ...signed(quote),
        pcrs: Object.fromEntries(
          [...quote.pcrs].map(([pcr, value]) => [String(pcr), encodeHex(value)]),
        ),
      },
    },
  };
}

/** What evidence is named by: SHA-256 over its RFC 8785 form, hex. */
export function evidenceDigest(evidence: Evidence): string {
  return encodeHex(sha256(canonicalBytes(formatEvidence(evidence))));
}

function parseTpm(json: Json): TpmEvidence {
  const tpm = members(json, '`tpm`', ['ek', 'ak', 'key', 'certify', 'quote'], ['policyPcrs']);
  const ek = members(tpm['ek'], '`tpm.ek`', ['certificate', 'intermediates', 'public']);
  const certify = members(tpm['certify'], '`tpm.certify`', ['statement', 'signature']);
  const quote = members(tpm['quote'], '`tpm.quote`', ['statement', 'signature', 'pcrs']);
  const { intermediates } = ek;
  if (!Array.isArray(intermediates) || intermediates.length > INTERMEDIATES_MAX) {
    refuse(`\`tpm.ek.intermediates\` is no list of at most ${INTERMEDIATES_MAX}`);
  }
  const { policyPcrs } = tpm;
  return {
    ek: {
      certificate: bytes(ek['certificate'], 'tpm.ek.certificate', CERTIFICATE_MAX),
      intermediates: (intermediates as readonly Json[]).map((each) =>
        bytes(each, 'tpm.ek.intermediates', CERTIFICATE_MAX),
      ),
      public: bytes(ek['public'], 'tpm.ek.public', PUBLIC_MAX),
    },
    ak: bytes(tpm['ak'], 'tpm.ak', PUBLIC_MAX),
    key: bytes(tpm['key'], 'tpm.key', PUBLIC_MAX),
    ...(policyPcrs === undefined ? {} : { policyPcrs: parsePcrs(policyPcrs) }),
    certify: statement(certify, 'tpm.certify'),
    quote: { ...statement(quote, 'tpm.quote'), pcrs: parseValues(quote['pcrs']) },
  };
}

function signed({ statement: said, signature }: TpmEvidence['certify']): JsonObject {
  return { statement: encodeBase64url(said), signature: encodeBase64url(signature) };
}

function statement(json: JsonObject, at: string): TpmEvidence['certify'] {
  return {
    statement: bytes(json['statement'], `${at}.statement`, ATTEST_MAX),
    signature: bytes(json['signature'], `${at}.signature`, ATTEST_MAX),
  };
}

function parsePcrs(json: Json): readonly number[] {
  if (!Array.isArray(json)) refuse('`tpm.policyPcrs` is no list');
  const pcrs = json as readonly Json[];
  const ascending = pcrs.every(
    (pcr, at) => isPcr(pcr) && (at === 0 || pcr > (pcrs[at - 1] as number)),
  );
  if (pcrs.length === 0 || !ascending) refuse('`tpm.policyPcrs` are not registers, ascending');
  return pcrs as readonly number[];
}

function parseValues(json: Json | undefined): ReadonlyMap<number, Uint8Array> {
  if (!isJsonObject(json)) refuse('`tpm.quote.pcrs` is no object');
  const entries = Object.entries(json).map(([name, value]) => {
    const pcr = Number(name);
    if (!isPcr(pcr) || String(pcr) !== name) refuse(`\`${name.slice(0, 16)}\` is no register`);
    if (typeof value !== 'string' || !/^(?:[0-9a-f]{64}|[0-9a-f]{96})$/.test(value)) {
      refuse(`register ${name} has no value of a digest’s length`);
    }
    return [pcr, decodeHex(value)] as const;
  });
  return new Map(entries.sort(([left], [right]) => left - right));
}

function isPcr(value: Json): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < 24;
}

/** The members of an object that has all of `needed`, and nothing but those and `optional`. */
export function members(
  json: Json | undefined,
  at: string,
  needed: readonly string[],
  optional: readonly string[] = [],
): JsonObject {
  if (!isJsonObject(json)) refuse(`${at} is no object`);
  for (const name of needed) if (!(name in json)) refuse(`${at} lacks \`${name}\``);
  for (const name of Object.keys(json)) {
    if (!needed.includes(name) && !optional.includes(name)) {
      refuse(
        `${at} has \`${name.slice(0, 32)}\`, which is none of ${[...needed, ...optional].join(', ')}`,
      );
    }
  }
  return json;
}

/** Canonical base64url of at most `most` bytes. */
export function bytes(json: Json | undefined, at: string, most: number): Uint8Array {
  if (typeof json !== 'string' || json.length > most * 2) refuse(`\`${at}\` is no base64url`);
  return decodeBase64url(json);
}

function refuse(why: string): never {
  throw new WarderError('malformed', why);
}
