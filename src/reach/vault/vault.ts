// Secrets by tenant and name: sealed in the store, opened only for a permit that names them.

import { join } from 'node:path';
import { type Clock, systemClock } from '../../base/clock/clock.ts';
import { asWarderError, WarderError } from '../../base/errors/errors.ts';
import type { Store, Table, TenantId, Tx } from '../../base/store/store.ts';
import { isSecretName } from '../../catalog/secret-rule.ts';
import { assertPermit, type Permit } from '../../decide/policy/permit.ts';
import { open, seal, type Sealed } from './seal.ts';
import { Redactor } from './redactor.ts';
import { checkSecretValue } from './secret-value.ts';
import { openVaultKey, type VaultKey } from './vault-key.ts';
import { VersionMemory } from './version-memory.ts';

/** A sealed value. Key: the secret's name. */
export interface SecretRow extends Sealed {
  /** Counts the values the name has had. */
  readonly version: number;
  /** Wall milliseconds. */
  readonly setAt: number;
}

export const secretTable: Table<SecretRow> = { name: 'secret', indexes: {} };

/** How often a secret was sent. Key: the secret's name. */
export interface SecretUseRow {
  readonly count: number;
  /** Wall milliseconds. */
  readonly lastAt: number;
}

export const secretUseTable: Table<SecretUseRow> = { name: 'secret-use', indexes: {} };

/** What may be told of a secret. */
export interface SecretSummary {
  readonly name: string;
  readonly version: number;
  /** Wall milliseconds. */
  readonly setAt: number;
  /** Requests it was sent with, all versions together. */
  readonly uses: number;
  /** Wall milliseconds; absent when it never was. */
  readonly lastUsedAt?: number;
}

const MOST_SECRETS = 1000;
/** Secrets of one tenant that are looked for in what any call takes in or gives out. */
const MOST_MASKED = 64;
const NO_USES: ReadonlyMap<string, number> = new Map();

export class Vault {
  readonly #store: Store;
  readonly #keyPath: string;
  readonly #clock: Clock;
  readonly #versions: VersionMemory;
  readonly #uses = new WeakMap<Permit, Map<string, number>>();
  /** By tenant; made anew after a change. */
  readonly #redactors = new Map<TenantId, Redactor | undefined>();
  #key: VaultKey | undefined;

  /**
   * @param folder private directory outside the database: the key and the memory of versions.
   * @throws WarderError `unavailable` when the memory of versions cannot be read.
   */
  constructor(store: Store, folder: string, clock: Clock = systemClock) {
    this.#store = store;
    this.#keyPath = join(folder, 'vault.key');
    this.#clock = clock;
    this.#versions = new VersionMemory(join(folder, 'vault.versions'));
    // What a crash kept from being remembered.
    const rows = store.read((reader) => reader.list(secretTable, undefined, { limit: 1_000_000 }));
    this.#versions.raise(
      rows.map(({ tenant, key, value }) => ({ tenant, name: key, version: value.version })),
    );
  }

  /** All secrets of a tenant, by name. */
  list(tenant: TenantId): readonly SecretSummary[] {
    return this.#store.read((reader) =>
      reader
        .list(secretTable, tenant, { limit: MOST_SECRETS })
        .map(({ key, value }) => summaryOf(key, value, reader.get(secretUseTable, tenant, key))),
    );
  }

  /** What keeps kept secrets from being used; for the operator. Nothing when all is well. */
  faults(): readonly WarderError[] {
    const rows = this.#store.read((reader) =>
      reader.list(secretTable, undefined, { limit: 1_000_000 }),
    );
    const fault = (work: () => void): readonly WarderError[] => {
      try {
        work();
        return [];
      } catch (thrown) {
        return [asWarderError(thrown)];
      }
    };
    if (rows.length === 0) return [];
    const key = fault(() => void this.#openKey(false));
    if (key.length > 0) return key;
    return rows.flatMap(({ tenant, key: name, value }) =>
      fault(() => void this.#open(tenant, name, value)),
    );
  }

  has(tenant: TenantId, name: string): boolean {
    return this.#store.read((reader) => reader.get(secretTable, tenant, name) !== undefined);
  }

  /**
   * Seals a value; `rotate` replaces one, of which nothing is kept. After the commit call
   * {@link committed}.
   *
   * @throws WarderError `usage` for a name or value that is none, `conflict` when there is one to set,
   *   `not-found` when there is none to rotate, `limit-reached`, `unavailable` without the key.
   */
  put(
    tx: Tx,
    tenant: TenantId,
    name: string,
    value: Uint8Array,
    change: 'set' | 'rotate',
  ): SecretSummary {
    if (!isSecretName(name)) {
      throw new WarderError('usage', 'that cannot be the name of a secret', {
        hint: 'letters, digits, `_`, `.` and `-`, at most 128, e.g. `API_KEY`; the value goes to stdin',
      });
    }
    checkSecretValue(value);
    const before = tx.get(secretTable, tenant, name);
    if (change === 'rotate' && before === undefined) throw missing(name);
    if (change === 'set' && before !== undefined) {
      throw new WarderError('conflict', `there is a secret \`${name}\` already`, {
        hint: `\`warder secret rotate ${name}\` replaces its value`,
      });
    }
    const rows = tx.list(secretTable, undefined, { limit: MOST_SECRETS });
    if (before === undefined && rows.length >= MOST_SECRETS) {
      throw new WarderError('limit-reached', `the vault holds ${MOST_SECRETS} secrets`, {
        hint: 'remove some with `warder secret remove`',
      });
    }
    const version = Math.max(this.#versions.lowest(tenant, name), (before?.version ?? 0) + 1);
    // Once something is sealed, a missing key is a loss and not a first use.
    const key = this.#openKey(rows.every(({ key: each }) => each === name));
    const sealed = seal(key, { tenant, name, version }, value);
    const row = { ...sealed, version, setAt: this.#clock.wall() };
    tx.put(secretTable, tenant, name, row);
    return summaryOf(name, row, tx.get(secretUseTable, tenant, name));
  }

  /** Forgets a secret; works without the key. @throws WarderError `not-found` */
  remove(tx: Tx, tenant: TenantId, name: string): SecretSummary {
    const row = tx.get(secretTable, tenant, name);
    if (row === undefined) throw missing(name);
    const use = tx.get(secretUseTable, tenant, name);
    tx.delete(secretTable, tenant, name);
    tx.delete(secretUseTable, tenant, name);
    return summaryOf(name, row, use);
  }

  /** A change is durable: no version below may be used again, `removed` ones not either. */
  committed(tenant: TenantId, { name, version }: SecretSummary, removed = false): void {
    this.#versions.raise([{ tenant, name, version: removed ? version + 1 : version }]);
    this.#redactors.delete(tenant);
  }

  /**
   * The value of a secret this permit names, for one request; undefined when there is none. Whoever
   * asks wipes it when done. Counted, see {@link usesOf}.
   *
   * Rejects with TypeError when `permit` is not a permit of this process, WarderError `permit-denied`
   * when it does not name the secret or has expired, `unavailable` when the value does not open.
   */
  async reveal(permit: Permit, name: string): Promise<Uint8Array | undefined> {
    assertPermit(permit);
    if (this.#clock.wall() >= permit.terms.expiresAt) {
      throw new WarderError('permit-denied', "the call's permit has expired");
    }
    const value = this.#valueFor(permit, name);
    if (value === undefined) return undefined;
    const uses = this.#uses.get(permit) ?? new Map<string, number>();
    this.#uses.set(permit, uses.set(name, (uses.get(name) ?? 0) + 1));
    return value;
  }

  /** How many requests of a permit were given which secret. */
  usesOf(permit: Permit): ReadonlyMap<string, number> {
    return this.#uses.get(permit) ?? NO_USES;
  }

  /** The values of a permit that can be opened, expired or not, to be masked in what its call gives out. */
  toMask(permit: Permit): readonly Uint8Array[] {
    assertPermit(permit);
    const names = new Set(permit.terms.secrets.map(({ secret }) => secret));
    return [...names].flatMap((name) => {
      const { tenant } = permit.terms;
      const row = this.#store.read((reader) => reader.get(secretTable, tenant, name));
      return row === undefined ? [] : (this.#openable(tenant, name, row) ?? []);
    });
  }

  /**
   * Masks every secret of a tenant, whoever may send it; undefined when there is none to mask. Of more
   * than sixty-four the first by name are masked; those a call may send are in {@link toMask} anyway.
   */
  redactor(tenant: TenantId): Redactor | undefined {
    const all = this.#redactors.has(tenant) ? this.#redactors.get(tenant) : this.#maskAll(tenant);
    return all === undefined ? undefined : new Redactor(all);
  }

  /** Counts that a secret was sent. */
  countUses(tx: Tx, tenant: TenantId, uses: ReadonlyMap<string, number>): void {
    for (const [name, count] of uses) {
      if (tx.get(secretTable, tenant, name) === undefined) continue;
      const before = tx.get(secretUseTable, tenant, name)?.count ?? 0;
      tx.put(secretUseTable, tenant, name, { count: before + count, lastAt: this.#clock.wall() });
    }
  }

  #maskAll(tenant: TenantId): Redactor | undefined {
    const rows = this.#store.read((reader) =>
      reader.list(secretTable, tenant, { limit: MOST_MASKED }),
    );
    const values = rows.flatMap(
      ({ key: name, value }) => this.#openable(tenant, name, value) ?? [],
    );
    const all = values.length === 0 ? undefined : new Redactor(values);
    // A key that is put back opens the rest.
    if (values.length === rows.length) this.#redactors.set(tenant, all);
    return all;
  }

  /** What does not open cannot be sent either: there is nothing to mask. */
  #openable(tenant: TenantId, name: string, row: SecretRow): Uint8Array | undefined {
    try {
      return this.#open(tenant, name, row);
    } catch (thrown) {
      if (thrown instanceof WarderError) return undefined;
      throw thrown;
    }
  }

  #valueFor(permit: Permit, name: string): Uint8Array | undefined {
    const { secrets, tenant } = permit.terms;
    if (!secrets.some(({ secret }) => secret === name)) {
      throw new WarderError('permit-denied', `this call may not use the secret \`${name}\``);
    }
    const row = this.#store.read((reader) => reader.get(secretTable, tenant, name));
    return row === undefined ? undefined : this.#open(tenant, name, row);
  }

  #open(tenant: TenantId, name: string, row: SecretRow): Uint8Array {
    const key = this.#keyToOpen(name);
    if (row.key !== key.id) throw unusable(name, 'was sealed with another vault key');
    if (row.version < this.#versions.lowest(tenant, name)) {
      throw unusable(name, 'is an older value than the one set last');
    }
    let value: Uint8Array;
    try {
      value = open(key, { tenant, name, version: row.version }, row);
    } catch (cause) {
      throw unusable(name, 'was changed in the store', cause);
    }
    try {
      checkSecretValue(value);
    } catch (cause) {
      throw unusable(name, 'is not one that may be sent', cause);
    }
    return value;
  }

  /** What a guest is told of a missing key names no path; {@link faults} does. */
  #keyToOpen(name: string): VaultKey {
    try {
      return this.#openKey(false);
    } catch (cause) {
      throw unusable(name, 'needs the vault key, which cannot be opened', cause);
    }
  }

  #openKey(make: boolean): VaultKey {
    this.#key ??= openVaultKey(this.#keyPath, make);
    return this.#key;
  }
}

function summaryOf(
  name: string,
  { version, setAt }: SecretRow,
  use: SecretUseRow | undefined,
): SecretSummary {
  const { count = 0, lastAt } = use ?? {};
  return {
    name,
    version,
    setAt,
    uses: count,
    ...(lastAt === undefined ? {} : { lastUsedAt: lastAt }),
  };
}

function missing(name: string): WarderError {
  return new WarderError('not-found', `there is no secret \`${name}\` in the vault`, {
    hint: `the operator sets it with \`warder secret set ${name}\``,
  });
}

function unusable(name: string, why: string, cause?: unknown): WarderError {
  return new WarderError('unavailable', `the secret \`${name}\` cannot be used: it ${why}`, {
    cause,
    hint:
      `set it anew with \`warder secret rotate ${name}\`, or restore \`state.db\` and \`keys/\` ` +
      'from one backup',
  });
}
