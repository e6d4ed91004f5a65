// What a fuzz target is: something that can be tried once with a number, and says how it went wrong.

import type { Random } from './random.ts';

export interface FuzzTarget {
  /** One line: what is fed to what. */
  readonly about: string;
  /** Tries in `npm test`, and in a long run unless told otherwise. */
  readonly runs: { readonly sample: number; readonly long: number };
  open(): Promise<FuzzSession>;
}

export interface FuzzSession {
  /**
   * Tries once. Everything it does follows from `random`.
   *
   * @param index number of the try, from 0.
   * @throws Finding for what must not happen.
   */
  run(random: Random, index: number): Promise<void> | void;
  /** How many different tries there are; a target without can be tried for ever. */
  readonly tries?: number;
  /** What was met on the way: a target that only ever sees one kind of end tries too little. */
  readonly met: ReadonlyMap<string, number>;
  close(): Promise<void>;
}

/** What must not happen did. */
export class Finding extends Error {
  override readonly name = 'Finding';
  /** What was fed, to be kept beside the report. */
  readonly input: Uint8Array | undefined;

  constructor(message: string, input?: Uint8Array, options?: ErrorOptions) {
    super(message, options);
    this.input = input;
  }
}

/** Counts what a session meets. */
export class Met extends Map<string, number> {
  add(what: string): void {
    this.set(what, (this.get(what) ?? 0) + 1);
  }
}
