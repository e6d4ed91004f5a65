// The last so many numbers, in two halves: when the newer is full, the older is forgotten whole. One set
// from which the oldest is deleted again and again would be walked over its holes each time.

export class RecentNumbers {
  readonly #half: number;
  #newer = new Set<number>();
  #older: ReadonlySet<number> = new Set();

  /** @param most how many are kept at most; at least half of them always are. */
  constructor(most: number) {
    this.#half = Math.floor(most / 2);
  }

  get isEmpty(): boolean {
    return this.#newer.size === 0 && this.#older.size === 0;
  }

  has(number: number): boolean {
    return this.#newer.has(number) || this.#older.has(number);
  }

  add(number: number): void {
    this.#newer.add(number);
    if (this.#newer.size < this.#half) return;
    this.#older = this.#newer;
    this.#newer = new Set();
  }
}
