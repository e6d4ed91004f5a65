// A queue in which each lane (principal) takes its turn, so that one with many calls delays others
// by one call at a time.

interface Entry<T> {
  readonly lane: string;
  readonly item: T;
}

export class FairQueue<T> {
  /** Lanes in the order of their turns; a lane that was served goes to the end. */
  readonly #lanes = new Map<string, Set<Entry<T>>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Adds at the end of a lane; the function given back takes the item out again. */
  push(lane: string, item: T): () => void {
    const entry = { lane, item };
    const entries = this.#lanes.get(lane);
    if (entries === undefined) this.#lanes.set(lane, new Set([entry]));
    else entries.add(entry);
    this.#size += 1;
    return () => this.#remove(entry);
  }

  /** Takes the oldest item of the lane whose turn it is. */
  shift(): T | undefined {
    for (const [lane, entries] of this.#lanes) {
      for (const entry of entries) {
        this.#remove(entry);
        if (this.#lanes.delete(lane)) this.#lanes.set(lane, entries);
        return entry.item;
      }
    }
    return undefined;
  }

  /** Takes the newest item of the lane that has most. */
  dropLast(): T | undefined {
    let longest: Set<Entry<T>> | undefined;
    for (const entries of this.#lanes.values()) {
      if (longest === undefined || entries.size > longest.size) longest = entries;
    }
    const last = longest && [...longest].at(-1);
    if (last !== undefined) this.#remove(last);
    return last?.item;
  }

  #remove(entry: Entry<T>): void {
    const entries = this.#lanes.get(entry.lane);
    if (entries?.delete(entry) !== true) return;
    this.#size -= 1;
    if (entries.size === 0) this.#lanes.delete(entry.lane);
  }
}
