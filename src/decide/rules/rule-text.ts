// The text of a `.rules.json` file: JSON with comments and trailing commas, otherwise strict; and in
// which line each of its parts stands.

import { findNodeAtLocation, type Node, parseTree, stripComments } from 'jsonc-parser';
import type { Json } from '../../base/encoding/json.ts';
import { parseJson } from '../../base/encoding/parse-json.ts';
import { asWarderError } from '../../base/errors/errors.ts';

const MAX_DEPTH = 16;

/** A text that was read. */
export interface RuleText {
  readonly json: Json;
  /** Line, from 1, of the place a path like `rules[2].ceiling[0].paths` names, or of what holds it. */
  lineOf(path: string): number;
}

/** Reads a text. What is wrong with it comes back as a line and a reason. */
export function readRuleText(
  text: string,
): RuleText | { readonly line: number; readonly reason: string } {
  const plain = withoutComments(text);
  const starts = [0, ...[...plain.matchAll(/\n/g)].map(({ index }) => index + 1)];
  const lineAt = (offset: number): number => starts.findLastIndex((start) => start <= offset) + 1;
  let json: Json;
  try {
    json = parseJson(plain, { maxDepth: MAX_DEPTH });
  } catch (thrown) {
    const { message, data } = asWarderError(thrown);
    return { line: lineAt(Number(data?.['offset'] ?? 0)), reason: message };
  }
  let tree: Node | undefined;
  return {
    json,
    lineOf: (path) => {
      // Strict JSON of bounded depth by now, so that a recursive parser is safe.
      tree ??= parseTree(plain);
      let found = tree;
      let node = tree;
      const steps: (string | number)[] = [];
      for (const [, index, member] of path.matchAll(/\[(\d+)\]|([^.[\]]+)/g)) {
        steps.push(index === undefined ? (member ?? '') : Number(index));
        node = tree === undefined ? undefined : findNodeAtLocation(tree, steps);
        if (node === undefined) break;
        found = node;
      }
      return lineAt(found?.offset ?? 0);
    },
  };
}

/** The same text with blanks where comments and trailing commas were: every offset stays. */
function withoutComments(text: string): string {
  const plain = stripComments(text, ' ');
  const units = [...plain.matchAll(TOKEN)];
  const trailing = new Set<number>();
  for (const [at, { 0: token, index }] of units.entries()) {
    if (token !== ',') continue;
    const [before = '', after = ''] = [units[at - 1]?.[0], units[at + 1]?.[0]];
    if ((after === '}' || after === ']') && !['', ',', '[', '{', ':'].includes(before)) {
      trailing.add(index);
    }
  }
  if (trailing.size === 0) return plain;
  return Array.from({ length: plain.length }, (_, at) =>
    trailing.has(at) ? ' ' : plain.charAt(at),
  ).join('');
}

/** A string, a mark, or a run of anything else. */
const TOKEN = /"(?:[^"\\]|\\[^])*"?|[{}[\],:]|[^\s"{}[\],:]+/g;
