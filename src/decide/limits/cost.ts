// What a call costs, by the operator's prices: never by anything the tool or its server says.

import type { Json, JsonObject } from '../../base/encoding/json.ts';
import { WarderError } from '../../base/errors/errors.ts';
import type { Price } from '../../catalog/installation.ts';

/** Money, in the smallest unit of its currency. */
export interface Cost {
  readonly currency: string;
  /** Whole, 0 or more. */
  readonly amount: number;
}

/**
 * The cost of one call; undefined for an operation without a price.
 *
 * @throws WarderError `schema-violation` when the argument that says the amount is not there, or is not
 *   a whole number of 0 or more.
 */
export function costOf(prices: readonly Price[], tool: string, args: JsonObject): Cost | undefined {
  const price = prices.find((each) => each.tool === tool);
  if (price === undefined) return undefined;
  const { currency } = price;
  if (!('pointer' in price)) return { currency, amount: price.amount };
  const amount = valueAt(args, price.pointer);
  if (Number.isSafeInteger(amount) && (amount as number) >= 0) {
    return { currency, amount: amount as number };
  }
  throw new WarderError(
    'schema-violation',
    `the argument \`${price.pointer}\` says what \`${tool}\` costs and is not a whole number of 0 or more`,
    { hint: `give the amount in the smallest unit of ${currency}` },
  );
}

/** RFC 6901, over own members alone. */
function valueAt(value: Json, pointer: string): Json | undefined {
  let at: Json | undefined = value;
  for (const part of pointer.slice(1).split('/')) {
    const name = part.replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, name)) return undefined;
    at = (at as Readonly<Record<string, Json>>)[name];
  }
  return at;
}
