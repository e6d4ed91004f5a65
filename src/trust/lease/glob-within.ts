// Whether one glob names nothing that another does not. Says yes only with a proof; some true cases get a no.

import { type Token, tokenise, WITHIN, ACROSS } from './glob.ts';

const SLASH = 0x2f;

/** How many comparisons of two units one question about two leases may cost. */
const STEPS_MAX = 4_000_000;

/** Counts the work of one question: what a hostile pair of leases can cost is bounded. */
export class Effort {
  #left: number;

  constructor(steps: number = STEPS_MAX) {
    this.#left = steps;
  }

  /** Whether so much more may be done. */
  take(steps: number): boolean {
    this.#left -= steps;
    return this.#left >= 0;
  }
}

/**
 * Whether every value that `narrow` matches is matched by `wide` too. Walks both patterns from the end: a
 * star of `narrow` has to lie wholly inside one star of `wide` that reaches as far.
 */
export function globWithin(narrow: string, wide: string, effort: Effort): boolean {
  if (narrow === wide || wide === '**') return true;
  if (!effort.take((narrow.length + 1) * (wide.length + 1))) return false;
  const child = tokenise(narrow);
  const parent = tokenise(wide);
  const width = parent.length + 1;
  // Row i, column j: whether the rest of `narrow` from i lies within the rest of `wide` from j.
  let below = new Uint8Array(width);
  let row = new Uint8Array(width);
  for (let i = child.length; i >= 0; i -= 1) {
    for (let j = parent.length; j >= 0; j -= 1) {
      row[j] = liesWithin(child[i], parent[j], row[j + 1], below[j], below[j + 1]) ? 1 : 0;
    }
    [below, row] = [row, below];
  }
  return below[0] === 1;
}

/**
 * @param passed the same rest of the narrow one within the next rest of the wide one.
 * @param taken the next rest of the narrow one within the same rest of the wide one.
 * @param both the next rests of both.
 */
function liesWithin(
  narrow: Token | undefined,
  wide: Token | undefined,
  passed: number | undefined,
  taken: number | undefined,
  both: number | undefined,
): boolean {
  if (wide === undefined) return narrow === undefined;
  const star = wide === WITHIN || wide === ACROSS;
  // A star may match nothing.
  if (star && passed === 1) return true;
  if (narrow === undefined) return false;
  if (!star) return narrow === wide && both === 1;
  const absorbs = wide === ACROSS || (narrow !== ACROSS && narrow !== SLASH);
  return absorbs && taken === 1;
}
