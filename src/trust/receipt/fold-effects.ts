// Effects of one call, few enough for a leaf: the first as they were, the rest added up by kind and state.

import type { Effect } from './leaf.ts';

/** An effect whose target may be many. */
export interface FoldedEffect extends Omit<Effect, 'target'> {
  readonly target: string | readonly string[];
}

/** Effects a leaf shows at most, when none is folded. */
const MOST = 24;
/** Effects shown as they were when the others are folded; five kinds by four states make the rest. */
const FIRST = 8;

/** Folds what is too much; nothing is left out of counts, bytes and targets. */
export function foldEffects(effects: readonly Effect[]): readonly FoldedEffect[] {
  if (effects.length <= MOST) return effects;
  const groups = new Map<string, { effect: Effect; targets: string[] }>();
  for (const effect of effects.slice(FIRST)) {
    const key = `${effect.kind} ${effect.state}`;
    const group = groups.get(key);
    if (group === undefined) {
      groups.set(key, { effect, targets: [effect.target] });
      continue;
    }
    group.targets.push(effect.target);
    const { count, bytes } = group.effect;
    group.effect = { ...group.effect, count: count + effect.count, bytes: bytes + effect.bytes };
  }
  const folded = [...groups.values()].map(({ effect, targets }) => ({
    ...effect,
    target: targets,
  }));
  return [...effects.slice(0, FIRST), ...folded];
}
