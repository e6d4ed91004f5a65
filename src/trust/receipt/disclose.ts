// Which openings a reader is handed: by name, those that are kept.

import { didYouMean } from '../../catalog/names.ts';
import { WarderError } from '../../base/errors/errors.ts';
import { commitmentsOf, type DisclosedOpening } from '../verify/disclosure.ts';
import type { ReceiptStatement } from '../verify/leaf.ts';
import type { KeptOpening, Openings } from './openings.ts';

/** Stands for the targets of all effects. */
const EFFECTS = 'effects';

/**
 * Names of the commitments that `fields` ask for; all of them when absent.
 *
 * @throws WarderError `usage` for what the receipt does not commit to.
 */
export function fieldsOf(
  statement: ReceiptStatement,
  fields: readonly string[] | undefined,
): readonly string[] {
  const names = [...commitmentsOf(statement).keys()];
  if (fields === undefined) return names;
  const wanted = fields.flatMap((field) => {
    const found =
      field === EFFECTS
        ? names.filter((name) => name.startsWith(`${EFFECTS}/`))
        : names.filter((name) => name === field);
    if (found.length > 0) return found;
    const near = didYouMean(field, names);
    throw new WarderError('usage', `the receipt commits to no \`${field.slice(0, 64)}\``, {
      hint:
        near === undefined ? `it has ${names.join(', ') || 'none'}` : `did you mean \`${near}\`?`,
    });
  });
  return [...new Set(wanted)];
}

/** What is kept under the name of a commitment. */
export function openingOf(openings: Openings, name: string): KeptOpening | undefined {
  if (!name.startsWith(`${EFFECTS}/`)) {
    return Object.hasOwn(openings.fields, name) ? openings.fields[name] : undefined;
  }
  return openings.effects[Number(name.slice(EFFECTS.length + 1))];
}

/**
 * The openings of these names.
 *
 * @param asked whether each was asked for by name: then each has to be there.
 * @throws WarderError `not-found` for one that was erased, or is not kept.
 */
export function discloseOpenings(
  openings: Openings,
  names: readonly string[],
  asked: boolean,
): Readonly<Record<string, DisclosedOpening>> {
  const disclosed: Record<string, DisclosedOpening> = {};
  for (const name of names) {
    const kept = openingOf(openings, name);
    if (kept !== undefined && 'value' in kept) {
      disclosed[name] = { salt: kept.salt, value: kept.value };
    } else if (kept !== undefined && 'shortened' in kept) {
      disclosed[name] = { salt: kept.salt, bytes: kept.shortened.bytes };
    } else if (asked) {
      const why = kept === undefined ? 'is not kept' : `was erased at ${kept.erased}`;
      throw new WarderError('not-found', `\`${name}\` of this receipt ${why}`, {
        hint: 'the receipt stays valid without it: leave it out',
      });
    }
  }
  return disclosed;
}
