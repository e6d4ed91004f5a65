// Whether a lease made from another narrows it: claim by claim, each in one direction only.

import { firstOutside } from './capabilities-within.ts';
import type { LeaseClaims } from './lease.ts';

/** Claims that pass from parent to child unchanged: a policy may look at any of them. */
const SAME = ['aud', 'tenant', 'sub', 'task'] as const;
/** Counted limits: where the parent has one the child has one, and no higher. */
const LIMITS = ['max_uses', 'max_bytes', 'max_exp'] as const;

/** How `child` is not a narrower lease made from `parent`; undefined when it is one. */
export function widening(child: LeaseClaims, parent: LeaseClaims): string | undefined {
  if (parent.delegatable === false) return 'its parent is not delegatable';
  if (child.del_depth !== parent.del_depth + 1)
    return '`del_depth` is not one more than its parent’s';
  if (child.del_depth > parent.del_max) return 'its parent may not be delegated any further';
  if (child.del_max > parent.del_max) return '`del_max` is beyond its parent’s';
  for (const name of SAME) {
    if (child[name] !== parent[name]) return `\`${name}\` is not its parent’s`;
  }
  if (child.cnf === undefined) return 'it is bound to no holder';
  if (child.nbf < parent.nbf) return '`nbf` is before its parent’s';
  if (child.exp > parent.exp) return '`exp` is after its parent’s';
  for (const name of LIMITS) {
    const limit = parent[name];
    if (limit !== undefined && !((child[name] ?? Infinity) <= limit)) {
      return `\`${name}\` is beyond its parent’s`;
    }
  }
  if (!rateWithin(child.rate, parent.rate)) return '`rate` is beyond its parent’s';
  const at = firstOutside(child.authorization_details, parent.authorization_details);
  if (at !== undefined)
    return `\`authorization_details[${at}]\` is within no capability of its parent`;
  return undefined;
}

/** No more uses, in no shorter a time. */
function rateWithin(child: LeaseClaims['rate'], parent: LeaseClaims['rate']): boolean {
  if (parent === undefined) return true;
  return child !== undefined && child.uses <= parent.uses && child.seconds >= parent.seconds;
}
