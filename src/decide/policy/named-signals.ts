// Which signals of risk a policy names: one that nothing ever gives never holds, which a slip of the pen
// looks like.

import { placeOfRule, type Rule } from './policy-source.ts';

/** A signal and where it is named first. */
export interface NamedSignal {
  readonly signal: string;
  readonly place: string;
}

/** Every signal the rules look for in `context.risk.signals`, once each. */
export function namedSignals(rules: readonly Rule[]): readonly NamedSignal[] {
  const found = new Map<string, NamedSignal>();
  for (const rule of rules) {
    for (const signal of signalsIn(rule.json)) {
      if (!found.has(signal)) found.set(signal, { signal, place: placeOfRule(rule) });
    }
  }
  return [...found.values()];
}

interface Test {
  readonly left?: unknown;
  readonly right?: unknown;
}

const TESTS = ['contains', 'containsAny', 'containsAll'] as const;

function* signalsIn(node: unknown): Generator<string, void> {
  if (typeof node !== 'object' || node === null) return;
  for (const name of TESTS) {
    const test = (node as Readonly<Record<string, Test | undefined>>)[name];
    if (test !== undefined && readsSignals(test.left)) yield* textsIn(test.right);
  }
  for (const inner of Object.values(node)) yield* signalsIn(inner);
}

/** Whether an expression is `context.risk.signals`. */
function readsSignals(node: unknown): boolean {
  const { '.': outer } = (node ?? {}) as { readonly '.'?: { left?: unknown; attr?: unknown } };
  const { '.': inner } = (outer?.left ?? {}) as { readonly '.'?: { attr?: unknown } };
  return outer?.attr === 'signals' && inner?.attr === 'risk';
}

/** A text, or those of a set. */
function* textsIn(node: unknown): Generator<string, void> {
  const { Value: value, Set: items } = (node ?? {}) as { Value?: unknown; Set?: unknown };
  if (typeof value === 'string') yield value;
  if (Array.isArray(items)) for (const item of items) yield* textsIn(item);
}
