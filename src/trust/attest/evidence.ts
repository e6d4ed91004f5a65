// `warder-attestation/1`: the evidence of where a key is, as a file. See docs/keys/attestation.md.

import { encodeHex } from '../../base/encoding/hex.ts';
import { canonicalBytes } from '../../base/encoding/jcs.ts';
import { isJsonObject, type JsonObject } from '../../base/encoding/json.ts';
import { parseJson } from '../../base/encoding/parse-json.ts';
import { sha256 } from '../../base/encoding/sha256.ts';
import { asWarderError, WarderError } from '../../base/errors/errors.ts';
import { parsePublicJwk } from '../signer/jwk.ts';
import type { PublicJwk } from '../signer/signer.ts';
import type { TpmEvidence } from '../tpm/attestor.ts';
import { formatTpmEvidence, members, parseTpmEvidence } from '../tpm/evidence-json.ts';
import { type Binding, parseBinding } from './binding.ts';

const EVIDENCE_FORMAT = 'warder-attestation/1';

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
      ...(tpm === undefined ? {} : { tpm: parseTpmEvidence(tpm) }),
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
  return { ...head, tpm: formatTpmEvidence(tpm) };
}

/** What evidence is named by: SHA-256 over its RFC 8785 form, hex. */
export function evidenceDigest(evidence: Evidence): string {
  return encodeHex(sha256(canonicalBytes(formatEvidence(evidence))));
}

function refuse(why: string): never {
  throw new WarderError('malformed', why);
}
