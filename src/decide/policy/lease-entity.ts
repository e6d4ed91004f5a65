// The lease of a call as policies see it: an entity, below each lease it was made from, so that a policy
// can name a whole tree of leases by its root.

import type { CedarValueJson, EntityJson, TypeAndId } from '@cedar-policy/cedar-wasm/nodejs';
import type { CheckedLease, LeaseClaims } from '../../trust/lease/lease.ts';
import type { PolicyNeeds } from './policy-needs.ts';

/** What policies can see of a lease. */
export interface LeaseFacts {
  readonly stateKey: string;
  readonly holder: CheckedLease['holder'];
  readonly claims: Pick<
    LeaseClaims,
    'del_depth' | 'del_max' | 'delegatable' | 'exp' | 'max_uses' | 'task'
  >;
  /** From the root to the lease itself. */
  readonly chain: readonly { readonly stateKey: string }[];
}

/** The entity `context.lease` is. */
export function leaseUid(stateKey: string): TypeAndId {
  return { type: 'Lease', id: stateKey };
}

/**
 * The entity with the attributes some policy reads.
 *
 * @param now wall milliseconds.
 * @param usesLeft fewest uses left of the lease and those it was made from; absent: none counts.
 */
export function leaseEntity(
  needs: PolicyNeeds,
  { stateKey, holder, claims, chain }: LeaseFacts,
  now: number,
  usesLeft: number | undefined,
): EntityJson {
  const all: Readonly<Record<string, CedarValueJson | undefined>> = {
    id: stateKey,
    holder,
    depth: claims.del_depth,
    task: claims.task,
    secondsLeft: Math.max(0, Math.floor((claims.exp * 1000 - now) / 1000)),
    delegatable: claims.delegatable !== false && claims.del_depth < claims.del_max,
    maxUses: claims.max_uses,
    usesLeft,
  };
  const attrs: Record<string, CedarValueJson> = {};
  for (const [name, value] of Object.entries(all)) {
    if (value !== undefined && (needs.lease === 'all' || needs.lease.has(name))) {
      attrs[name] = value;
    }
  }
  const above = chain.filter((link) => link.stateKey !== stateKey);
  return {
    uid: leaseUid(stateKey),
    attrs,
    parents: needs.lease === 'all' ? above.map((link) => leaseUid(link.stateKey)) : [],
  };
}
