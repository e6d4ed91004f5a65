// What is asked for, by whom: principal, tenant and agent are the channel's, whatever was written.

import type { Json } from '../../base/encoding/json.ts';
import { WarderError } from '../../base/errors/errors.ts';
import type { AskedLease } from '../../trust/lease/lease-request.ts';
import type { VerifiedLease } from '../../trust/lease/verify-lease.ts';
import type { Caller } from '../door.ts';
import { type AskedTerms, parseAskedTerms } from './asked-terms.ts';
import type { LeaseInHand } from './lease-in-hand.ts';

/** What a request says, with all that it has to say. */
type RequestTerms = AskedTerms &
  Pick<AskedLease, 'task' | 'capabilities' | 'ttlSeconds' | 'reason'>;

/**
 * Reads a request, or what is to be previewed, which may leave out what nobody is told yet.
 *
 * @throws WarderError `malformed`.
 */
export function readRequest(json: Json, use: 'request' | 'preview'): RequestTerms {
  const measured = ['capabilities', 'ttl_seconds'] as const;
  const { task, capabilities, ttlSeconds, reason, ...more } = parseAskedTerms(
    json,
    use === 'request' ? [...measured, 'task', 'reason'] : measured,
  );
  return {
    task: task ?? '',
    reason: reason ?? '',
    capabilities: capabilities ?? [],
    ttlSeconds: ttlSeconds ?? 0,
    ...more,
  };
}

/**
 * A lease of its own, for the connection or the holder of a key.
 *
 * @param now wall milliseconds.
 * @throws WarderError `lease-refused` for one that would outlive the identity of who asks.
 */
export function askedLease(
  caller: Caller,
  hand: LeaseInHand,
  { holder, ...terms }: RequestTerms,
  now: number,
): AskedLease {
  const { until = Infinity, connection } = hand.terms;
  const left = Math.max(0, until - Math.floor(now / 1000));
  if (terms.ttlSeconds > left) {
    throw new WarderError(
      'lease-refused',
      `your identity holds for ${left} s, and no lease longer`,
      {
        hint: 'ask for less time, or authenticate anew',
      },
    );
  }
  const cnf = holder === undefined ? { conn: connection } : { jwk: holder };
  return { ...channelOf(caller), cnf, ...terms };
}

/**
 * A lease made from another: what it does not name is its parent's.
 *
 * @param above id of the request the parent was granted to.
 * @param now wall milliseconds.
 * @throws WarderError `malformed`; `lease-refused` for more than the parent has.
 */
export function childLease(
  caller: Caller,
  above: string,
  { claims, stateKey }: VerifiedLease,
  json: Json,
  now: number,
): AskedLease {
  const { holder, task, ...terms } = parseAskedTerms(json, ['holder_key']);
  if (holder === undefined) throw new WarderError('internal', 'a child without a holder');
  const left = claims.exp - Math.floor(now / 1000);
  if (task !== undefined && task !== claims.task) wider('its task is its parent’s');
  if ((terms.ttlSeconds ?? 0) > left) wider(`its parent holds for ${left} s more`);
  return {
    reason: `made from ${above}`,
    ttlSeconds: left,
    // Being signed anew is for roots alone.
    capabilities: claims.authorization_details.filter(({ type }) => type !== 'lease.refresh'),
    ...terms,
    task: claims.task ?? '',
    ...channelOf(caller),
    cnf: { jwk: holder },
    parent: { stateKey, depth: claims.del_depth },
  };
}

function channelOf({
  tenant,
  principal,
  agent,
}: Caller): Pick<AskedLease, 'tenant' | 'principal' | 'agent'> {
  return { tenant, principal, agent };
}

function wider(why: string): never {
  throw new WarderError('lease-refused', `a child may only narrow: ${why}`, {
    hint: 'give away no more than the lease has',
  });
}
