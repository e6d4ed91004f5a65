// Numbers that follow from a seed and the number of the try, so that any one try can be done again.

export class Random {
  #state: number;

  /** The same two numbers give the same sequence. */
  constructor(seed: number, index: number) {
    this.#state = (Math.imul(seed | 0, 0x9e37_79b1) ^ Math.imul(index + 1, 0x85eb_ca6b)) >>> 0;
  }

  /** A whole number of 32 bits (splitmix32). */
  next(): number {
    this.#state = (this.#state + 0x9e37_79b9) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0_aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a_2d97);
    return (mixed ^ (mixed >>> 15)) >>> 0;
  }

  /** From 0 up to `limit`, which it never is. */
  below(limit: number): number {
    return this.next() % limit;
  }

  chance(one: number, of: number): boolean {
    return this.below(of) < one;
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new RangeError('nothing to pick from');
    return item;
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.next() & 0xff);
  }
}
