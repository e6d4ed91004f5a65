// How a principal used a tool so far, durably: since when, which version last, and how often by the hour.

import { hash } from 'node:crypto';
import type { Reader, Table, TenantId, Tx } from '../../base/store/store.ts';

/** One principal's use of one operation. Key: a digest over both names. */
export interface ToolUse {
  /** Wall milliseconds of the first call that ran. */
  readonly firstAt: number;
  /** Wall milliseconds of the last one. */
  readonly lastAt: number;
  /** SHA-256 of the package that ran last, hex. */
  readonly digest: string;
  /** Hours since 1970 that `count` is of. */
  readonly hour: number;
  readonly count: number;
  /** Calls in the hours before that had any, newest first. */
  readonly before: readonly number[];
}

export const toolUseTable: Table<ToolUse> = { name: 'tool-use', indexes: {} };

/** Whose use of what. */
export interface ToolUser {
  readonly tenant: TenantId;
  readonly principal: string;
  /** Operation name. */
  readonly tool: string;
}

const HOUR_MS = 3_600_000;
/** Hours with calls that are remembered. */
const HOURS_KEPT = 24;
/** Days after which a use nobody repeated is forgotten. */
const FORGOTTEN_DAYS = 90;
/** Rows looked at for being forgotten when a new one is made. */
const SWEPT = 16;
/** Calls in one hour that are never many. */
const NEVER_MANY = 60;
/** So many times the busiest hour before is unusual. */
const TIMES = 3;

/** What was kept of this use; undefined before the first. */
export function readToolUse(reader: Reader, user: ToolUser): ToolUse | undefined {
  return reader.get(toolUseTable, user.tenant, keyOf(user));
}

/**
 * Counts a call that is about to run. For the transaction of its intent.
 *
 * @param digest SHA-256 of the package, hex.
 * @param now wall milliseconds.
 */
export function countToolUse(tx: Tx, user: ToolUser, digest: string, now: number): void {
  const key = keyOf(user);
  const known = tx.get(toolUseTable, user.tenant, key);
  if (known === undefined) sweep(tx, user.tenant, key, now);
  tx.put(toolUseTable, user.tenant, key, nextUse(known, digest, now));
}

/** Whether one more call now makes more in this hour than its own history explains. */
export function isUnusualVolume(use: ToolUse, now: number): boolean {
  const hour = hourOf(now);
  const count = hour <= use.hour ? use.count + 1 : 1;
  const before = hour <= use.hour ? use.before : [use.count, ...use.before];
  return count > Math.max(NEVER_MANY, TIMES * Math.max(0, ...before));
}

function nextUse(known: ToolUse | undefined, digest: string, now: number): ToolUse {
  const hour = hourOf(now);
  if (known === undefined) {
    return { firstAt: now, lastAt: now, digest, hour, count: 1, before: [] };
  }
  const { firstAt, before } = known;
  // An hour that lies before the last one is a clock set back by a little: it counts as the last.
  if (hour <= known.hour) {
    return { firstAt, lastAt: now, digest, hour: known.hour, count: known.count + 1, before };
  }
  const hours = [known.count, ...before].slice(0, HOURS_KEPT);
  return { firstAt, lastAt: now, digest, hour, count: 1, before: hours };
}

/** Forgets old rows near a new one. Keys are digests, so every row comes to lie near one in time. */
function sweep(tx: Tx, tenant: TenantId, key: string, now: number): void {
  const oldest = now - FORGOTTEN_DAYS * 24 * HOUR_MS;
  for (const row of tx.list(toolUseTable, tenant, { after: key, limit: SWEPT })) {
    if (row.value.lastAt < oldest) tx.delete(toolUseTable, tenant, row.key);
  }
}

function hourOf(now: number): number {
  return Math.floor(now / HOUR_MS);
}

function keyOf({ principal, tool }: ToolUser): string {
  // No operation name has a line break.
  return hash('sha256', `${tool}\n${principal}`, 'base64url');
}
