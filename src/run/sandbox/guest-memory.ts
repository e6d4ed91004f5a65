// How large a guest's memory is, seen from outside: of a guest that does not return nobody else can say.

import { readFileSync } from 'node:fs';

/** What V8 sets aside for every 32-bit memory, used or not, so that no access needs a check. */
const RESERVED_BYTES = 8 * 1024 ** 3;

const MAPPING = /^([0-9a-f]+)-([0-9a-f]+) (\S{4}) /;

/**
 * The largest WebAssembly memory in a process, bytes; memories of guests that ended are among them until
 * the collector meets them. Undefined when the system does not tell.
 */
export function largestGuestMemory(pid: number): number | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/maps`, 'latin1');
  } catch {
    return undefined;
  }
  let largest = 0;
  let before = { end: 0, bytes: 0, access: '' };
  for (const line of text.split('\n')) {
    const [, from, to, access] = MAPPING.exec(line) ?? [];
    if (from === undefined || to === undefined || access === undefined) continue;
    const [start, end] = [Number.parseInt(from, 16), Number.parseInt(to, 16)];
    const bytes = end - start;
    // What is in use stands at the beginning of what was set aside.
    const reserved = access === '---p' && before.access === 'rw-p' && before.end === start;
    if (reserved && before.bytes + bytes >= RESERVED_BYTES) {
      largest = Math.max(largest, before.bytes);
    }
    before = { end, bytes, access };
  }
  return largest;
}
