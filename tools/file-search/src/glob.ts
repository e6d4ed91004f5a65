// Path patterns: `*` and `?` within a segment, `**` across segments, `[a-z]` and `[!a-z]`,
// `{one,two}`. A step budget bounds patterns made to backtrack.

import { Bytes } from '../../../wit/sdk/assembly/bytes';

const MAX_STEPS: i32 = 100000;
let steps: i32 = 0;

/** Whether the pattern fits: the last segment if it has no slash, else the whole path. */
export function globMatches(pattern: Bytes, path: Bytes): bool {
  steps = 0;
  let hasSlash = false;
  for (let i = 0; i < pattern.length; i++) if (pattern.at(i) == 47) hasSlash = true;
  let from = 0;
  if (!hasSlash) for (let i = 0; i < path.length; i++) if (path.at(i) == 47) from = i + 1;
  return match(pattern, 0, path, from);
}

/** Index past the bracket that closes the one at `p`, or -1. */
function closing(pattern: Bytes, p: i32, open: u8, close: u8): i32 {
  let depth = 0;
  for (let i = p; i < pattern.length; i++) {
    if (pattern.at(i) == open) depth++;
    else if (pattern.at(i) == close && --depth == 0) return i + 1;
  }
  return -1;
}

function inClass(pattern: Bytes, from: i32, to: i32, byte: u8): bool {
  let i = from;
  const negated = i < to && pattern.at(i) == 33;
  if (negated) i++;
  let found = false;
  while (i < to) {
    if (i + 2 < to && pattern.at(i + 1) == 45) {
      if (byte >= pattern.at(i) && byte <= pattern.at(i + 2)) found = true;
      i += 3;
    } else {
      if (byte == pattern.at(i)) found = true;
      i++;
    }
  }
  return found != negated;
}

function match(pattern: Bytes, p: i32, path: Bytes, s: i32): bool {
  while (p < pattern.length) {
    if (++steps > MAX_STEPS) return false;
    const byte = pattern.at(p);
    if (byte == 42) {
      const across = p + 1 < pattern.length && pattern.at(p + 1) == 42;
      let next = p + (across ? 2 : 1);
      // `**/` also stands for no directory at all.
      if (across && next < pattern.length && pattern.at(next) == 47) {
        if (match(pattern, next + 1, path, s)) return true;
      }
      for (let i = s; i <= path.length; i++) {
        if (match(pattern, next, path, i)) return true;
        if (i < path.length && path.at(i) == 47 && !across) return false;
      }
      return false;
    }
    if (byte == 123) {
      const end = closing(pattern, p, 123, 125);
      if (end > 0) return alternatives(pattern, p, end, path, s);
    }
    if (s >= path.length) return false;
    if (byte == 91) {
      const end = closing(pattern, p, 91, 93);
      if (end > p + 2) {
        if (path.at(s) == 47 || !inClass(pattern, p + 1, end - 1, path.at(s))) return false;
        p = end;
        s++;
        continue;
      }
    }
    if (byte == 63 ? path.at(s) == 47 : path.at(s) != byte) return false;
    p++;
    s++;
  }
  return s == path.length;
}

/** `{a,b}` at p..end: tries each choice followed by the rest of the pattern. */
function alternatives(pattern: Bytes, p: i32, end: i32, path: Bytes, s: i32): bool {
  let start = p + 1;
  let depth = 0;
  for (let i = start; i < end; i++) {
    const byte = pattern.at(i);
    if (byte == 123) depth++;
    else if (byte == 125 && i < end - 1) depth--;
    if ((byte == 44 && depth == 0) || i == end - 1) {
      const room = i - start + pattern.length - end;
      const ptr = heap.alloc(room + 1);
      memory.copy(ptr, pattern.ptr + start, i - start);
      memory.copy(ptr + (i - start), pattern.ptr + end, pattern.length - end);
      if (match(new Bytes(ptr, room), 0, path, s)) return true;
      start = i + 1;
    }
    if (++steps > MAX_STEPS) return false;
  }
  return false;
}
