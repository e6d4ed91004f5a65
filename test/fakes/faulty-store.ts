// A working store whose commits fail when they are told to, as a full disk makes them fail.

import { WarderError } from '../../src/base/errors/errors.ts';
import {
  isScrubbing,
  type Reader,
  type Scrubbing,
  type Store,
  type Tx,
} from '../../src/base/store/store.ts';

export class FaultyStore implements Store {
  readonly #store: Store;
  /** Commits that were kept. */
  kept = 0;
  /** While true, nothing can be written. */
  full = false;
  /** So many commits fail, then it works again. */
  failing = 0;
  /** So many commits are kept but reported as failed, as when the disk goes away at the last moment. */
  lying = 0;

  /** As the store underneath can. */
  readonly scrub?: Scrubbing['scrub'];

  constructor(store: Store) {
    this.#store = store;
    if (isScrubbing(store)) this.scrub = (traces) => store.scrub(traces);
  }

  read<T>(work: (reader: Reader) => T): T {
    return this.#store.read(work);
  }

  async commit<T>(work: (tx: Tx) => T): Promise<T> {
    if (this.full || this.failing > 0) {
      this.failing -= 1;
      throw new WarderError('unavailable', 'the store cannot be written', { hint: 'make room' });
    }
    const result = await this.#store.commit(work);
    this.kept += 1;
    if (this.lying > 0) {
      this.lying -= 1;
      throw new WarderError('unavailable', 'nobody knows whether it was written');
    }
    return result;
  }

  close(): Promise<void> {
    return this.#store.close();
  }
}
