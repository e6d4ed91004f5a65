// Finds what of a request policies can look at, so that nothing else is built and handed to Cedar.
// Errs on the side of handing over: a `context` used whole means everything.

import type { PolicyJson } from '@cedar-policy/cedar-wasm/nodejs';

/** What some policy of a set can read. */
export interface PolicyNeeds {
  /** Attributes of `context`, or everything. */
  readonly context: ReadonlySet<string> | 'all';
  /** Attributes of `context.lease`, or everything: those of some change with every second and use. */
  readonly lease: ReadonlySet<string> | 'all';
  /** Whether the principal's entity is looked at, not only its presence. */
  readonly principal: boolean;
  readonly resource: boolean;
}

/** The needs of all these policies together. */
export function needsOf(policies: readonly PolicyJson[]): PolicyNeeds {
  const found: Found = {
    attributes: new Set(),
    whole: false,
    lease: new Set(),
    wholeLease: false,
    principal: false,
    resource: false,
  };
  for (const policy of policies) {
    if (policy.principal.op !== 'All') found.principal = true;
    if (policy.resource.op !== 'All') found.resource = true;
    walk(policy.conditions, found);
  }
  return {
    context: found.whole ? 'all' : found.attributes,
    lease: found.whole || found.wholeLease ? 'all' : found.lease,
    principal: found.principal,
    resource: found.resource,
  };
}

interface Found {
  readonly attributes: Set<string>;
  whole: boolean;
  readonly lease: Set<string>;
  wholeLease: boolean;
  principal: boolean;
  resource: boolean;
}

function walk(node: unknown, found: Found): void {
  if (typeof node !== 'object' || node === null) return;
  if (Array.isArray(node)) {
    for (const item of node) walk(item, found);
    return;
  }
  const record = node as Readonly<Record<string, unknown>>;
  const variable = record['Var'];
  if (variable === 'principal') found.principal = true;
  else if (variable === 'resource') found.resource = true;
  // Reached only where no attribute is taken from it, see below.
  else if (variable === 'context') found.whole = true;
  const { type } = (record['__entity'] ?? {}) as { readonly type?: unknown };
  // Named outright, it may be the one that is asked about.
  if (type === 'Principal') found.principal = true;
  else if (type === 'Tool' || type === 'Installation') found.resource = true;
  else if (type === 'Lease') {
    found.attributes.add(LEASE);
    found.wholeLease = true;
  }
  for (const [operator, operand] of Object.entries(record)) {
    const path = operator === '.' || operator === 'has' ? contextPath(operand) : undefined;
    if (path === undefined) {
      walk(operand, found);
      continue;
    }
    const [attribute, inner] = path;
    found.attributes.add(attribute);
    if (attribute !== LEASE) continue;
    if (inner !== undefined) found.lease.add(inner);
    // `context has lease` reads nothing of it.
    else if (operator === '.') found.wholeLease = true;
  }
}

const LEASE = 'lease';

/** The names in `context.NAME`, `context.NAME.INNER`, and the same with `has`. */
function contextPath(operand: unknown): readonly [name: string, inner?: string] | undefined {
  const access = accessOf(operand);
  if (access === undefined) return undefined;
  const { left, names } = access;
  if (isContext(left)) {
    const [name, inner] = names;
    return name === undefined ? undefined : inner === undefined ? [name] : [name, inner];
  }
  const before = accessOf((left as { readonly '.'?: unknown })['.']);
  const [name] = before?.names ?? [];
  const [inner] = names;
  if (before === undefined || !isContext(before.left)) return undefined;
  return name === LEASE && inner !== undefined ? [name, inner] : undefined;
}

/** An object and the attributes taken from it, one after the other. */
function accessOf(
  operand: unknown,
): { readonly left: object; readonly names: readonly string[] } | undefined {
  if (typeof operand !== 'object' || operand === null) return undefined;
  const { left, attr } = operand as { readonly left?: unknown; readonly attr?: unknown };
  if (typeof left !== 'object' || left === null) return undefined;
  const names: readonly unknown[] = Array.isArray(attr) ? attr : [attr];
  return { left, names: names.filter((name) => typeof name === 'string') };
}

function isContext(node: object): boolean {
  return (node as { readonly Var?: unknown }).Var === 'context';
}
