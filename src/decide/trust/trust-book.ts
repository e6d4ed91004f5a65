// The local trust table: the source warder uses when no other is handed in. Read at every question, so
// that a change counts from its commit on.

import { WarderError } from '../../base/errors/errors.ts';
import type { Store, TenantId, Tx } from '../../base/store/store.ts';
import type { Trust } from '../policy/circumstances.ts';
import { type TrustEntry, trustTable } from './trust-entry.ts';
import type { TrustSource } from './trust-source.ts';

const LISTED = 1000;

export class TrustBook implements TrustSource {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  of(tenant: TenantId, principal: string, now: number): Trust | undefined {
    const entry = this.#store.read((reader) => reader.get(trustTable, tenant, principal));
    if (entry === undefined) return undefined;
    const { level, capabilities, expiresAt } = entry;
    // Written so that an end that is no number has passed.
    if (expiresAt !== undefined && !(now < expiresAt)) return undefined;
    return { level, capabilities };
  }

  /** Entries of a tenant by principal, ended ones too. */
  list(tenant: TenantId): readonly TrustEntry[] {
    return this.#store.read((reader) =>
      reader.list(trustTable, tenant, { limit: LISTED }).map(({ value }) => value),
    );
  }

  /** @throws WarderError `not-found`. */
  show(tenant: TenantId, principal: string): TrustEntry {
    return (
      this.#store.read((reader) => reader.get(trustTable, tenant, principal)) ?? missing(principal)
    );
  }

  /** Adds an entry, or replaces the one of its principal. */
  set(tx: Tx, tenant: TenantId, entry: TrustEntry): void {
    tx.put(trustTable, tenant, entry.principal, entry);
  }

  /** @throws WarderError `not-found`. */
  remove(tx: Tx, tenant: TenantId, principal: string): TrustEntry {
    const entry = tx.get(trustTable, tenant, principal) ?? missing(principal);
    tx.delete(trustTable, tenant, principal);
    return entry;
  }
}

function missing(principal: string): never {
  throw new WarderError('not-found', `nobody vouches for \`${principal.slice(0, 64)}\``, {
    hint: '`warder trust list` shows whom the table names',
  });
}
