// Operations on installations: admission in a disposable process, then one transaction each.

import { randomBytes } from 'node:crypto';
import { decodeBase64 } from '../../../base/encoding/base64.ts';
import { ulid } from '../../../base/encoding/ulid.ts';
import { changeGrant } from '../../../catalog/change-grant.ts';
import { describeGrant, emptyGrant } from '../../../catalog/grant.ts';
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

/** The tenant whose tools the operator manages. */
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
  const isSet = (name: string): boolean => gate.vault.has(OPERATOR_TENANT, name);
  const switched =
    (change: 'enable' | 'disable' | 'remove') =>
    async ({ name }: { readonly name: string }): Promise<{ name: string }> => {
      const { id } = catalog.show(OPERATOR_TENANT, name);
      const changed = await administration.switchTool(OPERATOR_TENANT, id, change);
      runtime.door.toolsChanged();
      return { name: changed.name };
    };
  return {
    'tool.add': async ({ name, wasmBase64, flags }) => {
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
      const added = await administration.addTool(OPERATOR_TENANT, installation);
      runtime.door.toolsChanged();
      return { ...described(added), warnings: [...warnings, ...secretNotes(isSet, grant)] };
    },
    'tool.list': () => Promise.resolve({ installations: catalog.list(OPERATOR_TENANT) }),
    'tool.show': ({ name }) => Promise.resolve(described(catalog.show(OPERATOR_TENANT, name))),
    'tool.grant': async ({ name, change, flags }) => {
      const before = catalog.show(OPERATOR_TENANT, name);
      const changed = await changeGrant(before.grant, flags, change, ownTrees);
      const installation = await administration.changeGrant(OPERATOR_TENANT, before, changed);
      runtime.door.toolsChanged();
      const warnings = secretNotes(isSet, installation.grant, before.grant);
      return { ...described(installation), warnings };
    },
    'tool.enable': switched('enable'),
    'tool.disable': switched('disable'),
    'tool.remove': switched('remove'),
  };
}
