// What is counted of a lease: uses, bytes, money, how fast, and the leases made from it. A use counts
// against every lease of the chain, in the caller's transaction, or against none.

import { WarderError } from '../../base/errors/errors.ts';
import type { Reader, Table, TenantId, Tx } from '../../base/store/store.ts';
import type { ChainLink, LeaseClaims, Rate } from './lease.ts';

/** Most leases that may ever be made from one, its children's children included. */
export const DESCENDANTS_MAX = 256;

/** What a use takes at most, or took. Whole numbers. */
export interface LeaseAmounts {
  readonly bytes?: number;
  /** By currency, in its smallest unit. */
  readonly spend?: Readonly<Record<string, number>>;
}

/** The account of one lease: a small row, without indexes, for what every call writes. */
interface Account {
  readonly uses: number;
  readonly bytes?: number;
  readonly spent?: Readonly<Record<string, number>>;
  readonly descendants?: number;
  readonly recent?: Recent;
}
const accountTable: Table<Account> = { name: 'meta', indexes: {} };
const accountKey = (stateKey: string): string => `lease-uses/${stateKey}`;

/** What is held for a running call, until its end tells what it took. */
interface Held extends LeaseAmounts {
  readonly leases: readonly string[];
}
const heldTable: Table<Held> = { name: 'meta', indexes: {} };
const heldKey = (call: string): string => `lease-hold/${call}`;

/**
 * Takes one use, and what it may come to at most, from each lease of a chain.
 *
 * @param call id under which {@link settleUse} gives back what was not taken.
 * @throws WarderError `lease-refused` when any of them has too little left; `limit-reached` when a rate is
 *   reached; `internal` for an amount that is no whole number of 0 or more.
 */
export function takeUse(
  tx: Tx,
  tenant: TenantId,
  chain: readonly ChainLink[],
  most: LeaseAmounts,
  now: number,
  call?: string,
): void {
  const bytes = whole(most.bytes ?? 0);
  const spend = Object.entries(most.spend ?? {});
  let counted = false;
  for (const { stateKey, claims } of chain) {
    const account = accountOf(tx, tenant, stateKey);
    if (claims.max_uses !== undefined && account.uses >= claims.max_uses) {
      refuse(`has no use left of ${claims.max_uses}`);
    }
    const { rate } = claims;
    const recent = rate === undefined ? undefined : countRecent(rate, account.recent, now);
    const spent = { ...account.spent };
    for (const [currency, amount] of spend) {
      const cap = capOf(claims, currency);
      spent[currency] = (spent[currency] ?? 0) + whole(amount);
      if (!(spent[currency] <= cap)) refuse(`has too little ${currency} left of ${cap}`);
    }
    const moved = (account.bytes ?? 0) + bytes;
    const limit = claims.max_bytes;
    if (limit !== undefined && moved > limit) refuse(`has too few bytes left of ${limit}`);
    counted ||= limit !== undefined || spend.length > 0;
    tx.put(accountTable, tenant, accountKey(stateKey), {
      ...account,
      uses: account.uses + 1,
      ...(limit === undefined ? {} : { bytes: moved }),
      ...(spend.length === 0 ? {} : { spent }),
      ...(recent === undefined ? {} : { recent }),
    });
  }
  if (counted && call !== undefined) {
    const leases = chain.map(({ stateKey }) => stateKey);
    tx.insert(heldTable, tenant, heldKey(call), { leases, bytes, spend: most.spend ?? {} });
  }
}

/** Whether any lease of a chain has a limit that a call's end settles. */
export function countsAmounts(chain: readonly ChainLink[]): boolean {
  return chain.some(
    ({ claims }) =>
      claims.max_bytes !== undefined ||
      claims.authorization_details.some(({ type }) => type === 'spend'),
  );
}

/**
 * Puts what a call really took in the place of what was held for it. Taking more than was held is charged
 * in full; a call whose end nobody knows keeps all. Without a hold nothing happens.
 */
export function settleUse(tx: Tx, tenant: TenantId, call: string, used: LeaseAmounts): void {
  const held = tx.get(heldTable, tenant, heldKey(call));
  if (held === undefined) return;
  tx.delete(heldTable, tenant, heldKey(call));
  const back = (held.bytes ?? 0) - whole(used.bytes ?? 0);
  for (const stateKey of held.leases) {
    const account = accountOf(tx, tenant, stateKey);
    const spent = { ...account.spent };
    for (const [currency, amount] of Object.entries(held.spend ?? {})) {
      spent[currency] = (spent[currency] ?? 0) - amount + whole(used.spend?.[currency] ?? 0);
    }
    tx.put(accountTable, tenant, accountKey(stateKey), {
      ...account,
      ...(account.bytes === undefined ? {} : { bytes: Math.max(0, account.bytes - back) }),
      ...(account.spent === undefined ? {} : { spent }),
    });
  }
}

/**
 * Counts a lease that is seen for the first time with each of those it was made from.
 *
 * @throws WarderError `lease-refused` when one of them has too many.
 */
export function countDescendant(tx: Tx, tenant: TenantId, ancestors: readonly ChainLink[]): void {
  for (const { stateKey } of ancestors) {
    const account = accountOf(tx, tenant, stateKey);
    const descendants = (account.descendants ?? 0) + 1;
    if (descendants > DESCENDANTS_MAX) {
      refuse(`comes from one that ${DESCENDANTS_MAX} others were made from already`);
    }
    tx.put(accountTable, tenant, accountKey(stateKey), { ...account, descendants });
  }
}

/** What was counted of one lease. */
export function accountOf(reader: Reader, tenant: TenantId, stateKey: string): Account {
  return reader.get(accountTable, tenant, accountKey(stateKey)) ?? { uses: 0 };
}

/** Uses of the slots of one window, the last of which is number `slot`. */
interface Recent {
  readonly slot: number;
  readonly counts: readonly number[];
}
const SLOTS = 8;

/**
 * Counts one use among those of the last window. Any window lies within nine slots, each an eighth of
 * one, so that their sum is at least what any window saw.
 *
 * @throws WarderError `limit-reached`.
 */
function countRecent({ uses, seconds }: Rate, before: Recent | undefined, now: number): Recent {
  const slot = Math.floor((now * SLOTS) / (seconds * 1000));
  // A clock that went back counts into the last slot there was.
  const at = Math.max(slot, before?.slot ?? slot);
  const counts = Array.from({ length: SLOTS + 1 }, (_, age) => countAt(before, at - age));
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total >= uses) {
    throw new WarderError('limit-reached', `the lease allows ${uses} uses in ${seconds} s`, {
      hint: 'wait, then try again',
      data: { uses, seconds },
    });
  }
  counts[0] = (counts[0] ?? 0) + 1;
  return { slot: at, counts };
}

function countAt(recent: Recent | undefined, slot: number): number {
  return recent === undefined ? 0 : (recent.counts[recent.slot - slot] ?? 0);
}

/** The cap of a lease for one currency; without the capability there is none to take from. */
function capOf(claims: LeaseClaims, currency: string): number {
  for (const each of claims.authorization_details) {
    if (each.type === 'spend' && each.currency === currency) return each.amount;
  }
  return refuse(`has no ${currency.slice(0, 8)} to spend`);
}

function whole(amount: number): number {
  if (Number.isSafeInteger(amount) && amount >= 0) return amount;
  throw new WarderError('internal', 'an amount that is not a whole number of 0 or more');
}

function refuse(why: string): never {
  throw new WarderError('lease-refused', `the lease ${why}`, { hint: 'ask for a new lease' });
}
