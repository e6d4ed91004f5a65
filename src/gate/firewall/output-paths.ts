// Which parts of an answer a caller is given, when the operator listed them: everything else is removed.

import { isJsonObject, type Json, type JsonObject } from '../../base/encoding/json.ts';
import { readOutputPath } from '../../catalog/output-path.ts';

/** A step of the listed paths; `whole` when one of them ends here. */
interface Step {
  whole: boolean;
  readonly members: Map<string, Step>;
  /** Under any name or index. */
  any: Step | undefined;
}

/** What is left, and how many values were taken out; what was below one of them counts with it. */
export interface Left {
  readonly value: JsonObject | undefined;
  readonly removed: number;
}

/** The listed paths of one tool. */
export class OutputPaths {
  readonly #root: Step = step();

  /** @param paths as {@link readOutputPath} takes them; with none nothing is left. */
  constructor(paths: readonly string[]) {
    for (const path of paths) {
      let at = this.#root;
      for (const segment of readOutputPath(path)) at = below(at, segment);
      at.whole = true;
    }
  }

  /** What may be given of a value. The one handed in is not touched. */
  apply(value: JsonObject | undefined): Left {
    if (value === undefined) return { value: undefined, removed: 0 };
    const count = { removed: 0 };
    const left = keep(value, [this.#root], count);
    return { value: isJsonObject(left) ? left : {}, removed: count.removed };
  }
}

function step(): Step {
  return { whole: false, members: new Map(), any: undefined };
}

function below(at: Step, segment: string | undefined): Step {
  if (segment === undefined) return (at.any ??= step());
  const known = at.members.get(segment);
  if (known !== undefined) return known;
  const made = step();
  at.members.set(segment, made);
  return made;
}

/** What of a value these steps let through; undefined when it is nothing. */
function keep(value: Json, steps: readonly Step[], count: { removed: number }): Json | undefined {
  if (steps.some(({ whole }) => whole)) return value;
  if (steps.length === 0 || typeof value !== 'object' || value === null) {
    count.removed += 1;
    return undefined;
  }
  const next = (name: string): readonly Step[] =>
    steps.flatMap(({ members, any }) => [members.get(name) ?? [], any ?? []].flat());
  const before = count.removed;
  const left = Array.isArray(value)
    ? (value as readonly Json[]).flatMap((item, at) => {
        const kept = keep(item, next(String(at)), count);
        return kept === undefined ? [] : [kept];
      })
    : members(value as JsonObject, next, count);
  if (Object.keys(left).length > 0) return left;
  // Nothing in it was let through: it goes as one value.
  count.removed = before + 1;
  return undefined;
}

function members(
  value: JsonObject,
  next: (name: string) => readonly Step[],
  count: { removed: number },
): JsonObject {
  const left = Object.create(null) as Record<string, Json>;
  for (const [name, item] of Object.entries(value)) {
    const kept = keep(item, next(name), count);
    if (kept !== undefined) left[name] = kept;
  }
  return left;
}
