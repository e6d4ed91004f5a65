// Installed packages by tenant: found fast on the way of every call, changed only inside a store
// transaction the gate opens (so that the change and its receipt are one).

import { WarderError } from '../base/errors/errors.ts';
import type { Reader, Row, Store, Table, TenantId, Tx } from '../base/store/store.ts';
import { completeGrant } from './grant.ts';
import type { Grant, Installation, ToolDefinition } from './installation.ts';
import { didYouMean, isInstallationName, showText, toolNameFault } from './names.ts';

/** Installations, keyed by id. */
export const installationTable: Table<Installation> = {
  name: 'installation',
  indexes: { name: (installation) => installation.name },
};

/** Which installation has an operation name. Keyed by the name: unique per tenant by construction. */
export const toolNameTable: Table<ToolNameRow> = {
  name: 'tool-name',
  indexes: { installation: (row) => row.installation },
};

export interface ToolNameRow {
  readonly installation: string;
}

/** Counts the changes of a tenant's catalogue, so that readers know when what they hold is old. */
export const catalogVersionTable: Table<{ readonly version: number }> = {
  name: 'catalog-version',
  indexes: {},
};

/** An operation and the package it belongs to. */
export interface FoundTool {
  readonly installation: Installation;
  readonly definition: ToolDefinition;
}

interface Snapshot {
  readonly version: number;
  readonly installations: readonly Installation[];
  readonly tools: ReadonlyMap<string, FoundTool>;
}

const VERSION_KEY = 'version';

export class Catalog {
  readonly #store: Store;
  readonly #snapshots = new Map<TenantId, Snapshot>();

  constructor(store: Store) {
    this.#store = store;
  }

  /**
   * The operation of that name.
   *
   * @throws WarderError `not-found` when there is none, or its installation is disabled.
   */
  find(tenant: TenantId, tool: string): FoundTool {
    const { tools } = this.#snapshot(tenant);
    const found = tools.get(tool);
    if (found === undefined) throw unknownTool(tool, tools);
    if (!found.installation.enabled) {
      throw new WarderError('not-found', `the tool \`${tool}\` is disabled`, {
        hint: `the operator can enable it with \`warder tool enable ${found.installation.name}\``,
      });
    }
    return found;
  }

  /** All installations of a tenant, by name. */
  list(tenant: TenantId): readonly Installation[] {
    return this.#snapshot(tenant).installations;
  }

  /** Every enabled operation of a tenant, by operation name. */
  tools(tenant: TenantId): readonly FoundTool[] {
    return [...this.#snapshot(tenant).tools.values()].filter(
      ({ installation }) => installation.enabled,
    );
  }

  /**
   * One installation, by its id or the operator's name.
   *
   * @throws WarderError `not-found`
   */
  show(tenant: TenantId, idOrName: string): Installation {
    const { installations } = this.#snapshot(tenant);
    const found = installations.find(({ id, name }) => id === idOrName || name === idOrName);
    if (found === undefined) throw missing(idOrName, installations);
    return found;
  }

  /**
   * Records an installation.
   *
   * @throws WarderError `usage` for a name that is none, `conflict` when the installation's name or
   *   one of its operations' names is taken.
   */
  add(tx: Tx, tenant: TenantId, installation: Installation): Installation {
    if (!isInstallationName(installation.name)) {
      throw new WarderError(
        'usage',
        `\`${showText(installation.name)}\` cannot be an installation's name`,
        {
          hint: 'use lower-case letters, digits and `-`, at most 40, with `--name`',
        },
      );
    }
    for (const { name } of installation.tools) {
      const fault = toolNameFault(name);
      if (fault !== undefined) {
        throw new WarderError('not-admitted', `the operation name \`${showText(name)}\` ${fault}`);
      }
    }
    if (
      tx.list(installationTable, tenant, { index: ['name', installation.name], limit: 1 }).length >
      0
    ) {
      throw new WarderError('conflict', `an installation named \`${installation.name}\` exists`, {
        hint: 'choose another with `--name`, or `warder tool remove` it first',
      });
    }
    this.#claimNames(tx, tenant, installation);
    tx.insert(installationTable, tenant, installation.id, installation);
    bump(tx, tenant);
    return installation;
  }

  /** Replaces the grant of an installation. @throws WarderError `not-found` */
  grant(tx: Tx, tenant: TenantId, id: string, grant: Grant): Installation {
    return this.#change(tx, tenant, id, { grant });
  }

  /** @throws WarderError `not-found` */
  enable(tx: Tx, tenant: TenantId, id: string): Installation {
    return this.#change(tx, tenant, id, { enabled: true, disabledFor: undefined });
  }

  /**
   * @param reason given when it is warder that disables it.
   * @throws WarderError `not-found`
   */
  disable(tx: Tx, tenant: TenantId, id: string, reason?: string): Installation {
    return this.#change(tx, tenant, id, { enabled: false, disabledFor: reason });
  }

  /** Forgets an installation; its id is never used again. @throws WarderError `not-found` */
  remove(tx: Tx, tenant: TenantId, id: string): Installation {
    const installation = this.#get(tx, tenant, id);
    for (const { name } of installation.tools) tx.delete(toolNameTable, tenant, name);
    tx.delete(installationTable, tenant, installation.id);
    bump(tx, tenant);
    return installation;
  }

  /** Whether any installation of any tenant still needs the bytes with this digest. */
  uses(digest: string): boolean {
    return this.#store.read((reader) =>
      allRows(reader, undefined).some(({ value }) => value.digest === digest),
    );
  }

  #claimNames(tx: Tx, tenant: TenantId, installation: Installation): void {
    for (const { name } of installation.tools) {
      const owner = tx.get(toolNameTable, tenant, name);
      if (owner !== undefined) {
        const other =
          tx.get(installationTable, tenant, owner.installation)?.name ?? owner.installation;
        throw new WarderError(
          'conflict',
          `the operation name \`${name}\` is taken by \`${other}\``,
          {
            hint: `\`warder tool remove ${other}\` first, or add a package with other names`,
          },
        );
      }
      tx.insert(toolNameTable, tenant, name, { installation: installation.id });
    }
  }

  #change(tx: Tx, tenant: TenantId, id: string, change: Partial<Installation>): Installation {
    const installation = { ...this.#get(tx, tenant, id), ...change };
    tx.put(installationTable, tenant, installation.id, installation);
    bump(tx, tenant);
    return installation;
  }

  #get(tx: Tx, tenant: TenantId, idOrName: string): Installation {
    const found =
      tx.get(installationTable, tenant, idOrName) ??
      tx.list(installationTable, tenant, { index: ['name', idOrName], limit: 1 })[0]?.value;
    if (found === undefined) {
      throw missing(
        idOrName,
        allRows(tx, tenant).map(({ value }) => value),
      );
    }
    return found;
  }

  /** What is committed, read again only after a change was committed. */
  #snapshot(tenant: TenantId): Snapshot {
    return this.#store.read((reader) => {
      const version = reader.get(catalogVersionTable, tenant, VERSION_KEY)?.version ?? 0;
      const held = this.#snapshots.get(tenant);
      if (held !== undefined && held.version === version) return held;
      const snapshot = takeSnapshot(reader, tenant, version);
      this.#snapshots.set(tenant, snapshot);
      return snapshot;
    });
  }
}

function bump(tx: Tx, tenant: TenantId): void {
  const version = tx.get(catalogVersionTable, tenant, VERSION_KEY)?.version ?? 0;
  tx.put(catalogVersionTable, tenant, VERSION_KEY, { version: version + 1 });
}

function takeSnapshot(reader: Reader, tenant: TenantId, version: number): Snapshot {
  const installations = allRows(reader, tenant)
    .map(({ value }) => deepFreeze({ ...value, grant: completeGrant(value.grant) }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const found = installations.flatMap((installation) =>
    installation.tools.map(
      (definition) => [definition.name, { installation, definition }] as const,
    ),
  );
  found.sort(([a], [b]) => (a < b ? -1 : 1));
  return { version, installations, tools: new Map(found) };
}

function allRows(reader: Reader, tenant: TenantId | undefined): Row<Installation>[] {
  const rows: Row<Installation>[] = [];
  for (;;) {
    const after = rows.at(-1)?.key;
    const page = reader.list(installationTable, tenant, {
      limit: 500,
      ...(after === undefined ? {} : { after }),
    });
    rows.push(...page);
    if (page.length < 500) return rows;
  }
}

function unknownTool(tool: string, tools: ReadonlyMap<string, FoundTool>): WarderError {
  const enabled = [...tools].filter(([, { installation }]) => installation.enabled);
  const near = didYouMean(
    tool,
    enabled.map(([name]) => name),
  );
  return new WarderError('not-found', `there is no tool \`${showText(tool, 64)}\``, {
    hint:
      near === undefined
        ? 'list what there is with `tools/list`, or `warder tool list`'
        : `did you mean \`${near}\`?`,
  });
}

function missing(idOrName: string, installations: readonly Installation[]): WarderError {
  const near = didYouMean(
    idOrName,
    installations.map(({ name }) => name),
  );
  return new WarderError('not-found', `no installation \`${showText(idOrName)}\``, {
    hint:
      near === undefined
        ? '`warder tool list` shows what is installed'
        : `did you mean \`${near}\`?`,
  });
}

function deepFreeze<T>(value: T): T {
  if (
    typeof value === 'object' &&
    value !== null &&
    !ArrayBuffer.isView(value) &&
    !Object.isFrozen(value)
  ) {
    for (const inner of Object.values(value)) deepFreeze(inner);
    Object.freeze(value);
  }
  return value;
}
