// C2SP tlog-checkpoint: the signed head of a log.

import { decodeBase64, encodeBase64 } from '../../base/encoding/base64.ts';
import { WarderError } from '../../base/errors/errors.ts';
import { type Cosignature, cosignaturesOf } from './cosignature.ts';
import type { TrustedKey, TrustedKeys } from './keys.ts';
import { HASH_SIZE } from './merkle.ts';
import { parseNote, signersOf } from './note.ts';
import type { Witnesses } from './witness-key.ts';

/** A tree head as a checkpoint states it. */
export interface Head {
  readonly origin: string;
  /** Number of leaves. */
  readonly size: number;
  /** 32 bytes. */
  readonly root: Uint8Array;
}

/** A head whose signatures were verified. */
export interface VerifiedCheckpoint extends Head {
  readonly signedBy: readonly TrustedKey[];
  /** Those of the witnesses that were given. */
  readonly cosignedBy: readonly Cosignature[];
}

/** Which of the given keys must have signed: all that sign heads of this size, or any one. */
export interface Requirement {
  /** `all` when absent; only then is every line of a given key sure to be looked at. */
  readonly require?: 'all' | 'any';
  /** Who else must have seen the head; nobody when absent. */
  readonly witnesses?: Witnesses;
}

/** The text that is signed. */
export function formatHead({ origin, size, root }: Head): string {
  return `${origin}\n${size}\n${encodeBase64(root)}\n`;
}

/** Reads the text of a checkpoint. @throws WarderError `malformed`. */
export function parseHead(text: string): Head {
  const lines = text.split('\n');
  const [origin = '', size = '', root = ''] = lines;
  const extensions = lines.slice(3, -1);
  if (origin === '' || lines.length < 4 || lines.at(-1) !== '' || extensions.includes('')) {
    refuse('it is not origin, size and root on a line each');
  }
  const bytes = decodeBase64(root);
  if (bytes.length !== HASH_SIZE) refuse('its root is no SHA-256 hash');
  return { origin, size: parseDecimal(size), root: bytes };
}

/** A decimal number without leading zeroes, at most 2^53 - 1. @throws WarderError `malformed`. */
export function parseDecimal(text: string): number {
  const value = Number(text);
  if (!/^(?:0|[1-9]\d{0,15})$/.test(text) || !Number.isSafeInteger(value)) {
    refuse('a number in it is not canonical decimal');
  }
  return value;
}

/**
 * Verifies a checkpoint. Its origin is the name of the keys that sign it.
 *
 * @throws WarderError `malformed`; `verification-failed` when a given key's line
 *   or a given witness's does not hold; `not-trusted` when a required key did not sign, none of the keys may
 *   sign such a head, or too few witnesses cosigned it.
 */
export async function verifyCheckpoint(
  noteText: string,
  keys: TrustedKeys,
  { require = 'all', witnesses }: Requirement = {},
): Promise<VerifiedCheckpoint> {
  const note = parseNote(noteText);
  const head = parseHead(note.text);
  const checkpointKeys = keys.filter(({ roles }) => roles.includes('checkpoint'));
  if (checkpointKeys.length === 0) distrust('none of the given keys may sign checkpoints');
  const allowed = checkpointKeys.filter((key) => signsHead(key, head.size));
  if (allowed.length === 0) distrust(`no given key signs heads of ${head.size} leaves`);
  const signedBy = await signersOf(note, head.origin, allowed);
  if (signedBy.length === 0) distrust('no given key signed this checkpoint');
  const missing = allowed.find((key) => !signedBy.includes(key));
  if (require === 'all' && missing !== undefined) {
    distrust(`the ${missing.alg} key \`${missing.kid}\` did not sign this checkpoint`);
  }
  const cosignedBy =
    witnesses === undefined ? [] : await cosignaturesOf(note, witnesses, checkpointKeys);
  checkCompromised(signedBy, cosignedBy, {
    require,
    ...(witnesses === undefined ? {} : { witnesses }),
  });
  return { ...head, signedBy, cosignedBy };
}

/** A line that anybody may have made by now counts only where the quorum of witnesses saw the head before. */
function checkCompromised(
  signedBy: readonly TrustedKey[],
  cosignedBy: readonly Cosignature[],
  { require, witnesses }: Requirement,
): void {
  // One witness alone may lie about the time.
  const quorum = witnesses?.quorum ?? 1;
  const open = signedBy.filter(({ heads: { cosignedBefore } = {} }) => {
    if (cosignedBefore === undefined) return false;
    return cosignedBy.filter(({ time }) => time <= cosignedBefore).length < quorum;
  });
  if (open.length === 0 || (require === 'any' && open.length < signedBy.length)) return;
  throw new WarderError(
    'not-trusted',
    `the key \`${open[0]?.kid}\` was compromised: only heads count that a witness cosigned before`,
    {
      hint: 'give the witnesses it was cosigned by, or have a proof made anew under the head of today',
    },
  );
}

/** Whether a key is one of those that sign a head of this size. */
function signsHead({ heads }: TrustedKey, size: number): boolean {
  return heads === undefined || (size >= heads.from && size <= (heads.to ?? Infinity));
}

function refuse(why: string): never {
  throw new WarderError('malformed', `not a checkpoint: ${why}`);
}

function distrust(why: string): never {
  throw new WarderError('not-trusted', why, {
    hint: 'give exactly the keys this log signs with, as its operator published them',
  });
}
