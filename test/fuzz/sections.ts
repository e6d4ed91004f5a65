// A binary as its sections, leniently: what does not parse is left where it was, as the last of them.

import { leb } from '../support/wasm-bytes.ts';

export const HEADER = 8;

export interface RawSection {
  readonly id: number;
  readonly body: Uint8Array;
  /** Bytes the length is written in at least. */
  readonly lengthWidth?: number;
}

export function splitSections(bytes: Uint8Array): RawSection[] {
  const sections: RawSection[] = [];
  let at = HEADER;
  while (at < bytes.length) {
    const id = bytes[at] ?? 0;
    let [length, shift, next] = [0, 1, at + 1];
    for (; next < bytes.length && next <= at + 5; next += 1) {
      const byte = bytes[next] ?? 0;
      length += (byte & 0x7f) * shift;
      shift *= 128;
      if (byte < 0x80) break;
    }
    sections.push({ id, body: bytes.subarray(next + 1, next + 1 + length) });
    at = next + 1 + length;
  }
  return sections;
}

export function joinSections(header: Uint8Array, sections: readonly RawSection[]): Uint8Array {
  return new Uint8Array(
    Buffer.concat([
      header,
      ...sections.flatMap(({ id, body, lengthWidth }) => [
        Uint8Array.of(id, ...leb(body.length, lengthWidth)),
        body,
      ]),
    ]),
  );
}
