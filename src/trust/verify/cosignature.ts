// C2SP tlog-cosignature: what a witness states of a head, in a signature line of its own under the note.

import { sameBytes } from '../../base/encoding/sha256.ts';
import { encodeUtf8 } from '../../base/encoding/utf8.ts';
import { WarderError } from '../../base/errors/errors.ts';
import type { TrustedKeys } from './keys.ts';
import type { Note } from './note.ts';
import { holds } from './signature.ts';
import type { WitnessKey, Witnesses } from './witness-key.ts';

/**
 * A cosignature that was verified: at `time`, by its own clock, the witness had seen no larger tree of this
 * log that goes with all it had seen before, and this one had this root.
 */
export interface Cosignature {
  /** Name of the witness. */
  readonly witness: string;
  /** NumericDate seconds, by the witness's clock. */
  readonly time: number;
}

const TIME_BYTES = 8;
const SIGNATURE_BYTES = 64;

/** The time in ISO 8601; in words where a witness says one that no calendar has. */
export function timeText(seconds: number): string {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? `second ${seconds}` : date.toISOString();
}

/** What is signed over the text of a note. @param time NumericDate seconds. */
export function cosignedMessage(text: string, time: number): Uint8Array {
  return encodeUtf8(`cosignature/v1\ntime ${time}\n${text}`);
}

/**
 * The cosignature of one witness; undefined when it did not sign.
 *
 * @throws WarderError `verification-failed` when its line does not hold, or says no time.
 */
export async function cosignatureOf(
  note: Note,
  witness: WitnessKey,
): Promise<Cosignature | undefined> {
  const line = note.signatures.find(
    ({ name, keyId }) => name === witness.name && sameBytes(keyId, witness.keyId),
  );
  if (line === undefined) return undefined;
  const { signature } = line;
  if (signature.length !== TIME_BYTES + SIGNATURE_BYTES) fail(witness, 'has the wrong length');
  const time = readTime(signature);
  // Zero stands for no statement on time, which a witness of whole heads always makes.
  if (time === undefined) fail(witness, 'states no time');
  const message = cosignedMessage(note.text, time);
  if (!(await holds(witness, message, signature.subarray(TIME_BYTES)))) {
    fail(witness, 'does not hold');
  }
  return { witness: witness.name, time };
}

/**
 * The cosignatures of all given witnesses. Lines of others are passed over.
 *
 * @throws WarderError `not-trusted` when they are fewer than the quorum, or a key of the log is given as a
 *   witness; `verification-failed` when a line of a given witness does not hold.
 */
export async function cosignaturesOf(
  note: Note,
  { keys, quorum }: Witnesses,
  logKeys: TrustedKeys,
): Promise<readonly Cosignature[]> {
  checkWitnesses(keys, logKeys);
  const found: Cosignature[] = [];
  for (const witness of keys) {
    const cosignature = await cosignatureOf(note, witness);
    if (cosignature !== undefined) found.push(cosignature);
  }
  if (found.length >= quorum) return found;
  throw new WarderError(
    'not-trusted',
    `${found.length} of ${keys.length} witnesses cosigned this checkpoint, ${quorum} are required`,
    {
      hint: 'ask the log for a checkpoint its witnesses have seen; without them a log may show each reader another history',
      data: { cosignedBy: found.map(({ witness }) => witness), quorum },
    },
  );
}

/** @throws WarderError `not-trusted` when a key of the log is also one of a witness: it would vouch for itself. */
export function checkWitnesses(witnesses: readonly WitnessKey[], logKeys: TrustedKeys): void {
  const own = logKeys.filter(({ alg }) => alg === 'EdDSA');
  const twice = witnesses.find(({ publicKey }) =>
    own.some(({ raw }) => sameBytes(raw.x, publicKey)),
  );
  if (twice === undefined) return;
  throw new WarderError('not-trusted', `the witness \`${twice.name}\` has a key of the log`, {
    hint: 'a witness is somebody else than the log: give the keys of others',
  });
}

/** Big-endian seconds; undefined for zero and for what no clock says. */
function readTime(signature: Uint8Array): number | undefined {
  const view = new DataView(signature.buffer, signature.byteOffset, TIME_BYTES);
  const time = Number(view.getBigUint64(0));
  return time > 0 && Number.isSafeInteger(time) ? time : undefined;
}

function fail({ name }: WitnessKey, why: string): never {
  throw new WarderError('verification-failed', `the cosignature of \`${name}\` ${why}`, {
    hint: 'the note was changed, or the witness signed another one',
    data: { witness: name },
  });
}
