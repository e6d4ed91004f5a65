// Names of keys in C2SP signed notes: key ids and vkeys, for signature types 0x01 and 0x02.

import { decodeBase64, encodeBase64 } from '../../base/encoding/base64.ts';
import { decodeHex, encodeHex } from '../../base/encoding/hex.ts';
import { sameBytes, sha256 } from '../../base/encoding/sha256.ts';
import { encodeUtf8 } from '../../base/encoding/utf8.ts';
import { WarderError } from '../../base/errors/errors.ts';
import { formatSpki, KEY_FORMS, parseSpki, type RawKey } from './spki.ts';

/** C2SP signature types we sign and verify. */
const ED25519 = 0x01;
const ECDSA = 0x02;

/**
 * The four bytes that stand before a signature. Type 0x01: SHA-256(name, newline, type, key);
 * type 0x02: SHA-256 of the SubjectPublicKeyInfo, whatever the name.
 */
export function noteKeyId(name: string, raw: RawKey): Uint8Array {
  const digest =
    raw.form.alg === 'EdDSA'
      ? sha256(encodeUtf8(`${name}\n`), Uint8Array.of(ED25519), raw.x)
      : sha256(formatSpki(raw));
  return digest.slice(0, 4);
}

/** Whether a key can sign notes: type 0x02 is used with P-256 only. */
export function canSignNotes(raw: RawKey): boolean {
  return raw.form.alg !== 'ES384';
}

/** A key name and its key. */
export interface NamedKey {
  readonly name: string;
  readonly raw: RawKey;
}

/** The vkey line of a key. */
export function formatVkey({ name, raw }: NamedKey): string {
  checkKeyName(name);
  const key = raw.form.alg === 'EdDSA' ? [ED25519, ...raw.x] : [ECDSA, ...formatSpki(raw)];
  return `${name}+${encodeHex(noteKeyId(name, raw))}+${encodeBase64(Uint8Array.from(key))}`;
}

/** @throws WarderError `malformed` for another signature type, or an id that is not the key's. */
export function parseVkey(line: string): NamedKey {
  const [, name = '', id = '', encoded = ''] = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/.exec(line) ?? [];
  if (name === '') refuse('it is not `name+id+key`');
  checkKeyName(name);
  const bytes = decodeBase64(encoded);
  const raw = parseKey(bytes[0], bytes.subarray(1));
  if (!sameBytes(noteKeyId(name, raw), decodeHex(id))) refuse('its id is not that of its key');
  return { name, raw };
}

function parseKey(type: number | undefined, key: Uint8Array): RawKey {
  if (type === ECDSA) {
    const raw = parseSpki(key);
    if (raw.form.alg === 'ES256') return raw;
  }
  const form = KEY_FORMS.find(({ alg }) => alg === 'EdDSA');
  if (type === ED25519 && key.length === 32 && form !== undefined) return { form, x: key.slice() };
  return refuse('only types 0x01 (Ed25519) and 0x02 (ECDSA P-256) are supported');
}

/** @throws WarderError `malformed` for a name a signed note cannot carry. */
export function checkKeyName(name: string): void {
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (name === '' || !name.isWellFormed() || /[\s\u0085+\u0000-\u001f]/u.test(name)) {
    throw new WarderError('malformed', 'a key name is not empty and has no space, `+` or control');
  }
}

function refuse(why: string): never {
  throw new WarderError('malformed', `not a usable vkey: ${why}`);
}
