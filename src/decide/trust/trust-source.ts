// Who vouches for principals: where a decision learns how far one is trusted.

import type { TenantId } from '../../base/store/store.ts';
import type { Trust } from '../policy/circumstances.ts';

/** Tells how far a principal is trusted. The gate checks what it answers. */
export interface TrustSource {
  /**
   * Answers at once, without waiting for anything.
   *
   * @param now wall milliseconds.
   * @returns undefined for a principal nobody vouches for now: it has no trust at all.
   * @throws anything when it cannot tell: what asked is refused.
   */
  of(tenant: TenantId, principal: string, now: number): Trust | undefined;
}
