// Path expressions into JSON: `a.b`, `["a b"]`, `[0]`, `[-1]`, `[1:3]`, `[*]`, `*`, `..a`;
// a leading `$` or `$.` may stand before.

import { Problem } from '../../../wit/sdk/typescript/tool.ts';

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

type Step =
  | { readonly kind: 'key'; readonly key: string; readonly deep: boolean }
  | { readonly kind: 'all'; readonly deep: boolean }
  | { readonly kind: 'slice'; readonly from: number; readonly to: number; readonly deep: boolean }
  | { readonly kind: 'index'; readonly index: number; readonly deep: boolean };

/** A parsed expression. `many` when it can name more than one value. */
export interface Path {
  readonly steps: readonly Step[];
  readonly many: boolean;
}

const NAME = /[^.[\]\s'"*]+/y;
const BRACKET = /\[\s*(?:(-?\d+)|(-?\d*)\s*:\s*(-?\d*)|(\*)|("(?:[^"\\]|\\.)*")|'([^']*)')\s*\]/y;

function parseBracket(text: string, at: number, deep: boolean): { step: Step; end: number } {
  BRACKET.lastIndex = at;
  const found = BRACKET.exec(text);
  if (!found) throw new Problem(`path \`${text}\`: cannot read \`${text.slice(at)}\``);
  const [whole, index, from, to, star, quoted, single] = found;
  const end = at + whole.length;
  if (index !== undefined) return { step: { kind: 'index', index: Number(index), deep }, end };
  if (star !== undefined) return { step: { kind: 'all', deep }, end };
  if (quoted !== undefined) {
    return { step: { kind: 'key', key: JSON.parse(quoted) as string, deep }, end };
  }
  if (single !== undefined) return { step: { kind: 'key', key: single, deep }, end };
  const number = (part: string | undefined, other: number): number =>
    part === undefined || part === '' ? other : Number(part);
  return { step: { kind: 'slice', from: number(from, 0), to: number(to, Infinity), deep }, end };
}

/** @throws Problem when the text is no path. */
export function parsePath(text: string): Path {
  const steps: Step[] = [];
  let at = text.startsWith('$') ? 1 : 0;
  while (at < text.length) {
    const deep = text.startsWith('..', at);
    if (deep) at += 2;
    else if (text[at] === '.') at += 1;
    if (text[at] === '[') {
      const { step, end } = parseBracket(text, at, deep);
      steps.push(step);
      at = end;
    } else if (text[at] === '*') {
      steps.push({ kind: 'all', deep });
      at += 1;
    } else {
      NAME.lastIndex = at;
      const name = NAME.exec(text)?.[0];
      if (name === undefined) {
        throw new Problem(`path \`${text}\`: expected a name at \`${text.slice(at)}\``);
      }
      steps.push({ kind: 'key', key: name, deep });
      at += name.length;
    }
  }
  const many = steps.some((step) => step.deep || step.kind === 'all' || step.kind === 'slice');
  return { steps, many };
}

function children(value: Json): Json[] {
  if (Array.isArray(value)) return value;
  return value !== null && typeof value === 'object' ? Object.values(value) : [];
}

/** The value and everything below it. */
function descend(value: Json, found: Json[]): Json[] {
  found.push(value);
  for (const child of children(value)) descend(child, found);
  return found;
}

function apply(step: Step, value: Json): Json[] {
  if (step.kind === 'all') return children(value);
  if (step.kind === 'key') {
    if (value === null || typeof value !== 'object' || Array.isArray(value)) return [];
    return Object.hasOwn(value, step.key) ? [value[step.key] as Json] : [];
  }
  if (!Array.isArray(value)) return [];
  if (step.kind === 'slice') return value.slice(step.from, step.to);
  const found = value.at(step.index);
  return found === undefined ? [] : [found];
}

/** Every value the path names, in document order. */
export function follow(path: Path, root: Json): Json[] {
  let found: Json[] = [root];
  for (const step of path.steps) {
    const from = step.deep ? found.flatMap((value) => descend(value, [])) : found;
    found = from.flatMap((value) => apply(step, value));
  }
  return found;
}

/** The one value of a field, or the list of them when the path can name many; absent: undefined. */
export function field(path: Path, row: Json): Json | undefined {
  const found = follow(path, row);
  return path.many ? found : found[0];
}
