// How large a guest's memory is, seen from outside: of a guest that does not return nobody else can say.

import { closeSync, openSync, readSync } from 'node:fs';

/** What V8 sets aside for every 32-bit memory, used or not, so that no access needs a check. */
const RESERVED_BYTES = 8 * 1024 ** 3;

/** An executor has some five hundred mappings; one that was taken over may make as many as it likes. */
const MOST_TEXT = 512 * 1024;

const MAPPING = /^([0-9a-f]+)-([0-9a-f]+) (\S{4}) /;

/**
 * The largest WebAssembly memory in a process, bytes; memories of guests that ended are among them until
 * the collector meets them. Undefined when the system does not tell.
 */
export function largestGuestMemory(pid: number): number | undefined {
  const text = mappingsOf(pid);
  if (text === undefined) return undefined;
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

/** The text of /proc/PID/maps; undefined when it cannot be read, or is longer than it should be. */
function mappingsOf(pid: number): string | undefined {
  const bytes = Buffer.allocUnsafe(MOST_TEXT);
  let file: number | undefined;
  try {
    file = openSync(`/proc/${pid}/maps`, 'r');
    let length = 0;
    // The kernel gives a page at a time.
    for (let got = -1; got !== 0 && length < MOST_TEXT; length += got) {
      got = readSync(file, bytes, length, MOST_TEXT - length, null);
    }
    return length < MOST_TEXT ? bytes.toString('latin1', 0, length) : undefined;
  } catch {
    return undefined;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}
