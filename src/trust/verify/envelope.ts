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
  readonly signatures: readonly [{ readonly keyid: string; readonly sig: string }];
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
  kid: string,
  raw: RawKey,
  signature: Uint8Array,
): StatementEnvelope {
  const sig = raw.form.kty === 'EC' ? formatDerSignature(signature) : signature;
  return {
    payloadType: STATEMENT_PAYLOAD,
    payload: encodeBase64(payload),
    signatures: [{ keyid: kid, sig: encodeBase64(sig) }],
  };
}

/** The envelope in a sigstore bundle; its hint is the thumbprint of the key. */
export function formatBundleOf(envelope: StatementEnvelope): StatementBundle {
  const [{ keyid }] = envelope.signatures;
  return {
    mediaType: BUNDLE_TYPE,
    verificationMaterial: { publicKey: { hint: keyid }, tlogEntries: [] },
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
  const { payload, keyid, signature } = readEnvelope(text);
  const allowed = keys.filter(({ roles }) => roles.includes('dsse'));
  if (allowed.length === 0) distrust('none of the given keys may sign statements');
  const key = allowed.find(({ kid }) => kid === keyid);
  if (key === undefined) distrust(`the key \`${keyid.slice(0, 64)}\` is not among those given`);
  if (!(await signed(key, payload, signature))) {
    throw new WarderError('verification-failed', `the ${key.alg} signature does not hold`, {
      hint: 'the envelope was changed, or was signed by another key',
      data: { kid: key.kid },
    });
  }
  const statement = parseLeaf(payload);
  return {
    id: statement.predicate.id,
    leafHash: encodeHex(hashLeaf(payload)),
    signedBy: [`${key.alg} ${key.kid}`],
    statement,
  };
}

function signed(key: TrustedKey, payload: Uint8Array, signature: Uint8Array): Promise<boolean> {
  const { kty, size } = key.raw.form;
  const raw = kty === 'EC' ? parseDerSignature(signature, size) : signature;
  return holds(key, preAuthEncoding(payload), raw);
}

interface ReadEnvelope {
  readonly payload: Uint8Array;
  readonly keyid: string;
  readonly signature: Uint8Array;
}

function readEnvelope(text: string): ReadEnvelope {
  const json = parseJson(text, { maxBytes: MAX_ENVELOPE, maxDepth: 8 });
  const envelope =
    isJsonObject(json) && json['mediaType'] !== undefined ? envelopeIn(json) : (json as Json);
  const { payloadType, payload, signatures } = only(
    envelope,
    ['payloadType', 'payload', 'signatures'],
    'the envelope',
  );
  if (payloadType !== STATEMENT_PAYLOAD) refuse(`its payload is not \`${STATEMENT_PAYLOAD}\``);
  if (typeof payload !== 'string') refuse('it has no payload');
  if (!Array.isArray(signatures) || signatures.length !== 1) refuse('it has not one signature');
  const { keyid, sig } = only(signatures[0] as Json, ['keyid', 'sig'], 'its signature');
  if (typeof keyid !== 'string' || typeof sig !== 'string') refuse('its signature names no key');
  return { payload: decodeBase64(payload), keyid, signature: decodeBase64(sig) };
}

function envelopeIn(bundle: JsonObject): Json | undefined {
  const { mediaType, verificationMaterial, dsseEnvelope } = only(
    bundle,
    ['mediaType', 'verificationMaterial', 'dsseEnvelope'],
    'the bundle',
  );
  if (mediaType !== BUNDLE_TYPE) refuse(`the bundle is not \`${BUNDLE_TYPE}\``);
  // Which key counts the verifier was told; nothing in here is believed.
  if (!isJsonObject(verificationMaterial) || !isJsonObject(verificationMaterial['publicKey'])) {
    refuse('the bundle names no public key');
  }
  return dsseEnvelope;
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
