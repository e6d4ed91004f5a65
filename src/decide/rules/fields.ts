// Narrows what a file of rules says, piece by piece, and collects every problem with its path.

import type { Json, JsonObject } from '../../base/encoding/json.ts';
import { asWarderError } from '../../base/errors/errors.ts';
import { didYouMean, hiddenCharacters, showText } from '../../catalog/names.ts';
import { type Capability, parseCapabilities } from '../../trust/lease/capability.ts';

/** What is wrong, and where: `rules[2].tools[0]`. */
export interface Problem {
  readonly path: string;
  readonly reason: string;
}

/** What is returned for a bad value is only there to go on with: use nothing when there are problems. */
export class Fields {
  readonly problems: Problem[] = [];

  problem(path: string, reason: string): void {
    this.problems.push({ path, reason });
  }

  object(json: Json | undefined, path: string, known: readonly string[]): JsonObject {
    if (typeof json !== 'object' || json === null || Array.isArray(json)) {
      this.problem(path, 'must be an object');
      return Object.create(null) as JsonObject;
    }
    const fields = json as JsonObject;
    for (const name of Object.keys(fields)) {
      if (known.includes(name)) continue;
      const near = didYouMean(name, known);
      const meant =
        near === undefined ? `, only ${known.join(', ')}` : `, did you mean \`${near}\`?`;
      this.problem(path, `has no member \`${showText(name, 40)}\`${meant}`);
    }
    return fields;
  }

  /** A list that is not empty: an empty one says nothing, and elsewhere has meant "everything". */
  list(json: Json | undefined, path: string, most: number): readonly Json[] {
    if (Array.isArray(json) && json.length > 0 && json.length <= most) return json;
    const empty = Array.isArray(json) && json.length === 0;
    const remedy = empty ? ': an empty list says nothing, leave it out for "any"' : '';
    this.problem(path, `must be a list of 1 to ${most} values${remedy}`);
    return [];
  }

  /** Different texts, each of which passes. */
  texts(
    json: Json | undefined,
    path: string,
    most: number,
    rule: { readonly test: (text: string) => boolean; readonly like: string },
  ): readonly string[] {
    const seen = new Set<string>();
    for (const [at, item] of this.list(json, path, most).entries()) {
      if (typeof item !== 'string' || !rule.test(item)) {
        this.problem(`${path}[${at}]`, `must be ${rule.like}`);
      } else if (seen.has(item)) {
        this.problem(`${path}[${at}]`, 'stands twice');
      } else seen.add(item);
    }
    return [...seen];
  }

  oneOf<Word extends string>(json: Json | undefined, path: string, words: readonly Word[]): Word {
    const found = words.find((word) => word === json);
    if (found !== undefined) return found;
    const near = typeof json === 'string' ? didYouMean(json, words) : undefined;
    const meant = near === undefined ? '' : `, did you mean \`${near}\`?`;
    this.problem(path, `must be ${words.slice(0, -1).join(', ')} or ${words.at(-1)}${meant}`);
    return words[0] as Word;
  }

  whole(json: Json | undefined, path: string, least: number, most: number): number {
    if (Number.isSafeInteger(json) && (json as number) >= least && (json as number) <= most) {
      return json as number;
    }
    this.problem(path, `must be a whole number from ${least} to ${most}`);
    return least;
  }

  /** Words for people: one line in which nothing is hidden. */
  words(json: Json | undefined, path: string, most: number): string {
    const text = typeof json === 'string' ? json.trim() : '';
    if (text !== '' && text.length <= most && isPlain(text)) return text;
    this.problem(path, `must be one line of 1 to ${most} characters, none of them hidden`);
    return '';
  }

  capabilities(json: readonly Json[], path: string): readonly Capability[] {
    try {
      return parseCapabilities(json);
    } catch (thrown) {
      const { message, data } = asWarderError(thrown);
      const problems = Array.isArray(data['problems']) ? data['problems'] : [message];
      for (const problem of problems as readonly string[]) {
        const [, at = '', reason = problem] = /^(\[\d+\]\S*)? ?([^]*)$/.exec(problem) ?? [];
        this.problem(`${path}${at}`, reason);
      }
      return [];
    }
  }
}

/** Whether a text shows as it is, on one line. */
export function isPlain(text: string): boolean {
  return hiddenCharacters(text).length === 0 && !/[\t\n]/.test(text) && text.isWellFormed();
}
