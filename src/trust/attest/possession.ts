// A statement a key makes about itself: that whoever made this evidence could use it, and what its holder claims.

import { decodeBase64url, encodeBase64url } from '../../base/encoding/base64url.ts';
import { canonicalBytes } from '../../base/encoding/jcs.ts';
import { isJsonObject, type Json, type JsonObject } from '../../base/encoding/json.ts';
import { parseJson } from '../../base/encoding/parse-json.ts';
import { decodeUtf8, encodeUtf8 } from '../../base/encoding/utf8.ts';
import { WarderError } from '../../base/errors/errors.ts';
import type { Admitter, Custody, PublicJwk, Signer } from '../signer/signer.ts';
import { parseJwk } from '../verify/jwk.ts';
import { parseJws, verifyJws } from '../verify/jws.ts';
import { importKey } from '../verify/signature.ts';
import { type Binding, parseBinding } from './binding.ts';

/** Media type, in the `typ` header; no other payload a signer signs has it. */
const ATTESTATION_TYPE = 'attestation+jwt';

/** What a device or its driver says of a key. Nobody but the key's holder signed it. */
export type CustodyClaims = Readonly<Record<string, string | number | boolean>>;

/** What a key states. */
export interface Possession {
  /** The daemon: its log origin. */
  readonly iss: string;
  /** NumericDate seconds by the machine's own clock. */
  readonly iat: number;
  readonly binding: Binding;
  readonly custody: {
    readonly backend: string;
    readonly summary: string;
    readonly claims?: CustodyClaims;
  };
}

const STATEMENT_MAX = 16 * 1024;
const CLAIMS_MAX = 64;

/**
 * Has a key state that it is there.
 *
 * @param iat NumericDate seconds.
 * @throws whatever the signer throws.
 */
export async function statePossession(
  signer: Signer,
  iss: string,
  binding: Binding,
  iat: number,
): Promise<string> {
  const { key } = signer;
  const { backend, summary, claims } = signer.custody;
  const custody: Custody = { backend, summary, ...(claims === undefined ? {} : { claims }) };
  const header = encodeBase64url(canonicalBytes(headerOf(key)));
  const body = encodeBase64url(canonicalBytes({ iss, iat, ...binding, custody }));
  const input = `${header}.${body}`;
  const signature = await signer.sign({ kind: 'attest', payload: encodeUtf8(input) });
  return `${input}.${encodeBase64url(signature)}`;
}

/**
 * Verifies a statement under the key it is about.
 *
 * @throws WarderError `malformed`; `verification-failed` when the key did not sign it.
 */
export async function verifyPossession(statement: string, key: PublicJwk): Promise<Possession> {
  if (statement.length > STATEMENT_MAX) refuse('it is too long');
  const jws = parseJws(statement);
  if (!sameJson(jws.header, headerOf(key))) {
    throw new WarderError('verification-failed', 'the statement of the key is of another key');
  }
  await verifyJws(jws, await importKey(parseJwk({ ...key })));
  return parsePossession(jws.payload);
}

/** Admits statements of one daemon, about the very key that signs. */
export function possessionAdmitter(iss: string): Admitter {
  return {
    kind: 'attest',
    admit({ payload }, key) {
      let fits: boolean;
      try {
        const [header = '', body = '', ...more] = decodeUtf8(payload).split('.');
        const expected = encodeBase64url(canonicalBytes(headerOf(key)));
        fits =
          more.length === 0 &&
          header === expected &&
          parsePossession(decodeBase64url(body)).iss === iss;
      } catch (cause) {
        throw refusal(cause);
      }
      if (!fits) throw refusal(undefined);
    },
  };
}

function headerOf({ alg, kid }: PublicJwk): JsonObject {
  return { alg, kid, typ: ATTESTATION_TYPE };
}

function parsePossession(payload: Uint8Array): Possession {
  const json = parseJson(payload, { maxBytes: STATEMENT_MAX, maxDepth: 4 });
  if (!isJsonObject(json)) refuse('it is no object');
  const { iss, iat, nonce, checkpoint, custody, ...more } = json;
  if (Object.keys(more).length > 0) refuse('it has unknown claims');
  if (typeof iss !== 'string' || iss === '' || iss.length > 256) refuse('`iss`');
  if (typeof iat !== 'number' || !Number.isSafeInteger(iat) || iat < 0) refuse('`iat`');
  const bound: JsonObject = {
    ...(nonce === undefined ? {} : { nonce }),
    ...(checkpoint === undefined ? {} : { checkpoint }),
  };
  return { iss, iat, binding: parseBinding(bound), custody: parseCustody(custody) };
}

function parseCustody(json: Json | undefined): Possession['custody'] {
  if (!isJsonObject(json)) refuse('`custody`');
  const { backend, summary, claims, ...more } = json;
  if (Object.keys(more).length > 0) refuse('`custody` has unknown members');
  if (typeof backend !== 'string' || backend.length > 32) refuse('`custody.backend`');
  if (typeof summary !== 'string' || summary.length > 256) refuse('`custody.summary`');
  if (claims === undefined) return { backend, summary };
  if (!isJsonObject(claims) || Object.keys(claims).length > CLAIMS_MAX) refuse('`custody.claims`');
  for (const [name, value] of Object.entries(claims)) {
    const plain = typeof value === 'boolean' || typeof value === 'number';
    const short = typeof value === 'string' && value.length <= 256;
    if (name.length > 64 || !(plain || short)) refuse('`custody.claims`');
  }
  // Each value was just looked at.
  return { backend, summary, claims: claims as CustodyClaims };
}

function sameJson(left: JsonObject, right: JsonObject): boolean {
  return encodeBase64url(canonicalBytes(left)) === encodeBase64url(canonicalBytes(right));
}

function refuse(why: string): never {
  throw new WarderError('malformed', `not a statement of a key: ${why}`);
}

function refusal(cause: unknown): WarderError {
  return new WarderError('not-trusted', 'the signer refuses this attestation statement', {
    cause,
    hint: 'it must be of this daemon, about the key that signs it',
  });
}
