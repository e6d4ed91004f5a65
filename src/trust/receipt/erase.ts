// Erasing what commitments stand for: openings go, a mark of it stays, the leaf is never touched.

import type { Entry, Tx } from '../../base/store/store.ts';
import { openingOf } from './disclose.ts';
import { type KeptOpening, type Openings, openingTable } from './openings.ts';
import { leafSequence } from './receipt-log.ts';

/** What was erased of one receipt. */
export interface Erased {
  /** Names of commitments. */
  readonly names: readonly string[];
  /** Their salts, hex: random texts that stood beside the values. */
  readonly salts: readonly string[];
}

/**
 * Erases openings of one receipt, and by whom it could be found when that is among them.
 *
 * @param names of commitments.
 * @param now wall milliseconds.
 */
export function eraseOpenings(tx: Tx, entry: Entry, names: readonly string[], now: number): Erased {
  if (names.includes('principal')) tx.forgetFacet(leafSequence, entry.index, 'principal');
  const openings = tx.get(openingTable, entry.tenant, entry.id);
  const salts: string[] = [];
  const erased = names.filter((name) => {
    const kept = openings === undefined ? undefined : openingOf(openings, name);
    if (kept === undefined || 'erased' in kept) return false;
    salts.push(kept.salt);
    return true;
  });
  if (openings !== undefined && erased.length > 0) {
    const mark = { erased: new Date(now).toISOString() };
    tx.put(openingTable, entry.tenant, entry.id, withMarks(openings, erased, mark));
  }
  return { names: erased, salts };
}

function withMarks(openings: Openings, names: readonly string[], mark: KeptOpening): Openings {
  const marked = new Set(names);
  return {
    fields: Object.fromEntries(
      Object.entries(openings.fields).map(([name, kept]) => [name, marked.has(name) ? mark : kept]),
    ),
    effects: openings.effects.map((kept, at) => (marked.has(`effects/${at}`) ? mark : kept)),
  };
}
