// Operations on installations: admission in a disposable process, then one transaction each.

import { randomBytes } from 'node:crypto';
import { decodeBase64 } from '../../../base/encoding/base64.ts';
import { ulid } from '../../../base/encoding/ulid.ts';
import { changeGrant } from '../../../catalog/change-grant.ts';
import { describeGrant, emptyGrant } from '../../../catalog/grant.ts';
import type { TenantId } from '../../../base/store/store.ts';
import type { Installation } from '../../../catalog/installation.ts';
import { prepareInstallation } from '../../../catalog/prepare.ts';
import type { OperationHandlers } from '../../console/operations.ts';
import type { Runtime } from '../compose.ts';
import { secretNotes } from './secret-notes.ts';

type ToolOperations = Pick<
  OperationHandlers,
  | 'tool.add'
  | 'tool.list'
  | 'tool.show'
  | 'tool.grant'
  | 'tool.enable'
  | 'tool.disable'
  | 'tool.remove'
>;

/** A tool an operation is about. */
interface NamedTool {
  readonly name: string;
  readonly tenant?: string;
}

/** The tenant an operation is about that names none. */
export const OPERATOR_TENANT = 'default';

export function toolOperations(runtime: Runtime): ToolOperations {
  const { administration, gate, packages, sandbox, ownTrees } = runtime;
  const { catalog } = gate;
  const described = (
    installation: Installation,
  ): { installation: Installation; grant: readonly string[] } => ({
    installation,
    grant: describeGrant(installation.grant),
  });
  const isSetFor = (tenant: TenantId) => (name: string) => gate.vault.has(tenant, name);
  const agents = Object.values(runtime.config.agents);
  const nobodys = (tenant: TenantId): readonly string[] =>
    agents.some((agent) => agent.tenant === tenant)
      ? []
      : [`no agent in config.json is of the tenant \`${tenant}\``];
  const switched =
    (change: 'enable' | 'disable' | 'remove') =>
    async ({ name, tenant = OPERATOR_TENANT }: NamedTool): Promise<{ name: string }> => {
      const { id } = catalog.show(tenant, name);
      const changed = await administration.switchTool(tenant, id, change);
      runtime.door.toolsChanged();
      return { name: changed.name };
    };
  return {
    'tool.add': async ({ name, wasmBase64, flags, tenant = OPERATOR_TENANT }) => {
      const bytes = decodeBase64(wasmBase64);
      const grant = await changeGrant(emptyGrant, flags, 'add', ownTrees);
      const now = gate.now();
      const id = `inst_${ulid(now, randomBytes(10))}`;
      const { installation, warnings } = await prepareInstallation(bytes, sandbox, {
        id,
        name,
        grant,
        now,
      });
      await packages.write(bytes);
      const added = await administration.addTool(tenant, installation);
      runtime.door.toolsChanged();
      const notes = [...secretNotes(isSetFor(tenant), grant), ...nobodys(tenant)];
      return { ...described(added), warnings: [...warnings, ...notes] };
    },
    'tool.list': ({ tenant = OPERATOR_TENANT }) =>
      Promise.resolve({ installations: catalog.list(tenant) }),
    'tool.show': ({ name, tenant = OPERATOR_TENANT }) =>
      Promise.resolve(described(catalog.show(tenant, name))),
    'tool.grant': async ({ name, change, flags, tenant = OPERATOR_TENANT }) => {
      const before = catalog.show(tenant, name);
      const changed = await changeGrant(before.grant, flags, change, ownTrees);
      const installation = await administration.changeGrant(tenant, before, changed);
      runtime.door.toolsChanged();
      const warnings = secretNotes(isSetFor(tenant), installation.grant, before.grant);
      return { ...described(installation), warnings };
    },
    'tool.enable': switched('enable'),
    'tool.disable': switched('disable'),
    'tool.remove': switched('remove'),
  };
}
