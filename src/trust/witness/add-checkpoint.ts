// C2SP tlog-witness, `add-checkpoint`: what is asked, and what each answer means.

import { encodeBase64 } from '../../base/encoding/base64.ts';
import { decodeUtf8 } from '../../base/encoding/utf8.ts';
import { asWarderError, WarderError } from '../../base/errors/errors.ts';
import { type Cosignature, cosignatureOf } from '../verify/cosignature.ts';
import { type NoteSignature, parseNote } from '../verify/note.ts';
import { sameBytes } from '../../base/encoding/sha256.ts';
import type { WitnessKey } from '../verify/witness-key.ts';
import type { WitnessReply } from './exchange.ts';
import { WitnessFailure } from './witness-trouble.ts';

/** A line of a witness that holds for our head. */
export interface Cosigned extends Cosignature {
  readonly kind: 'cosigned';
  readonly line: NoteSignature;
}

/** The witness stands elsewhere than we thought. */
export interface Conflict {
  readonly kind: 'conflict';
  /** Leaves of the last head it says it cosigned. */
  readonly size: number;
}

/** As the specification bounds it. */
const PROOF_MAX = 63;
const SIZE_TYPE = 'text/x.tlog.size';

/**
 * The body of a request.
 *
 * @param oldSize leaves of the last head the witness cosigned.
 * @param proof consistency proof from there.
 */
export function formatAddCheckpoint(
  oldSize: number,
  proof: readonly Uint8Array[],
  note: string,
): string {
  if (proof.length > PROOF_MAX) throw new RangeError('a consistency proof has 63 hashes at most');
  const lines = [`old ${oldSize}`, ...proof.map((hash) => encodeBase64(hash))];
  return `${lines.join('\n')}\n\n${note}`;
}

/**
 * Reads an answer.
 *
 * @param text what is cosigned: the text of our note.
 * @param latest NumericDate seconds; a time after it has not come yet.
 * @throws WitnessFailure for every answer that is neither a good cosignature nor a conflict.
 */
export async function readAnswer(
  reply: WitnessReply,
  text: string,
  witness: WitnessKey,
  latest: number,
): Promise<Cosigned | Conflict> {
  const { status, contentType, body } = reply;
  if (status === 200) return readCosignature(bodyText(body), text, witness, latest);
  if (status === 409) return readConflict(contentType, bodyText(body));
  if (status === 403)
    throw new WitnessFailure('signature-refused', 'it trusts no signature of ours');
  if (status === 404) throw new WitnessFailure('unknown-log', 'it does not know this log');
  if (status === 422) throw new WitnessFailure('proof-refused', 'it refuses our consistency proof');
  if (status >= 500) throw new WitnessFailure('failing', `it fails with status ${status}`);
  if (status === 429) throw new WitnessFailure('failing', 'it is asked too often');
  if (status >= 300 && status < 400) {
    throw new WitnessFailure('garbled', `it redirects (status ${status}), which is not followed`);
  }
  throw new WitnessFailure('garbled', `it answers with status ${status}`);
}

async function readCosignature(
  lines: string,
  text: string,
  witness: WitnessKey,
  latest: number,
): Promise<Cosigned> {
  let found: Cosignature | undefined;
  let line: NoteSignature | undefined;
  try {
    // Its lines alone: it has no say in ours.
    const note = parseNote(`${text}\n${lines}`);
    // A blank line among its lines would make them lines of a longer text.
    if (note.text !== text) throw new WarderError('malformed', 'more than signature lines');
    found = await cosignatureOf(note, witness);
    line = note.signatures.find(
      ({ name, keyId }) => name === witness.name && sameBytes(keyId, witness.keyId),
    );
  } catch (thrown) {
    const cause = asWarderError(thrown);
    if (cause.code === 'verification-failed') {
      throw new WitnessFailure('bad-cosignature', cause.message, { cause });
    }
    throw new WitnessFailure('garbled', 'it answers no signature lines', { cause });
  }
  if (found === undefined || line === undefined) {
    throw new WitnessFailure('bad-cosignature', 'it answers without a cosignature of its key');
  }
  if (found.time > latest) {
    throw new WitnessFailure('bad-time', 'it states a time that has not come');
  }
  return { kind: 'cosigned', ...found, line };
}

function readConflict(contentType: string, body: string): Conflict {
  const size = Number(/^(0|[1-9]\d{0,15})\n$/.exec(body)?.[1] ?? Number.NaN);
  if (contentType !== SIZE_TYPE || !Number.isSafeInteger(size)) {
    throw new WitnessFailure('garbled', 'it says conflict without a tree size');
  }
  return { kind: 'conflict', size };
}

/** Text of an answer. @throws WitnessFailure `garbled`. */
export function bodyText(body: Uint8Array): string {
  try {
    return decodeUtf8(body);
  } catch (cause) {
    throw new WitnessFailure('garbled', 'its answer is no text', { cause });
  }
}
