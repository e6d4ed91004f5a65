// Operations on the vault. Values come in and never go out.

import { decodeBase64 } from '../../../base/encoding/base64.ts';
import type { SecretSummary as KeptSecret } from '../../../reach/vault/vault.ts';
import { withoutLineEnd } from '../../../reach/vault/secret-value.ts';
import type { OperationHandlers, SecretSummary } from '../../console/operations.ts';
import type { Runtime } from '../compose.ts';
import { OPERATOR_TENANT } from './tools.ts';

type SecretOperations = Pick<
  OperationHandlers,
  'secret.set' | 'secret.list' | 'secret.rotate' | 'secret.remove'
>;

export function secretOperations(runtime: Runtime): SecretOperations {
  const { administration, gate } = runtime;
  const taken =
    (change: 'set' | 'rotate') =>
    async ({
      name,
      valueBase64,
      tenant = OPERATOR_TENANT,
    }: {
      readonly name: string;
      readonly valueBase64: string;
      readonly tenant?: string;
    }) => {
      const value = withoutLineEnd(decodeBase64(valueBase64));
      try {
        return shown(await administration.setSecret(tenant, name, value, change));
      } finally {
        value.fill(0);
      }
    };
  return {
    'secret.set': taken('set'),
    'secret.rotate': taken('rotate'),
    'secret.list': ({ tenant = OPERATOR_TENANT }) =>
      Promise.resolve({ secrets: gate.vault.list(tenant).map((each) => shown(each)) }),
    'secret.remove': async ({ name, tenant = OPERATOR_TENANT }) =>
      shown(await administration.removeSecret(tenant, name)),
  };
}

function shown({ name, version, setAt, uses, lastUsedAt }: KeptSecret): SecretSummary {
  const lastUsed = lastUsedAt === undefined ? {} : { lastUsed: new Date(lastUsedAt).toISOString() };
  return { name, version, set: new Date(setAt).toISOString(), uses, ...lastUsed };
}
