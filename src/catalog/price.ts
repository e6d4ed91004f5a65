// Reads `OPERATION=AMOUNT CURRENCY`: what one call of an operation costs, or which argument says it.

import { WarderError } from '../base/errors/errors.ts';
import type { Price } from './installation.ts';
import { showText } from './names.ts';

const OPERATION = /^[A-Za-z0-9_./-]{1,64}$/;
const CURRENCY = /^[A-Z]{3,8}$/;
const POINTER = /^(?:\/(?:[^~/\s]|~[01]){1,64}){1,8}$/;
const EXAMPLE =
  "for example --price 'web_fetch=5 EUR' (five cents), or --price 'pay=/amount EUR' (as the argument says)";

/**
 * Parses a price. Amounts are whole, in the smallest unit of the currency.
 *
 * @throws WarderError `usage` naming what is wrong and how to write it.
 */
export function parsePrice(text: string): Price {
  const fail = (what: string): never => {
    throw new WarderError('usage', `the price \`${showText(text, 120)}\` ${what}`, {
      hint: EXAMPLE,
    });
  };
  const [, tool = '', amount = '', currency = ''] = /^([^=]*)=(\S*) (\S*)$/.exec(text) ?? [];
  if (!OPERATION.test(tool)) fail('names no operation');
  if (!CURRENCY.test(currency)) fail('has no currency in capital letters');
  if (POINTER.test(amount)) return { tool, currency, pointer: amount };
  const fixed = /^\d{1,15}$/.test(amount) ? Number(amount) : fail('has no whole amount');
  return { tool, currency, amount: fixed };
}

/** A price as {@link parsePrice} reads it. */
export function formatPrice(price: Price): string {
  const amount = 'pointer' in price ? price.pointer : String(price.amount);
  return `${price.tool}=${amount} ${price.currency}`;
}
