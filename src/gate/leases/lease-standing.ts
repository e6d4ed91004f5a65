// Where a request stands, as its agent is told.

import type { LeaseStatus } from '../../trust/lease/lease-status.ts';
import { termsOf } from '../../trust/lease/lease-request.ts';
import type { RequestStatus } from '../../trust/lease/request-book.ts';
import type { LeaseStanding } from './lease-door.ts';

/** @param lease the one that was granted, if one was. */
export function standingOf(request: RequestStatus, lease: LeaseStatus | undefined): LeaseStanding {
  const { id, state, task, cnf, grounds, denial } = request;
  const terms = termsOf(request);
  const claims = lease?.claims;
  const reason = state === 'pending' ? grounds.why : (denial ?? lease?.reason);
  return {
    id,
    state,
    task,
    holder: 'conn' in cnf ? 'connection' : 'key',
    capabilities: claims?.authorization_details ?? terms.capabilities,
    ttl_seconds: claims === undefined ? terms.ttlSeconds : claims.exp - claims.nbf,
    ...(reason === undefined ? {} : { reason }),
    until: new Date(claims === undefined ? request.expiresAt : claims.exp * 1000).toISOString(),
    ...(lease === undefined ? {} : { uses: lease.uses }),
    ...(claims?.max_uses === undefined ? {} : { max_uses: claims.max_uses }),
  };
}
