// Keyed numbers that stand for runs of a text: enough to find a run again, nothing to read it from.

/** Characters of one run. */
export const RUN = 32;
/** Of so many runs in a row at least one is remembered: what is repeated over RUN + WINDOW - 1 is found. */
const WINDOW = 16;

/** Two odd multipliers and a mask, drawn anew at each start. */
export interface FingerprintKey {
  readonly first: number;
  readonly second: number;
  readonly mask: number;
}

/** @param bytes 12 random bytes. */
export function fingerprintKey(bytes: Uint8Array): FingerprintKey {
  const view = new DataView(bytes.buffer, bytes.byteOffset, 12);
  return {
    first: view.getUint32(0) | 1,
    second: view.getUint32(4) | 1,
    mask: view.getUint32(8) | 1,
  };
}

/** The number of every run, in one pass. */
function everyRun(text: string, { first, second, mask }: FingerprintKey): Float64Array {
  let leavingFirst = 1;
  let leavingSecond = 1;
  for (let count = 0; count < RUN; count += 1) {
    leavingFirst = Math.imul(leavingFirst, first);
    leavingSecond = Math.imul(leavingSecond, second);
  }
  const runs = new Float64Array(Math.max(0, text.length - RUN + 1));
  let one = 0;
  let two = 0;
  for (let at = 0; at < text.length; at += 1) {
    const arriving = text.charCodeAt(at) + 1;
    one = (Math.imul(one, first) + arriving) | 0;
    two = (Math.imul(two, second) + arriving) | 0;
    if (at >= RUN) {
      const leaving = text.charCodeAt(at - RUN) + 1;
      one = (one - Math.imul(leavingFirst, leaving)) | 0;
      two = (two - Math.imul(leavingSecond, leaving)) | 0;
    }
    if (at >= RUN - 1) runs[at - RUN + 1] = mixed(one, two, mask);
  }
  return runs;
}

/** Runs looked at before the next are counted. */
const BLOCK = 256;

/** Whether any run of a text is known by its number. */
export function anyRun(
  text: string,
  key: FingerprintKey,
  isKnown: (print: number) => boolean,
): boolean {
  for (let at = 0; at + RUN <= text.length; at += BLOCK) {
    if (everyRun(text.slice(at, at + BLOCK + RUN - 1), key).some(isKnown)) return true;
  }
  return false;
}

/** The numbers to remember of a text: the least of every WINDOW runs. */
export function sampledRuns(text: string, key: FingerprintKey): readonly number[] {
  const runs = everyRun(text, key);
  const sampled: number[] = [];
  let least = -1;
  let last = -1;
  for (let end = Math.min(WINDOW, runs.length) - 1; end >= 0 && end < runs.length; end += 1) {
    const start = Math.max(0, end - WINDOW + 1);
    // Of equal ones the last: where a text repeats itself, it is the least for longest.
    if (least < start) {
      least = start;
      for (let at = start + 1; at <= end; at += 1)
        if (value(runs, at) <= value(runs, least)) least = at;
    } else if (value(runs, end) <= value(runs, least)) {
      least = end;
    }
    const print = value(runs, least);
    if (print !== last) sampled.push(print);
    last = print;
  }
  return sampled;
}

/** The number of a whole short text. */
export function wholeText(text: string, key: FingerprintKey): number {
  let one = text.length;
  let two = key.mask;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at) + 1;
    one = (Math.imul(one, key.first) + code) | 0;
    two = (Math.imul(two, key.second) + code) | 0;
  }
  return mixed(one, two, key.mask);
}

function value(runs: Float64Array, at: number): number {
  return runs[at] ?? 0;
}

/** 53 bits in which every bit of both lanes counts: low ones of a product know nothing of high ones. */
function mixed(one: number, two: number, mask: number): number {
  const left = Math.imul(one ^ (one >>> 15) ^ mask, 0x2c1b3c6d);
  const right = Math.imul(two ^ (two >>> 13) ^ left, 0x297a2d39);
  return ((left ^ (left >>> 16)) >>> 0) * 0x200000 + ((right ^ (right >>> 15)) >>> 11);
}
