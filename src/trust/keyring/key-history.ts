// The signing keys a home ever had, first to current: which heads each signs, and what came after it.

import { WarderError } from '../../base/errors/errors.ts';
import type { Reader, Table, Tx } from '../../base/store/store.ts';
import { parsePublicJwk } from '../signer/jwk.ts';
import type { PublicJwk } from '../signer/signer.ts';
import type { HeadRange } from '../verify/keys.ts';
import type { RotationClaims, SignedRotation } from '../verify/rotation.ts';

/** A signing key, or one of the log, as kept. */
export interface KeyRow {
  readonly jwk: PublicJwk;
  /** Key URI it was opened by. */
  readonly uri: string;
  /** Wall milliseconds. */
  readonly since: number;
  readonly heads: HeadRange;
  /** Set when it signs no longer. */
  readonly retired?: RetiredKey;
  /** The statement that made it the one that signs; the first key has none. */
  readonly rotation?: SignedRotation;
}

/** How a key still counts that was rotated. NumericDate seconds. */
export interface RetiredKey {
  readonly at: number;
  readonly until: number;
  readonly compromised?: true;
}

/** The table `signing-key`; keys are the home's, so all rows are of one tenant. */
export const signingKeyTable: Table<KeyRow> = { name: 'signing-key', indexes: {} };
const HOME_TENANT = 'default';
const rowKey = (ordinal: number): string => String(ordinal).padStart(6, '0');
/** Keys of the log have rows once the first was rotated. */
const LOG_ROWS = 'log-';
/** More keys of one kind than this no home has. */
export const KEYS_MAX = 1000;

/**
 * All keys, the current one last; none in a home that was never served.
 *
 * @throws WarderError `unavailable` when the rows are not a history: nothing may be signed then.
 */
export function readHistory(reader: Reader): readonly KeyRow[] {
  return readRows(reader, '');
}

/**
 * The same of the keys of the log; none as long as the first was not rotated.
 *
 * @throws WarderError `unavailable` when the rows are not a history.
 */
export function readLogHistory(reader: Reader): readonly KeyRow[] {
  return readRows(reader, LOG_ROWS);
}

function readRows(reader: Reader, prefix: string): readonly KeyRow[] {
  const rows = reader
    .list(signingKeyTable, HOME_TENANT, { limit: KEYS_MAX, keyPrefix: prefix })
    .filter(({ key }) => prefix !== '' || !key.startsWith(LOG_ROWS));
  const kids = new Set<string>();
  for (const [at, { key, value }] of rows.entries()) {
    const before = rows[at - 1]?.value;
    const last = at === rows.length - 1;
    try {
      const { kid } = parsePublicJwk(value.jwk);
      const { from, to } = value.heads;
      const good =
        key === prefix + rowKey(at + 1) &&
        !kids.has(kid) &&
        typeof value.uri === 'string' &&
        from === (before === undefined ? 0 : (before.heads.to ?? Number.NaN) + 1) &&
        (last ? to === undefined : Number.isSafeInteger(to) && (to ?? 0) >= from) &&
        (value.retired === undefined) === last;
      if (!good) throw new TypeError(`row ${key} does not follow the one before it`);
      kids.add(kid);
    } catch (cause) {
      throw new WarderError('unavailable', 'the history of the signing keys is damaged', {
        cause,
        hint: 'restore `state.db` from a backup; nothing is signed meanwhile',
      });
    }
  }
  return rows.map(({ value }) => value);
}

/** Writes the first key of a home. */
export function beginHistory(tx: Tx, first: KeyRow): void {
  tx.insert(signingKeyTable, HOME_TENANT, rowKey(1), first);
}

/**
 * The history after a rotation.
 *
 * @param uri of the new key.
 * @param now wall milliseconds.
 * @throws WarderError `conflict` when the history is not the one that the rotation is about; `unavailable` when
 *   it takes no more keys.
 */
export function historyAfter(
  history: readonly KeyRow[],
  claims: RotationClaims,
  rotation: SignedRotation,
  uri: string,
  now: number,
): readonly KeyRow[] {
  const current = history.at(-1);
  const known = history.some(({ jwk }) => jwk.kid === claims.new.kid);
  if (current?.jwk.kid !== claims.old || claims.seq !== history.length || known) {
    throw rotatedMeanwhile();
  }
  // What is beyond it would not be read again.
  if (history.length >= KEYS_MAX) {
    throw new WarderError('unavailable', `this home had ${KEYS_MAX} keys`, {
      hint: 'make a new home',
    });
  }
  const { iat: at, until, size, compromised } = claims;
  const retired = { at, until, ...(compromised === undefined ? {} : { compromised }) };
  const former = history.slice(0, -1);
  return [
    ...(compromised === undefined ? former : former.map((row) => endGrace(row, at))),
    {
      ...current,
      heads: {
        ...current.heads,
        to: size,
        // A signing key never signs a head alone; of a key of the log nothing else would say when.
        ...(claims.role === 'log' && compromised === true ? { cosignedBefore: at } : {}),
      },
      retired,
    },
    { jwk: claims.new, uri, since: now, heads: { from: size + 1 }, rotation },
  ];
}

/** Who lost one key may have lost the one before it: a grace that still runs ends with it. */
function endGrace(row: KeyRow, at: number): KeyRow {
  if (row.retired === undefined || row.retired.until <= at) return row;
  return { ...row, retired: { at: row.retired.at, until: at, compromised: true } };
}

/** Writes what {@link historyAfter} gave, over exactly the history it was made from. */
export function extendHistory(tx: Tx, after: readonly KeyRow[]): void {
  const stored = readHistory(tx);
  if (stored.at(-1)?.jwk.kid !== after.at(-2)?.jwk.kid) throw rotatedMeanwhile();
  writeRows(tx, '', after);
}

/** The same for keys of the log; what is stored begins with the first rotation. */
export function extendLogHistory(tx: Tx, after: readonly KeyRow[]): void {
  const stored = readLogHistory(tx);
  const first = stored.length === 0 && after.length === 2;
  if (!first && stored.at(-1)?.jwk.kid !== after.at(-2)?.jwk.kid) throw rotatedMeanwhile();
  writeRows(tx, LOG_ROWS, after);
}

function writeRows(tx: Tx, prefix: string, rows: readonly KeyRow[]): void {
  for (const [at, row] of rows.entries()) {
    tx.put(signingKeyTable, HOME_TENANT, prefix + rowKey(at + 1), row);
  }
}

function rotatedMeanwhile(): WarderError {
  return new WarderError('conflict', 'the key was rotated meanwhile', {
    hint: 'look at `warder keys list`, then try again',
  });
}
