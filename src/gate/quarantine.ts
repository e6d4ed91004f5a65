// Taking a tool out of service whose output held a secret, in the transaction of that call's outcome.

import type { Tx } from '../base/store/store.ts';
import { installationTable } from '../catalog/catalog.ts';
import type { PermitTerms } from '../decide/policy/permit.ts';
import { grantEvent, recordEvent } from './administer.ts';
import type { GateParts } from './parts.ts';

/** Why, for the operator and the receipt. */
const REASON = 'its output held a secret it may only have sent';

/**
 * Disables the installation of a call until an operator enables it again; the receipt names the call.
 *
 * @returns whether it was enabled until now.
 */
export function quarantine(
  tx: Tx,
  gate: GateParts,
  terms: PermitTerms,
  { now, hits }: { readonly now: number; readonly hits: number },
): boolean {
  const { tenant, installation, callId } = terms;
  if (tx.get(installationTable, tenant, installation.id)?.enabled !== true) return false;
  const disabled = gate.catalog.disable(tx, tenant, installation.id, REASON);
  const { detail, ...event } = grantEvent(tenant, disabled, 'changed', `tool disabled: ${REASON}`);
  recordEvent(tx, gate, now, {
    ...event,
    principal: 'warder',
    detail: { ...detail, call: callId, masked: hits },
  });
  return true;
}
