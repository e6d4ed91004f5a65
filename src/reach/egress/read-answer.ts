// Reads what a broker answers. It handles hostile bytes, so it is believed in nothing that can be
// checked: a member of the wrong kind, and it has ended.

import type { BrokerReply } from '../../base/process/broker.ts';
import type { Headers } from './headers.ts';
import type { BrokerAnswer } from './messages.ts';
import type { EgressRefusalCode } from './refusal.ts';
import type { EgressState } from './trace.ts';

const CODES: ReadonlySet<unknown> = new Set<EgressRefusalCode>([
  'denied',
  'limit',
  'not-found',
  'invalid',
  'failed',
]);
const STATES: ReadonlySet<unknown> = new Set<EgressState>([
  'refused',
  'not-sent',
  'sent',
  'answered',
]);

/** @throws TypeError */
export function readAnswer({ head }: BrokerReply): BrokerAnswer {
  const { refused, state, status, headers, location, used, end, masked } = head;
  return {
    ...optional('refused', refused, isRefusal),
    ...optional('state', state, (value): value is EgressState => STATES.has(value)),
    ...optional('status', status, isStatus),
    ...optional('headers', headers, isHeaders),
    ...optional('location', location, isText),
    ...optional('used', used, isCount),
    ...optional('end', end, (value): value is boolean => typeof value === 'boolean'),
    ...optional('masked', masked, isCount),
  };
}

function optional<Name extends string, T>(
  name: Name,
  value: unknown,
  is: (value: unknown) => value is T,
): { readonly [Key in Name]?: T } {
  if (value === undefined) return {};
  if (!is(value)) throw new TypeError(`an answer without a proper \`${name}\``);
  return { [name]: value } as { readonly [Key in Name]?: T };
}

function isRefusal(value: unknown): value is NonNullable<BrokerAnswer['refused']> {
  if (typeof value !== 'object' || value === null) return false;
  const { code, message } = value as Record<string, unknown>;
  return CODES.has(code) && isText(message);
}

function isStatus(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 200 && (value as number) <= 999;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isHeaders(value: unknown): value is Headers {
  return (
    Array.isArray(value) &&
    value.every((pair) => Array.isArray(pair) && pair.length === 2 && pair.every(isText))
  );
}
