// Damage that keeps most of a binary what it was: bits, bytes of note, cuts, sections moved about and
// taken from others, lengths written longer than they need to be.

import { HEADER, joinSections, type RawSection, splitSections } from './sections.ts';
import type { Random } from './random.ts';

const NOTABLE = [0, 1, 2, 0x0f, 0x40, 0x60, 0x63, 0x70, 0x7f, 0x80, 0xfb, 0xfd, 0xfe, 0xff];

/** The binary after one to four mutations; `other` lends sections. */
export function mutate(bytes: Uint8Array, other: Uint8Array, random: Random): Uint8Array {
  let mutated = bytes;
  for (let left = 1 + random.below(4); left > 0; left -= 1) {
    mutated = random.pick(MUTATIONS)(mutated, other, random);
  }
  return mutated;
}

type Mutation = (bytes: Uint8Array, other: Uint8Array, random: Random) => Uint8Array;

const MUTATIONS: readonly Mutation[] = [
  function flipBits(bytes, _, random) {
    const copy = bytes.slice();
    for (let left = 1 + random.below(8); left > 0; left -= 1) {
      const at = random.below(copy.length);
      copy[at] = (copy[at] ?? 0) ^ (1 << random.below(8));
    }
    return copy;
  },
  function setBytes(bytes, _, random) {
    const copy = bytes.slice();
    for (let left = 1 + random.below(4); left > 0; left -= 1) {
      copy[random.below(copy.length)] = random.pick(NOTABLE);
    }
    return copy;
  },
  function cut(bytes, _, random) {
    return bytes.slice(0, HEADER + random.below(Math.max(1, bytes.length - HEADER)));
  },
  function insert(bytes, _, random) {
    const at = random.below(bytes.length + 1);
    const added = random.bytes(1 + random.below(8));
    return new Uint8Array(Buffer.concat([bytes.subarray(0, at), added, bytes.subarray(at)]));
  },
  withSections((sections, _, random) => {
    sections.splice(random.below(sections.length), 1);
  }),
  withSections((sections, _, random) => {
    sections.splice(random.below(sections.length), 0, random.pick(sections));
  }),
  withSections((sections, _, random) => {
    const [moved] = sections.splice(random.below(sections.length), 1);
    if (moved !== undefined) sections.splice(random.below(sections.length + 1), 0, moved);
  }),
  withSections((sections, lent, random) => {
    if (lent.length === 0) return;
    const taken = random.pick(lent);
    const same = sections.findIndex(({ id }) => id === taken.id);
    if (same >= 0) sections[same] = taken;
    else sections.push(taken);
  }),
  withSections((sections, _, random) => {
    const at = random.below(sections.length);
    const section = sections[at];
    if (section !== undefined) sections[at] = { ...section, lengthWidth: 1 + random.below(6) };
  }),
];

function withSections(
  change: (sections: RawSection[], lent: readonly RawSection[], random: Random) => void,
): Mutation {
  return (bytes, other, random) => {
    const sections = splitSections(bytes);
    if (sections.length === 0) return bytes;
    change(sections, splitSections(other), random);
    return joinSections(bytes.subarray(0, HEADER), sections);
  };
}
