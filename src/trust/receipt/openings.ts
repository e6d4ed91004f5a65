// Openings: salts and values behind a leaf's commitments, kept in the store until they are erased.

import type { Json } from '../../base/encoding/json.ts';
import type { Table } from '../../base/store/store.ts';
import { commitToText, factText } from './digest.ts';

/** What is kept for one commitment. */
export type KeptOpening =
  | { readonly salt: string; readonly value: Json }
  /** The value was long: its beginning. Who has the whole value can still check it with the salt. */
  | {
      readonly salt: string;
      readonly shortened: { readonly bytes: number; readonly head: string };
    }
  /** Erased, and when (ISO 8601): it was kept before. */
  | { readonly erased: string };

/** Openings of one leaf. Putting a mark in the place of one erases what it says. */
export interface Openings {
  /** By the name of the commitment. */
  readonly fields: Readonly<Record<string, KeptOpening>>;
  /** One for each effect of the leaf, in order. */
  readonly effects: readonly KeptOpening[];
}

/** Key: the receipt id. */
export const openingTable: Table<Openings> = { name: 'opening', indexes: {} };

/** Longest canonical JSON that is kept whole, bytes. */
const WHOLE = 64 * 1024;
/** What is kept of a longer one, UTF-16 units. */
const HEAD = 4 * 1024;

/**
 * Commits to a value: the commitment for the leaf, the opening for the store. The opening shares the
 * value; it is to be stored before anyone changes it.
 */
export function commit(
  salt: Uint8Array,
  value: unknown,
): { readonly commitment: string; readonly opening: KeptOpening } {
  const [text, kept] = factText(value);
  const hex = Buffer.from(salt).toString('hex');
  const bytes = text.length * 3 <= WHOLE ? 0 : Buffer.byteLength(text);
  const opening: KeptOpening =
    bytes <= WHOLE
      ? { salt: hex, value: kept }
      : { salt: hex, shortened: { bytes, head: text.slice(0, HEAD).toWellFormed() } };
  return { commitment: commitToText(salt, text), opening };
}
