// Finding leases: by what an operator calls one, and those made from one.

import type { Reader, Row, TenantId } from '../../base/store/store.ts';
import { type LeaseRow, leaseTable } from './lease-table.ts';
import { stateKey } from './state-key.ts';

/** What a lease may go by. */
const NAME = /^[A-Za-z0-9_-]{1,64}$/;
const STATE_KEY = /^[0-9a-f]{16,64}$/;

/** Whether a text could be the name of a lease at all. */
export function isLeaseName(text: string): boolean {
  return NAME.test(text);
}

/**
 * Leases that go by a name: the state key or its first digits, or the `jti` of one the daemon issued.
 *
 * @param tenant all when absent.
 */
export function leasesNamed(
  reader: Reader,
  tenant: TenantId | undefined,
  name: string,
): readonly Row<LeaseRow>[] {
  if (!isLeaseName(name)) return [];
  const keys = [stateKey(name), ...(STATE_KEY.test(name) ? [name] : [])];
  return keys.flatMap((keyPrefix) => reader.list(leaseTable, tenant, { keyPrefix, limit: 2 }));
}

/** State keys of known leases made from one, that have not expired or ended themselves. */
export function leasesBelow(
  reader: Reader,
  tenant: TenantId,
  ancestor: string,
  now: number,
): readonly string[] {
  return [...reader.scan(leaseTable, tenant, ['state', 'active'])]
    .filter(({ value }) => value.ancestors?.includes(ancestor) && now < value.claims.exp * 1000)
    .map(({ key }) => key);
}
