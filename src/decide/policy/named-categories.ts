// Which categories a policy names: one that no package is in never holds, which a slip of the pen looks like.

import { placeOfRule, type Rule } from './policy-source.ts';

/** A category and where it is named first. */
export interface NamedCategory {
  readonly category: string;
  readonly place: string;
}

/** Every category the rules name, once each. */
export function namedCategories(rules: readonly Rule[]): readonly NamedCategory[] {
  const found = new Map<string, NamedCategory>();
  for (const rule of rules) {
    for (const category of categoriesIn(rule.json)) {
      if (!found.has(category)) found.set(category, { category, place: placeOfRule(rule) });
    }
  }
  return [...found.values()];
}

function* categoriesIn(node: unknown): Generator<string, void> {
  if (typeof node !== 'object' || node === null) return;
  const { type, id } = node as { readonly type?: unknown; readonly id?: unknown };
  if (type === 'Category' && typeof id === 'string') yield id;
  for (const inner of Object.values(node)) yield* categoriesIn(inner);
}
