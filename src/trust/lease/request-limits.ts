// The limits a request names: which of them no lease can have, and whether a lease keeps to them.

import { firstOutside } from './capabilities-within.ts';
import { DEPTH_MAX } from './claims.ts';
import type { Capability, LeaseClaims } from './lease.ts';
import { type AskedLease, type AskedLimits, type LeaseRequest, termsOf } from './lease-request.ts';

/** Longest window of a rate, seconds. */
const RATE_SECONDS_MAX = 86_400;
/** Last second before the year 10000. */
const TIME_MAX = 253_402_300_799;

/** What is wrong with the limits a request names. */
export function limitFaults(
  asked: AskedLimits,
  capabilities: readonly Capability[],
): readonly string[] {
  const { maxUses, maxBytes, rate, maxExp, delegatable, maxDepth } = asked;
  const faults: string[] = [];
  const count = (name: string, value: unknown, least: number, most: number): void => {
    const isWhole = typeof value === 'number' && Number.isSafeInteger(value);
    if (value === undefined || (isWhole && value >= least && value <= most)) return;
    faults.push(`\`${name}\` is a whole number from ${least} to ${most}`);
  };
  count('maxUses', maxUses, 1, Number.MAX_SAFE_INTEGER);
  count('maxBytes', maxBytes, 1, Number.MAX_SAFE_INTEGER);
  count('maxExp', maxExp, 1, TIME_MAX);
  count('maxDepth', maxDepth, 0, DEPTH_MAX);
  if (rate !== undefined) {
    const { uses, seconds, ...more } = rate;
    if (Object.keys(more).length > 0) faults.push('`rate` has `uses` and `seconds`, nothing else');
    count('rate.uses', uses ?? null, 1, Number.MAX_SAFE_INTEGER);
    count('rate.seconds', seconds ?? null, 1, RATE_SECONDS_MAX);
  }
  if (delegatable !== undefined && typeof delegatable !== 'boolean') {
    faults.push('`delegatable` is true or false');
  }
  if (maxExp === undefined && capabilities.some(({ type }) => type === 'lease.refresh')) {
    faults.push('`lease.refresh` needs a `maxExp`');
  }
  return faults;
}

/** What a lease says that was not asked for, or not left by those who said yes; undefined: nothing. */
export function exceeding(claims: LeaseClaims, request: LeaseRequest): string | undefined {
  const { capabilities, ttlSeconds } = termsOf(request);
  const differs = (['tenant', 'task'] as const).find((name) => claims[name] !== request[name]);
  if (differs !== undefined) return `another \`${differs}\``;
  if (claims.sub !== request.principal) return 'another principal';
  if (JSON.stringify(claims.cnf) !== JSON.stringify(request.cnf)) return 'another holder';
  if (claims.exp - claims.nbf > ttlSeconds) return 'it lasts longer';
  if (firstOutside(claims.authorization_details, capabilities) !== undefined)
    return 'it may do more';
  return beyond(claims, request);
}

function beyond(claims: LeaseClaims, asked: AskedLease): string | undefined {
  const depth = asked.parent === undefined ? 0 : asked.parent.depth + 1;
  if (claims.del_depth !== depth) return 'it is made from another';
  if (claims.del_max - claims.del_depth > (asked.maxDepth ?? 0)) return 'more is made from it';
  if (asked.delegatable === false && claims.delegatable !== false) return 'more is made from it';
  if (!within(claims.max_uses, asked.maxUses)) return 'it has more uses';
  if (!within(claims.max_bytes, asked.maxBytes)) return 'it has more bytes';
  if (!within(claims.max_exp, asked.maxExp)) return 'its latest end is later';
  if (asked.rate !== undefined) {
    const { rate } = claims;
    const keeps =
      rate !== undefined && rate.uses <= asked.rate.uses && rate.seconds >= asked.rate.seconds;
    if (!keeps) return 'its rate is higher';
  }
  return undefined;
}

function within(value: number | undefined, most: number | undefined): boolean {
  return most === undefined || (value !== undefined && value <= most);
}
