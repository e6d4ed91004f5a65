// The keys of witnesses a verifier believes, and how many of them have to have seen a head: C2SP tlog-cosignature.

import { decodeBase64, encodeBase64 } from '../../base/encoding/base64.ts';
import { decodeHex, encodeHex } from '../../base/encoding/hex.ts';
import { sameBytes, sha256 } from '../../base/encoding/sha256.ts';
import { encodeUtf8 } from '../../base/encoding/utf8.ts';
import { WarderError } from '../../base/errors/errors.ts';
import { checkKeyName } from './note-key.ts';
import { importKey, type VerifyKey } from './signature.ts';
import { KEY_FORMS } from './spki.ts';

/** Timestamped Ed25519 cosignatures. */
const ED25519 = 0x04;
/** Timestamped ML-DSA-44 cosignatures, which this version does not verify. */
const ML_DSA_44 = 0x06;
/** As tlog-policy recommends at least. */
const WITNESSES_MAX = 32;

/** A witness a verifier believes. */
export interface WitnessKey extends VerifyKey {
  /** Stands before each of its signatures. */
  readonly name: string;
  /** Four bytes. */
  readonly keyId: Uint8Array;
  /** Ed25519, 32 bytes. */
  readonly publicKey: Uint8Array;
}

/** Which witnesses count, each once, and how many of them are enough. */
export interface Witnesses {
  readonly keys: readonly WitnessKey[];
  /** From 1 up to the number of keys. */
  readonly quorum: number;
}

/**
 * Reads the vkeys of witnesses.
 *
 * @param texts vkeys, one per line; empty lines and lines that begin with `#` are passed over.
 * @param quorum how many of them have to have cosigned; all of them when absent.
 * @throws WarderError `malformed` for anything else in the texts, for one key twice, and for a quorum that
 *   cannot be; `not-trusted` for a weak key.
 */
export async function loadWitnesses(texts: readonly string[], quorum?: number): Promise<Witnesses> {
  const lines = texts
    .flatMap((text) => text.split(/\r?\n/))
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  if (lines.length > WITNESSES_MAX) malformed(`there are over ${WITNESSES_MAX} witnesses`);
  return witnessesOf(await Promise.all(lines.map(parseWitnessVkey)), quorum ?? lines.length);
}

/**
 * Witnesses and their quorum, checked.
 *
 * @throws WarderError `malformed` as {@link loadWitnesses} does.
 */
export function witnessesOf(keys: readonly WitnessKey[], quorum: number): Witnesses {
  const distinct = new Set(keys.map(({ publicKey }) => encodeHex(publicKey)));
  // Under two names it would count twice.
  if (distinct.size < keys.length) malformed('one key is given for two witnesses');
  if (keys.length === 0) malformed('no witness is given');
  if (!Number.isSafeInteger(quorum) || quorum < 1 || quorum > keys.length) {
    malformed(`a quorum is a whole number from 1 to the ${keys.length} witnesses given`);
  }
  return { keys, quorum };
}

/**
 * Reads the vkey of a witness.
 *
 * @throws WarderError `malformed` for another signature type, or an id that is not the key's; `not-trusted`
 *   for a weak key.
 */
export async function parseWitnessVkey(line: string): Promise<WitnessKey> {
  const [, name = '', id = '', encoded = ''] = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/.exec(line) ?? [];
  if (name === '') malformed('a witness is given by a vkey: `name+id+key`');
  checkKeyName(name);
  const bytes = decodeBase64(encoded);
  const [type] = bytes;
  if (type === ML_DSA_44) {
    malformed('cosignatures of type 0x06 (ML-DSA-44) are not verified by this version');
  }
  const publicKey = bytes.slice(1);
  const form = KEY_FORMS.find(({ alg }) => alg === 'EdDSA');
  if (type !== ED25519 || publicKey.length !== 32 || form === undefined) {
    malformed('the vkey of a witness has type 0x04 (timestamped Ed25519 cosignatures)');
  }
  const keyId = cosignatureKeyId(name, publicKey);
  if (!sameBytes(keyId, decodeHex(id))) malformed('the id in a vkey is not that of its key');
  return { ...(await importKey({ form, x: publicKey })), name, keyId, publicKey };
}

/** The vkey line of a witness. */
export function formatWitnessVkey({
  name,
  publicKey,
}: Pick<WitnessKey, 'name' | 'publicKey'>): string {
  checkKeyName(name);
  const key = encodeBase64(Uint8Array.from([ED25519, ...publicKey]));
  return `${name}+${encodeHex(cosignatureKeyId(name, publicKey))}+${key}`;
}

function cosignatureKeyId(name: string, publicKey: Uint8Array): Uint8Array {
  return sha256(encodeUtf8(`${name}\n`), Uint8Array.of(ED25519), publicKey).slice(0, 4);
}

function malformed(why: string): never {
  throw new WarderError('malformed', why, {
    hint: 'give the vkeys as the witnesses publish them, one per line, each once',
  });
}
