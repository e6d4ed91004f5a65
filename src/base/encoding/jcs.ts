// Canonical JSON (RFC 8785): one byte string per value.

import { WarderError } from '../errors/errors.ts';

const encoder = new TextEncoder();

/**
 * The RFC 8785 text of a JSON value.
 *
 * @throws WarderError `malformed` for what JSON cannot say: `undefined`, functions, NaN, infinities,
 *   unpaired surrogates.
 */
export function canonicalJson(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return string(value);
    case 'number':
      if (!Number.isFinite(value)) refuse('a number that is not finite');
      // ECMAScript's number form is the one RFC 8785 prescribes; -0 becomes 0.
      return JSON.stringify(value);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'object':
      if (value === null) return 'null';
      return Array.isArray(value) ? array(value) : object(value as Record<string, unknown>);
    default:
      return refuse(`a value of type ${typeof value}`);
  }
}

/** {@link canonicalJson} as UTF-8. */
export function canonicalBytes(value: unknown): Uint8Array {
  return encoder.encode(canonicalJson(value));
}

/** Text that stands in JSON as it is. */
const PLAIN = /^[ !#-[\]-~]*$/;

function string(text: string): string {
  if (PLAIN.test(text)) return `"${text}"`;
  if (!text.isWellFormed()) refuse('an unpaired surrogate');
  return JSON.stringify(text);
}

function array(items: readonly unknown[]): string {
  let text = '[';
  for (let at = 0; at < items.length; at += 1) {
    if (at > 0) text += ',';
    text += canonicalJson(items[at]);
  }
  return `${text}]`;
}

function object(record: Readonly<Record<string, unknown>>): string {
  let text = '{';
  // Default sort order is by UTF-16 code units, as RFC 8785 section 3.2.3 asks.
  for (const name of Object.keys(record).sort()) {
    const value = record[name];
    if (value === undefined) continue;
    if (text.length > 1) text += ',';
    text += `${string(name)}:${canonicalJson(value)}`;
  }
  return `${text}}`;
}

function refuse(what: string): never {
  throw new WarderError('malformed', `JSON cannot hold ${what}`);
}
