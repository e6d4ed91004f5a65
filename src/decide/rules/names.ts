// Lists of names that rules select by, and whether one of them names something. `*` stands for any text.

import { compileGlob, tokenise } from '../../trust/lease/glob.ts';
import { Effort } from '../../trust/lease/glob-within.ts';

/** Whether a list names a text. Names are no paths: a star of them crosses a slash too. */
export function compileNames(names: readonly string[]): (text: string) => boolean {
  const exact = new Set(names.filter((name) => !name.includes('*')));
  const globs = names.filter((name) => name.includes('*')).map((name) => compileGlob(wide(name)));
  return (text) => exact.has(text) || globs.some((matches) => matches(text));
}

/**
 * Whether some text is named by one of the list and one of the patterns. In doubt, and when it would
 * take too long, yes: what asks here forbids.
 */
export function mayMeet(
  names: readonly string[],
  patterns: readonly string[],
  effort: Effort,
): boolean {
  return names.some((name) => patterns.some((pattern) => meet(name, pattern, effort)));
}

/** Walks both from the end; a star takes any number of the other's tokens. */
function meet(one: string, other: string, effort: Effort): boolean {
  if (one === other) return true;
  if (!effort.take((one.length + 1) * (other.length + 1))) return true;
  const [left, right] = [tokenise(one), tokenise(other)];
  let below = new Uint8Array(right.length + 2);
  let row = new Uint8Array(right.length + 2);
  for (let i = left.length; i >= 0; i -= 1) {
    const unit = left[i];
    for (let j = right.length; j >= 0; j -= 1) {
      const twin = right[j];
      const ended = unit === undefined && twin === undefined;
      // A star is done with, or takes one more of the other's.
      const starred = (isStar(unit) || isStar(twin)) && (below[j] === 1 || row[j + 1] === 1);
      const same = unit !== undefined && unit === twin && below[j + 1] === 1;
      row[j] = ended || starred || same ? 1 : 0;
    }
    [below, row] = [row, below];
  }
  return below[0] === 1;
}

/** Tokens of stars are below every unit. */
function isStar(token: number | undefined): boolean {
  return token !== undefined && token < 0;
}

function wide(name: string): string {
  return name.replaceAll(/\*+/g, '**');
}
