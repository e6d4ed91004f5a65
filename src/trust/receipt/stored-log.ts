// Holds the store against the log's files: what `receipts list` and `show` read has to be what was signed.

import { canonicalJson } from '../../base/encoding/jcs.ts';
import { WarderError } from '../../base/errors/errors.ts';
import type { Store } from '../../base/store/store.ts';
import { commitmentsOf } from '../verify/disclosure.ts';
import type { ReceiptStatement } from '../verify/leaf.ts';
import { commitToText } from './digest.ts';
import { openingOf } from './disclose.ts';
import { openingTable } from './openings.ts';

/** A start holds the leaves against what was signed, and makes what is missing of the files. */
const FILES_OR_STORE =
  'keep a copy of the home, stop the daemon, remove `log/tile`, start it: files are made again; if it refuses, the store was changed: restore a backup';

/**
 * @param first number of its first leaf.
 * @throws WarderError `verification-failed` when the stored bundle is another than the published one.
 */
export function checkStoredBundle(
  first: number,
  published: Uint8Array,
  stored: Uint8Array<ArrayBuffer>,
): void {
  if (Buffer.from(stored.buffer).equals(published)) return;
  fail(
    `the store and the files of the log differ from leaf ${first} on, within 256`,
    FILES_OR_STORE,
  );
}

/**
 * Erased openings, and such of values that were too long to keep, say nothing.
 *
 * @throws WarderError `verification-failed` when an opening in the store is of something else than the leaf
 *   commits to.
 */
export function checkStoredOpenings(store: Store, statement: ReceiptStatement): void {
  const { id, tenant } = statement.predicate;
  const openings = store.read((reader) => reader.get(openingTable, tenant, id));
  if (openings === undefined) return;
  for (const [name, commitment] of commitmentsOf(statement)) {
    const kept = openingOf(openings, name);
    if (kept === undefined || !('value' in kept)) continue;
    const text = canonicalJson(kept.value);
    if (commitToText(Buffer.from(kept.salt, 'hex'), text) === commitment) continue;
    fail(
      `what the store says of \`${name}\` of receipt \`${id}\` is not what was committed to`,
      'somebody wrote to the store: keep a copy of it, and restore a backup',
    );
  }
}

function fail(why: string, hint: string): never {
  throw new WarderError('verification-failed', why, { hint });
}
