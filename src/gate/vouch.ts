// Changes of the local trust table: each one transaction of the change and the leaf that says so.

import { canonicalJson } from '../base/encoding/jcs.ts';
import { sha256Text } from '../base/encoding/sha256.ts';
import type { TenantId } from '../base/store/store.ts';
import { removeTrust, setTrust } from '../decide/trust/local-trust.ts';
import type { TrustEntry } from '../decide/trust/trust-entry.ts';
import type { Administration, Event } from './administer.ts';

/** Puts an entry in the table, in the place of what it said of that principal. */
export async function vouch(
  administration: Administration,
  tenant: TenantId,
  entry: TrustEntry,
): Promise<void> {
  await administration.record((tx) => {
    setTrust(tx, tenant, entry);
    return [undefined, trustEvent(tenant, entry, 'trust set')];
  });
}

/** Takes an entry away. @throws WarderError `not-found`. */
export async function withdrawTrust(
  administration: Administration,
  tenant: TenantId,
  principal: string,
): Promise<TrustEntry> {
  const { result } = await administration.record((tx) => {
    const removed = removeTrust(tx, tenant, principal);
    return [removed, trustEvent(tenant, removed, 'trust removed')];
  });
  return result;
}

/** The leaf commits to the entry; whom it is about is not shown in it. */
function trustEvent(tenant: TenantId, entry: TrustEntry, reason: string): Event {
  return {
    type: 'policy',
    outcome: 'changed',
    tenant,
    subject: { name: 'trust', sha256: sha256Text(canonicalJson(entry), 'hex') },
    reason,
    detail: { level: entry.level },
  };
}
