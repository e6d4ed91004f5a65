// DSSE: one signature over a whole leaf, alone or in a sigstore bundle, for tools that know no tile log.

import { decodeBase64, encodeBase64 } from '../../base/encoding/base64.ts';
import { encodeHex } from '../../base/encoding/hex.ts';
import { isJsonObject, type Json, type JsonObject } from '../../base/encoding/json.ts';
import { parseJson } from '../../base/encoding/parse-json.ts';
import { encodeUtf8 } from '../../base/encoding/utf8.ts';
import { WarderError } from '../../base/errors/errors.ts';
import { formatDerSignature, parseDerSignature } from './der-signature.ts';
import type { TrustedKey, TrustedKeys } from './keys.ts';
import { parseLeaf, type ReceiptStatement } from './leaf.ts';
import { hashLeaf } from './merkle.ts';
import { holds } from './signature.ts';
import type { RawKey } from './spki.ts';

/** Type of the payload: an in-toto Statement. */
export const STATEMENT_PAYLOAD = 'application/vnd.in-toto+json';
/** Media type of a sigstore bundle of version 0.3. */
export const BUNDLE_TYPE = 'application/vnd.dev.sigstore.bundle.v0.3+json';

const MAX_ENVELOPE = 64 * 1024;

/** A DSSE envelope in JSON, as protocol buffers print it. */
export interface StatementEnvelope {
  readonly payloadType: typeof STATEMENT_PAYLOAD;
  /** Base64 of the leaf. */
  readonly payload: string;
  /** Without `keyid`: tools that know other ids than thumbprints would pass the signature over. */
  readonly signatures: readonly [{ readonly sig: string }];
}

/** A sigstore bundle whose key the verifier already has. */
export interface StatementBundle {
  readonly mediaType: typeof BUNDLE_TYPE;
  readonly verificationMaterial: {
    readonly publicKey: { readonly hint: string };
    readonly tlogEntries: readonly [];
  };
  readonly dsseEnvelope: StatementEnvelope;
}

/** What a verified envelope says. That the leaf stands in a log, its signer saw; a proof shows it. */
export interface VerifiedStatement {
  readonly id: string;
  /** Hex. */
  readonly leafHash: string;
  /** `ALG kid` of the key whose signature was verified. */
  readonly signedBy: readonly string[];
  readonly statement: ReceiptStatement;
}

/** The bytes that are signed (DSSE v1, pre-authentication encoding). */
export function preAuthEncoding(payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const type = encodeUtf8(STATEMENT_PAYLOAD);
  const head = encodeUtf8(`DSSEv1 ${type.length} ${STATEMENT_PAYLOAD} ${payload.length} `);
  return Uint8Array.from([...head, ...payload]);
}

/** @param signature raw, as signers give it. */
export function formatEnvelope(
  payload: Uint8Array,
  raw: RawKey,
  signature: Uint8Array,
): StatementEnvelope {
  const sig = raw.form.kty === 'EC' ? formatDerSignature(signature) : signature;
  return {
    payloadType: STATEMENT_PAYLOAD,
    payload: encodeBase64(payload),
    signatures: [{ sig: encodeBase64(sig) }],
  };
}

/**
 * The envelope in a sigstore bundle.
 *
 * @param kid thumbprint of the key, for its hint.
 */
export function formatBundle(envelope: StatementEnvelope, kid: string): StatementBundle {
  return {
    mediaType: BUNDLE_TYPE,
    verificationMaterial: { publicKey: { hint: kid }, tlogEntries: [] },
    dsseEnvelope: envelope,
  };
}

/**
 * Verifies a receipt in a DSSE envelope, alone or in a sigstore bundle.
 *
 * @param keys those with the role `dsse` count.
 * @throws WarderError `malformed` when it does not parse or is no receipt; `verification-failed` when the
 *   signature does not hold; `not-trusted` when another key signed it.
 */
export async function verifyEnvelope(text: string, keys: TrustedKeys): Promise<VerifiedStatement> {
  const { payload, hint, signature } = readEnvelope(text);
  const allowed = keys.filter(({ roles }) => roles.includes('dsse'));
  if (allowed.length === 0) distrust('none of the given keys may sign statements');
  const named = allowed.filter(({ kid }) => hint === undefined || hint === kid);
  if (named.length === 0) distrust('the key that signed is not among those given');
  const key = await signerAmong(named, payload, signature);
  const statement = parseLeaf(payload);
  return {
    id: statement.predicate.id,
    leafHash: encodeHex(hashLeaf(payload)),
    signedBy: [`${key.alg} ${key.kid}`],
    statement,
  };
}

async function signerAmong(
  keys: TrustedKeys,
  payload: Uint8Array,
  signature: Uint8Array,
): Promise<TrustedKey> {
  for (const key of keys) if (await isSignedBy(key, payload, signature)) return key;
  throw new WarderError('verification-failed', 'the signature does not hold', {
    hint: 'the envelope was changed, or was signed by another key',
  });
}

async function isSignedBy(
  key: TrustedKey,
  payload: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  const { kty, size } = key.raw.form;
  const raw = kty === 'EC' ? derOrNothing(signature, size) : signature;
  return raw !== undefined && holds(key, preAuthEncoding(payload), raw);
}

function derOrNothing(signature: Uint8Array, size: number): Uint8Array | undefined {
  try {
    return parseDerSignature(signature, size);
  } catch {
    return undefined;
  }
}

interface ReadEnvelope {
  readonly payload: Uint8Array;
  /** Of a bundle: the thumbprint of the key. */
  readonly hint: string | undefined;
  readonly signature: Uint8Array;
}

function readEnvelope(text: string): ReadEnvelope {
  const json = parseJson(text, { maxBytes: MAX_ENVELOPE, maxDepth: 8 });
  const bundled = isJsonObject(json) && json['mediaType'] !== undefined;
  const { envelope, hint } = bundled ? readBundle(json) : { envelope: json, hint: undefined };
  const members = ['payloadType', 'payload', 'signatures'];
  const { payloadType, payload, signatures } = only(envelope, members, 'the envelope');
  if (payloadType !== STATEMENT_PAYLOAD) refuse(`its payload is not \`${STATEMENT_PAYLOAD}\``);
  if (typeof payload !== 'string') refuse('it has no payload');
  if (!Array.isArray(signatures) || signatures.length !== 1) refuse('it has not one signature');
  const { keyid, sig } = only(signatures[0] as Json, ['keyid', 'sig'], 'its signature');
  if (keyid !== undefined && typeof keyid !== 'string') refuse('its `keyid` is no text');
  if (typeof sig !== 'string') refuse('its signature is no text');
  return { payload: decodeBase64(payload), hint, signature: decodeBase64(sig) };
}

/** Which key counts the verifier was told: the hint only says which of them is meant. */
function readBundle(bundle: JsonObject): {
  readonly envelope: Json | undefined;
  readonly hint: string;
} {
  const { mediaType, verificationMaterial, dsseEnvelope } = only(
    bundle,
    ['mediaType', 'verificationMaterial', 'dsseEnvelope'],
    'the bundle',
  );
  if (mediaType !== BUNDLE_TYPE) refuse(`the bundle is not \`${BUNDLE_TYPE}\``);
  const material = isJsonObject(verificationMaterial)
    ? verificationMaterial['publicKey']
    : undefined;
  const hint = isJsonObject(material) ? material['hint'] : undefined;
  if (typeof hint !== 'string') refuse('the bundle names no public key');
  return { envelope: dsseEnvelope, hint };
}

/** The members of an object that has no others. */
function only(
  json: Json | undefined,
  names: readonly string[],
  what: string,
): Readonly<Record<string, Json | undefined>> {
  if (!isJsonObject(json)) refuse(`${what} is no object`);
  const unknown = Object.keys(json).find((name) => !names.includes(name));
  if (unknown !== undefined) refuse(`${what} has a member \`${unknown.slice(0, 64)}\``);
  return json;
}

function refuse(why: string): never {
  throw new WarderError('malformed', `not a receipt in a DSSE envelope: ${why}`);
}

function distrust(why: string): never {
  throw new WarderError('not-trusted', why, {
    hint: 'give the signing key of the daemon, as its operator published it',
  });
}
