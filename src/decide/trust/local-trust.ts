// The local trust table: the source warder uses when no other is handed in. Read at every question, so
// that a change counts from its commit on.

import { WarderError } from '../../base/errors/errors.ts';
import type { Reader, Store, TenantId, Tx } from '../../base/store/store.ts';
import type { Trust } from '../policy/circumstances.ts';
import { type TrustEntry, trustTable } from './trust-entry.ts';
import type { TrustSource } from './trust-source.ts';

const ENTRIES_MAX = 10_000;

/** What the table of a store says. */
export class LocalTrust implements TrustSource {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  of(tenant: TenantId, principal: string, now: number): Trust | undefined {
    const entry = this.#store.read((reader) => reader.get(trustTable, tenant, principal));
    if (entry === undefined || hasEnded(entry, now)) return undefined;
    const { level, capabilities } = entry;
    return { level, capabilities };
  }
}

/** Whether an entry says nothing any more. */
export function hasEnded({ expiresAt = Infinity }: TrustEntry, now: number): boolean {
  // Written so that an end that is no number has passed.
  return !(now < expiresAt);
}

/** Entries of a tenant by principal, ended ones too. */
export function listTrust(reader: Reader, tenant: TenantId): readonly TrustEntry[] {
  return reader.list(trustTable, tenant, { limit: ENTRIES_MAX }).map(({ value }) => value);
}

/** @throws WarderError `not-found`. */
export function showTrust(reader: Reader, tenant: TenantId, principal: string): TrustEntry {
  const entry = reader.get(trustTable, tenant, principal);
  if (entry !== undefined) return entry;
  throw new WarderError('not-found', `nobody vouches for \`${principal.slice(0, 64)}\``, {
    hint: '`warder trust list` shows whom the table names',
  });
}

/** Adds an entry, or replaces the one of its principal. */
export function setTrust(tx: Tx, tenant: TenantId, entry: TrustEntry): void {
  tx.put(trustTable, tenant, entry.principal, entry);
}

/** @throws WarderError `not-found`. */
export function removeTrust(tx: Tx, tenant: TenantId, principal: string): TrustEntry {
  const entry = showTrust(tx, tenant, principal);
  tx.delete(trustTable, tenant, principal);
  return entry;
}
