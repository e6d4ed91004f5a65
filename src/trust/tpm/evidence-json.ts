// What a TPM proves, as JSON: how it travels in evidence, and from a signer process.

import { decodeBase64url, encodeBase64url } from '../../base/encoding/base64url.ts';
import { decodeHex, encodeHex } from '../../base/encoding/hex.ts';
import { isJsonObject, type Json, type JsonObject } from '../../base/encoding/json.ts';
import { WarderError } from '../../base/errors/errors.ts';
import { ATTEST_MAX } from './attest-structures.ts';
import type { SignedStatement, TpmEvidence } from './attestor.ts';
import { PUBLIC_MAX } from './public-area.ts';

/** Largest certificate that is read, bytes. */
export const CERTIFICATE_MAX = 8192;
const INTERMEDIATES_MAX = 8;

/** A TPM's half of the evidence as JSON. */
export function formatTpmEvidence(tpm: TpmEvidence): JsonObject {
  const { ek, quote } = tpm;
  return {
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
  };
}

/** Reads it strictly. @throws WarderError `malformed`. */
export function parseTpmEvidence(json: Json): TpmEvidence {
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

function signed({ statement: said, signature }: SignedStatement): JsonObject {
  return { statement: encodeBase64url(said), signature: encodeBase64url(signature) };
}

function statement(json: JsonObject, at: string): SignedStatement {
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
