// How a log begins that took the place of one whose leaves were lost: its first leaf names the old head.

import { decodeBase64 } from '../../base/encoding/base64.ts';
import { isJsonObject, type Json } from '../../base/encoding/json.ts';
import { WarderError } from '../../base/errors/errors.ts';
import type { Head } from './checkpoint.ts';
import type { ReceiptStatement } from './leaf.ts';
import { HASH_SIZE } from './merkle.ts';

/** `type` of the first leaf of such a log. */
export const LOG_TYPE = 'log';

/** What the first leaf of a later log says of the one before. */
export interface LogStart {
  /** Ordinal of this log among those of its home. */
  readonly epoch: number;
  /** The last head that was signed of the log before. */
  readonly before: Head;
  /** Leaves of it that were there when it ended. */
  readonly kept: number;
  /** Leaves under that head, and of leases signed beyond it, that were not. */
  readonly lost: number;
  /** The leaves that were there make another history than the signed one. */
  readonly forked: boolean;
  /** Why it was ended, in the words of the operator. */
  readonly reason: string;
}

/** 1 for the first log of a home, whose origin ends in no ordinal. */
export function epochOf(origin: string): number {
  const [, epoch] = /\/([2-9]|[1-9]\d{1,8})$/.exec(origin) ?? [];
  return epoch === undefined ? 1 : Number(epoch);
}

/** The origin of the log of a home with that ordinal, from the origin of any other of its logs. */
export function originOfEpoch(origin: string, epoch: number): string {
  const first = epochOf(origin) === 1 ? origin : origin.slice(0, origin.lastIndexOf('/'));
  return epoch === 1 ? first : `${first}/${epoch}`;
}

/**
 * Reads how a log begins.
 *
 * @param first its first leaf; undefined of an empty log.
 * @returns undefined for the first log of a home.
 * @throws WarderError `verification-failed` when a later log does not begin with a leaf that names the head
 *   of one before it.
 */
export function readLogStart(
  origin: string,
  first: ReceiptStatement | undefined,
): LogStart | undefined {
  const epoch = epochOf(origin);
  if (epoch === 1) return undefined;
  if (first?.predicate.type !== LOG_TYPE)
    refuse(`log ${epoch} of this home begins with no leaf of one`);
  const start = parseLogStart(first.predicate.detail ?? null);
  const known = start.before.origin === originOfEpoch(origin, epochOf(start.before.origin));
  if (start.epoch !== epoch || !known || epochOf(start.before.origin) >= epoch) {
    refuse('its first leaf names a log that is none before it');
  }
  return start;
}

function parseLogStart(detail: Json): LogStart {
  if (!isJsonObject(detail)) refuse('its first leaf says nothing');
  const { epoch, before, kept, lost, forked, reason } = detail;
  if (!isJsonObject(before)) refuse('its first leaf names no head');
  const { origin, size, root } = before;
  const counts = [epoch, kept, lost, size].every((n) => Number.isSafeInteger(n) && Number(n) >= 0);
  if (!counts || typeof origin !== 'string' || typeof root !== 'string') refuse('its first leaf');
  const hash = decodeBase64(root);
  if (hash.length !== HASH_SIZE || typeof forked !== 'boolean' || typeof reason !== 'string') {
    refuse('its first leaf names no head');
  }
  return {
    epoch: Number(epoch),
    before: { origin, size: Number(size), root: hash },
    kept: Number(kept),
    lost: Number(lost),
    forked,
    reason,
  };
}

function refuse(why: string): never {
  throw new WarderError('verification-failed', `the log does not begin as it must: ${why}`, {
    hint: 'ask its operator for the log before, and compare what you remember of it',
  });
}
