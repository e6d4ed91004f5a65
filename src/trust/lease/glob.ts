// The one glob matcher: policy, leases, egress and files compare the same normalised values with it.

/** Longest pattern, UTF-16 units. */
export const GLOB_MAX = 1024;

/** One token of a pattern: a literal UTF-16 unit, {@link WITHIN} for `*` or {@link ACROSS} for `**`. */
export type Token = number;
export const WITHIN = -1;
export const ACROSS = -2;
const SLASH = 0x2f;
const STAR = 0x2a;

/**
 * Compiles a glob over `/`-separated values: `*` matches within one segment, `**` across segments;
 * everything else stands for itself. The time to match grows with pattern length times value length,
 * whatever either holds.
 *
 * @throws RangeError when the pattern is longer than {@link GLOB_MAX}.
 */
export function compileGlob(pattern: string): (value: string) => boolean {
  if (pattern.length > GLOB_MAX) throw new RangeError(`a glob is at most ${GLOB_MAX} units long`);
  if (!pattern.includes('*')) return (value) => value === pattern;
  const tokens = tokenise(pattern);
  return (value) => matches(tokens, value);
}

/** The tokens of a pattern; a run of stars is one. */
export function tokenise(pattern: string): Token[] {
  const tokens: Token[] = [];
  for (let at = 0; at < pattern.length; at += 1) {
    if (pattern.charCodeAt(at) !== STAR) {
      tokens.push(pattern.charCodeAt(at));
      continue;
    }
    let token: Token = WITHIN;
    while (pattern.charCodeAt(at + 1) === STAR) {
      token = ACROSS;
      at += 1;
    }
    tokens.push(token);
  }
  return tokens;
}

/** Steps all states of the pattern at once, one unit of the value at a time. */
function matches(tokens: readonly Token[], value: string): boolean {
  let states = new Uint8Array(tokens.length + 1);
  let next = new Uint8Array(tokens.length + 1);
  states[0] = 1;
  skipStars(tokens, states);
  for (let at = 0; at < value.length; at += 1) {
    const unit = value.charCodeAt(at);
    next.fill(0);
    let alive = false;
    for (let state = 0; state < tokens.length; state += 1) {
      if (states[state] === 0) continue;
      const token = tokens[state];
      if (token === ACROSS || (token === WITHIN && unit !== SLASH)) next[state] = 1;
      else if (token === unit) next[state + 1] = 1;
      else continue;
      alive = true;
    }
    if (!alive) return false;
    skipStars(tokens, next);
    [states, next] = [next, states];
  }
  return states[tokens.length] === 1;
}

/** A star may match nothing. */
function skipStars(tokens: readonly Token[], states: Uint8Array): void {
  for (let state = 0; state < tokens.length; state += 1) {
    const token = tokens[state];
    if (states[state] === 1 && (token === WITHIN || token === ACROSS)) states[state + 1] = 1;
  }
}

/**
 * A path in the one form that is compared: absolute, `/`-separated, no empty, `.` or `..` segment, no
 * backslash, no control character. A trailing slash is taken off.
 *
 * @returns undefined for anything that has no such form; it is refused, never repaired.
 */
export function normalisePath(path: string): string | undefined {
  if (path.charCodeAt(0) !== SLASH || !path.isWellFormed()) return undefined;
  if (path === '/') return path;
  const end = path.charCodeAt(path.length - 1) === SLASH ? path.length - 1 : path.length;
  let start = 1;
  for (let at = 1; at <= end; at += 1) {
    const unit = at === end ? SLASH : path.charCodeAt(at);
    if (unit < 0x20 || unit === 0x7f || unit === 0x5c) return undefined;
    if (unit !== SLASH) continue;
    const length = at - start;
    const dots = length <= 2 && path.slice(start, at) === '..'.slice(0, length);
    if (dots) return undefined;
    start = at + 1;
  }
  return path.slice(0, end);
}

/** Whether a text, a path or not, is in the form that globs are compared in. */
export function isNormalValue(text: string): boolean {
  const path = text.startsWith('/') ? text : `/${text}`;
  return text !== '' && normalisePath(path) === path;
}
