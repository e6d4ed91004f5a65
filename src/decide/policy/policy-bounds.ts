// Bounds on the shape of policies. Cedar's parser and evaluator recurse: past some depth they overrun
// their stack inside the WebAssembly memory, and nothing that instance says afterwards can be used.
// Measured: 120 nested brackets, 800 `if`s or a chain of 380 operators; the bounds stay well below.

/** Deepest nesting of brackets. */
const MAX_BRACKETS = 32;
/** Most `if`s in one policy. */
const MAX_IFS = 64;
/** Most operators, member accesses and brackets in one policy, before its depth is known. */
const MAX_CHAIN = 1000;
/** Deepest nesting of the parsed form; an operator takes two levels. */
const MAX_DEPTH = 300;

/** Strings and comments (skipped), brackets, the end of a policy, and what chains. */
const TOKEN = /"(?:[^"\\]|\\[^])*"?|\/\/[^\n]*|[([{]|[)\]}]|;|&&|\|\||[.+*<>=-]|\bif\b/g;

/** Where and why a text must not be parsed; undefined when it may. */
export function shapeFault(
  text: string,
): { readonly line: number; readonly reason: string } | undefined {
  let depth = 0;
  let ifs = 0;
  let chain = 0;
  for (const { 0: token, index } of text.matchAll(TOKEN)) {
    if (token.startsWith('"') || token.startsWith('//')) continue;
    chain += 1;
    if (token === ';') ifs = chain = 0;
    else if ('([{'.includes(token)) depth += 1;
    else if (')]}'.includes(token)) depth = Math.max(0, depth - 1);
    else if (token === 'if') ifs += 1;
    const reason =
      depth > MAX_BRACKETS
        ? `brackets are nested deeper than ${MAX_BRACKETS}`
        : ifs > MAX_IFS
          ? `a policy has more than ${MAX_IFS} \`if\`s`
          : chain > MAX_CHAIN
            ? `a policy has more than ${MAX_CHAIN} operators`
            : undefined;
    if (reason !== undefined) return { line: text.slice(0, index).split('\n').length, reason };
  }
  return undefined;
}

/** Why a parsed policy must not be evaluated; undefined when it may. */
export function depthFault(json: unknown): string | undefined {
  let level: unknown[] = [json];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > MAX_DEPTH) return 'its conditions chain too many operators: split it into policies';
    level = level.flatMap((node) =>
      typeof node === 'object' && node !== null ? (Object.values(node) as unknown[]) : [],
    );
  }
  return undefined;
}
