// Finds what of a request policies can look at, so that nothing else is built and handed to Cedar.
// Errs on the side of handing over: a `context` used whole means everything.

import type { PolicyJson } from '@cedar-policy/cedar-wasm/nodejs';

/** What some policy of a set can read. */
export interface PolicyNeeds {
  /** Attributes of `context`, or everything. */
  readonly context: ReadonlySet<string> | 'all';
  /** Whether the principal's entity is looked at, not only its presence. */
  readonly principal: boolean;
  readonly resource: boolean;
}

/** The needs of all these policies together. */
export function needsOf(policies: readonly PolicyJson[]): PolicyNeeds {
  const found: Found = { attributes: new Set(), whole: false, principal: false, resource: false };
  for (const policy of policies) {
    if (policy.principal.op !== 'All') found.principal = true;
    if (policy.resource.op !== 'All') found.resource = true;
    walk(policy.conditions, found);
  }
  return {
    context: found.whole ? 'all' : found.attributes,
    principal: found.principal,
    resource: found.resource,
  };
}

interface Found {
  readonly attributes: Set<string>;
  whole: boolean;
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
  for (const [operator, operand] of Object.entries(record)) {
    const attribute =
      operator === '.' || operator === 'has' ? contextAttribute(operand) : undefined;
    if (attribute === undefined) walk(operand, found);
    else found.attributes.add(attribute);
  }
}

/** The name in `context.NAME` or `context has NAME`. */
function contextAttribute(operand: unknown): string | undefined {
  if (typeof operand !== 'object' || operand === null) return undefined;
  const { left, attr } = operand as { readonly left?: unknown; readonly attr?: unknown };
  if (typeof left !== 'object' || left === null) return undefined;
  if ((left as { readonly Var?: unknown }).Var !== 'context') return undefined;
  const first: unknown = Array.isArray(attr) ? attr[0] : attr;
  return typeof first === 'string' ? first : undefined;
}
