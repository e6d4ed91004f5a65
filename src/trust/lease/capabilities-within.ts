// Whether capabilities reach no further than others. Says yes only with a proof, in bounded time.

import { rulesWithin } from './argument-rule.ts';
import { Effort, globWithin } from './glob-within.ts';
import type { Capability, HttpCapability } from './lease.ts';
import { originWithin } from './origin.ts';

/**
 * The first capability of `narrow` that no single one of `wide` is known to hold whole; undefined when
 * every one is held. Two that hold it only together do not count, nor does what would take too long.
 *
 * @param effort shared by questions that have to be answered together.
 */
export function firstOutside(
  narrow: readonly Capability[],
  wide: readonly Capability[],
  effort: Effort = new Effort(),
): number | undefined {
  const at = narrow.findIndex(
    (child) => !wide.some((parent) => capabilityWithin(child, parent, effort)),
  );
  return at === -1 ? undefined : at;
}

function capabilityWithin(child: Capability, parent: Capability, effort: Effort): boolean {
  if ((child.notBefore ?? 0) < (parent.notBefore ?? 0)) return false;
  if ((child.notAfter ?? Infinity) > (parent.notAfter ?? Infinity)) return false;
  switch (child.type) {
    case 'tool.call':
      return (
        parent.type === 'tool.call' &&
        globsWithin(child.tools, parent.tools, effort) &&
        (parent.arguments === undefined ||
          (child.arguments !== undefined && rulesWithin(child.arguments, parent.arguments, effort)))
      );
    case 'fs.read':
    case 'fs.write':
      return parent.type === child.type && globsWithin(child.paths, parent.paths, effort);
    case 'http.call':
      return parent.type === 'http.call' && requestsWithin(child, parent, effort);
    case 'spend':
      return (
        parent.type === 'spend' &&
        child.currency === parent.currency &&
        child.amount <= parent.amount
      );
    case 'credential':
      return parent.type === 'credential' && namesWithin(child.names, parent.names);
    case 'lease.refresh':
      return parent.type === 'lease.refresh';
  }
}

function requestsWithin(child: HttpCapability, parent: HttpCapability, effort: Effort): boolean {
  const anyMethod = parent.methods.includes('*');
  return (
    (anyMethod || namesWithin(child.methods, parent.methods)) &&
    child.origins.every((origin) =>
      parent.origins.some((each) => effort.take(origin.length) && originWithin(origin, each)),
    ) &&
    globsWithin(child.paths, parent.paths, effort)
  );
}

function namesWithin(child: readonly string[], parent: readonly string[]): boolean {
  const known = new Set(parent);
  return child.every((name) => known.has(name));
}

function globsWithin(child: readonly string[], parent: readonly string[], effort: Effort): boolean {
  const known = new Set(parent);
  return child.every(
    (pattern) => known.has(pattern) || parent.some((each) => globWithin(pattern, each, effort)),
  );
}
