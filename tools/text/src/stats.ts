// text_stats: counts, and the most frequent words through an open-addressing table.

import { Bytes, Out, isWordByte, lowered } from '../../../wit/sdk/assembly/bytes';
import { fail } from '../../../wit/sdk/assembly/host';
import { Request, answerWith } from '../../../wit/sdk/assembly/answer';

/** Distinct words with their counts. Slots are (hash, ptr, length, count). */
class Words {
  private slots: usize;
  private mask: u32 = 1023;
  size: i32 = 0;

  constructor() {
    this.slots = heap.alloc(1024 * 16);
    memory.fill(this.slots, 0, 1024 * 16);
  }

  capacity(): u32 {
    return this.mask + 1;
  }
  count(slot: u32): u32 {
    return load<u32>(this.slots + slot * 16, 12);
  }
  word(slot: u32): Bytes {
    return new Bytes(load<u32>(this.slots + slot * 16, 4), load<i32>(this.slots + slot * 16, 8));
  }

  add(word: Bytes): void {
    if (<u32>this.size * 4 > this.mask * 3) this.grow();
    const hash = word.hash();
    let at = hash & this.mask;
    for (;;) {
      const slot = this.slots + at * 16;
      const count = load<u32>(slot, 12);
      if (count == 0) {
        store<u32>(slot, hash);
        store<u32>(slot, <u32>word.ptr, 4);
        store<i32>(slot, word.length, 8);
        store<u32>(slot, 1, 12);
        this.size++;
        return;
      }
      if (
        load<u32>(slot) == hash &&
        load<i32>(slot, 8) == word.length &&
        memory.compare(load<u32>(slot, 4), word.ptr, word.length) == 0
      ) {
        store<u32>(slot, count + 1, 12);
        return;
      }
      at = (at + 1) & this.mask;
    }
  }

  private grow(): void {
    const old = this.slots;
    const room = (this.mask + 1) * 2;
    this.slots = heap.alloc(room * 16);
    memory.fill(this.slots, 0, room * 16);
    for (let i: u32 = 0; i <= this.mask; i++) {
      if (load<u32>(old + i * 16, 12) == 0) continue;
      let at = load<u32>(old + i * 16) & (room - 1);
      while (load<u32>(this.slots + at * 16, 12) != 0) at = (at + 1) & (room - 1);
      memory.copy(this.slots + at * 16, old + i * 16, 16);
    }
    this.mask = room - 1;
  }

  /** Whether the word in slot `a` goes before the one in slot `b`. */
  before(a: u32, b: u32): bool {
    const countA = this.count(a);
    const countB = this.count(b);
    return countA != countB ? countA > countB : this.word(a).compare(this.word(b)) < 0;
  }
}

/** The `wanted` most frequent words of at least `minLength` bytes, best first. */
function best(words: Words, wanted: i32, minLength: i32): StaticArray<u32> {
  const found = new StaticArray<u32>(wanted);
  let have = 0;
  for (let slot: u32 = 0; slot < words.capacity(); slot++) {
    if (words.count(slot) == 0 || words.word(slot).length < minLength) continue;
    if (have == wanted && (wanted == 0 || !words.before(slot, found[have - 1]))) continue;
    let at = have < wanted ? have++ : have - 1;
    while (at > 0 && words.before(slot, found[at - 1])) {
      found[at] = found[at - 1];
      at--;
    }
    found[at] = slot;
  }
  const exact = new StaticArray<u32>(have);
  for (let i = 0; i < have; i++) exact[i] = found[i];
  return exact;
}

export function stats(asked: Request): i32 {
  const text = asked.text('text');
  if (text === null) return fail('text_stats needs a string `text`');
  const top = <i32>min<i64>(max<i64>(asked.integer('top', 10), 0), 1000);
  const minLength = <i32>asked.integer('minLength', 1);

  const folded = lowered(text);
  const words = new Words();
  let characters = 0;
  let lines = 0;
  let line = 0;
  let longest = 0;
  let count = 0;
  let start = -1;
  for (let i = 0; i < text.length; i++) {
    const byte = folded.at(i);
    if ((byte & 0xc0) != 0x80) {
      characters++;
      if (byte == 10) {
        lines++;
        longest = max(longest, line);
        line = 0;
      } else if (byte != 13) line++;
    }
    // An apostrophe or hyphen inside a word belongs to it.
    const joins =
      (byte == 39 || byte == 45) && start >= 0 && i + 1 < text.length && isWordByte(folded.at(i + 1));
    if (isWordByte(byte) || joins) {
      if (start < 0) start = i;
    } else if (start >= 0) {
      words.add(folded.slice(start, i));
      count++;
      start = -1;
    }
  }
  if (start >= 0) {
    words.add(folded.slice(start, text.length));
    count++;
  }
  if (text.length > 0 && text.at(text.length - 1) != 10) lines++;
  longest = max(longest, line);

  const chosen = best(words, top, minLength);
  const out = new Out(1024);
  out.ascii('{"bytes":').integer(text.length).ascii(',"characters":').integer(characters);
  out.ascii(',"lines":').integer(lines).ascii(',"words":').integer(count);
  out.ascii(',"distinctWords":').integer(words.size).ascii(',"longestLine":').integer(longest);
  out.ascii(',"topWords":[');
  const people = new Out(512);
  people.integer(lines).ascii(' lines, ').integer(count).ascii(' words (');
  people.integer(words.size).ascii(' distinct), ').integer(characters).ascii(' characters, ');
  people.integer(text.length).ascii(' bytes');
  for (let i = 0; i < chosen.length; i++) {
    const word = words.word(chosen[i]);
    if (i > 0) out.byte(44);
    out.ascii('{"word":').string(word).ascii(',"count":').integer(words.count(chosen[i])).byte(125);
    people.ascii(i == 0 ? '\nmost frequent: ' : ', ').bytes(word).byte(32);
    people.integer(words.count(chosen[i]));
  }
  return answerWith(people.view(), out.ascii(']}').view());
}
