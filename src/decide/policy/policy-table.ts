// The set in force as the store keeps it. Files on disk are drafts; this is what counts.

import { WarderError } from '../../base/errors/errors.ts';
import type { Reader, Table, Tx } from '../../base/store/store.ts';
import type { PolicySet } from './policy-set.ts';
import type { PolicyFile } from './policy-source.ts';

/** A set that is or was in force. Key: its digest, or `active` for the pointer. */
export interface StoredPolicy {
  readonly digest: string;
  /** Absent on the pointer. */
  readonly files?: readonly PolicyFile[];
  /** Wall milliseconds. */
  readonly since: number;
}

export const policyTable: Table<StoredPolicy> = { name: 'policy', indexes: {} };

/** Policies hold for the whole home; their rows stand under this tenant. */
const TENANT = 'default';
const ACTIVE = 'active';

/** Records that a set is in force from now on. Earlier sets stay, for receipts that name them. */
export function savePolicy(tx: Tx, set: PolicySet, now: number): void {
  const { digest, files } = set;
  tx.put(policyTable, TENANT, digest, { digest, files, since: now });
  tx.put(policyTable, TENANT, ACTIVE, { digest, since: now });
}

/**
 * The files in force; undefined in a new home.
 *
 * @throws WarderError `unavailable` when the pointer names a set that is not kept.
 */
export function activePolicy(
  reader: Reader,
): (StoredPolicy & { files: readonly PolicyFile[] }) | undefined {
  const pointer = reader.get(policyTable, TENANT, ACTIVE);
  if (pointer === undefined) return undefined;
  const stored = reader.get(policyTable, TENANT, pointer.digest);
  if (stored?.files === undefined || stored.digest !== pointer.digest) {
    throw new WarderError('unavailable', 'the policy in force is missing from the store', {
      hint: 'restore a backup of `state.db`, or put policies in force again with `warder policy set`',
    });
  }
  return { ...stored, files: stored.files };
}
