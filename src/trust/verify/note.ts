// C2SP signed notes: text, a blank line, signature lines.

import { decodeBase64, encodeBase64 } from '../../base/encoding/base64.ts';
import { encodeHex } from '../../base/encoding/hex.ts';
import { sameBytes } from '../../base/encoding/sha256.ts';
import { encodeUtf8 } from '../../base/encoding/utf8.ts';
import { WarderError } from '../../base/errors/errors.ts';
import { formatDerSignature, parseDerSignature } from './der-signature.ts';
import type { TrustedKey } from './keys.ts';
import { canSignNotes, checkKeyName, noteKeyId } from './note-key.ts';
import { holds } from './signature.ts';
import type { RawKey } from './spki.ts';

/** One signature line. */
export interface NoteSignature {
  readonly name: string;
  /** Four bytes. */
  readonly keyId: Uint8Array;
  /** As the signature type has it: 64 bytes for Ed25519, DER for ECDSA. */
  readonly signature: Uint8Array;
}

/** A note taken apart; nothing is verified yet. */
export interface Note {
  /** What is signed, with its final newline. */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

const MAX_NOTE = 256 * 1024;
const MAX_SIGNATURES = 64;

/** @throws WarderError `malformed`. */
export function parseNote(note: string): Note {
  if (note.length > MAX_NOTE) refuse('it is too long');
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (!note.isWellFormed() || /[\u0000-\u0009\u000b-\u001f]/.test(note)) {
    refuse('it has control characters or unpaired surrogates');
  }
  const split = note.lastIndexOf('\n\n');
  if (split < 0 || !note.endsWith('\n')) refuse('it has no signature lines after a blank line');
  const lines = note.slice(split + 2, -1).split('\n');
  if (lines.length > MAX_SIGNATURES) refuse('it has too many signatures');
  const signatures = lines.map(parseLine);
  const names = signatures.map(({ name, keyId }) => `${name}\n${encodeHex(keyId)}`);
  if (new Set(names).size < names.length) refuse('one key signed twice');
  return { text: note.slice(0, split + 1), signatures };
}

function parseLine(line: string): NoteSignature {
  const parts = line.split(' ');
  const [dash, name = '', encoded = ''] = parts;
  if (dash !== '—' || parts.length !== 3) refuse('a signature line is not `— name signature`');
  checkKeyName(name);
  const bytes = decodeBase64(encoded);
  if (bytes.length < 5) refuse('a signature is too short');
  return { name, keyId: bytes.slice(0, 4), signature: bytes.slice(4) };
}

/** Writes a note. @throws WarderError `malformed` for a text without final newline. */
export function formatNote({ text, signatures }: Note): string {
  if (!text.endsWith('\n')) refuse('its text has no final newline');
  const lines = signatures.map(({ name, keyId, signature }) => {
    checkKeyName(name);
    return `— ${name} ${encodeBase64(Uint8Array.from([...keyId, ...signature]))}\n`;
  });
  return `${text}\n${lines.join('')}`;
}

/** The line of a signature just made; `signature` is raw, as signers give it. */
export function noteSignature(name: string, raw: RawKey, signature: Uint8Array): NoteSignature {
  const line = raw.form.kty === 'EC' ? formatDerSignature(signature) : signature;
  return { name, keyId: noteKeyId(name, raw), signature: line };
}

/**
 * Which of the keys signed the note under `name`. Lines of other keys are passed over, as the
 * specification wants: they may be witnesses'.
 *
 * @throws WarderError `verification-failed` when a line of one of the keys does not hold.
 */
export async function signersOf(
  note: Note,
  name: string,
  keys: readonly TrustedKey[],
): Promise<TrustedKey[]> {
  const message = encodeUtf8(note.text);
  const signers: TrustedKey[] = [];
  for (const key of keys) {
    if (!canSignNotes(key.raw) || (key.name !== undefined && key.name !== name)) continue;
    const id = noteKeyId(name, key.raw);
    const line = note.signatures.find((each) => each.name === name && sameBytes(each.keyId, id));
    if (line === undefined) continue;
    const { kty, size } = key.raw.form;
    const raw = kty === 'EC' ? parseDerSignature(line.signature, size) : line.signature;
    if (!(await holds(key, message, raw))) {
      throw new WarderError('verification-failed', `the ${key.alg} signature does not hold`, {
        hint: 'the note was changed, or was signed by another key',
        data: { kid: key.kid },
      });
    }
    signers.push(key);
  }
  return signers;
}

function refuse(why: string): never {
  throw new WarderError('malformed', `not a signed note: ${why}`);
}
