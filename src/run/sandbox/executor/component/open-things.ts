// What a component has open below its directories, counted; and how failures of files are told to it.

import { FileError, type FileErrorCode } from '../files/file-error.ts';
import type { FileTree } from '../files/file-tree.ts';
import type { GuestClocks } from '../guest-clocks.ts';
import { ErrResult } from './err-result.ts';

/** Descriptors, streams and listings a guest may have open. */
const MAX_OPEN = 256;

/** The case of `error-code` a failure is, if it is one of a file operation. */
export function codeOf(thrown: unknown): FileErrorCode | undefined {
  return thrown instanceof FileError ? thrown.code : undefined;
}

/** Runs a file operation; its failure is the error case of the function. */
export function attempt<T>(work: () => T): T {
  try {
    return work();
  } catch (thrown) {
    const code = codeOf(thrown);
    throw code === undefined ? thrown : new ErrResult(code);
  }
}

/** What one guest has open. */
export class OpenThings {
  readonly tree: FileTree;
  readonly clocks: GuestClocks;
  #open = 0;

  constructor(tree: FileTree, clocks: GuestClocks) {
    this.tree = tree;
    this.clocks = clocks;
  }

  /** Counts one more. */
  take(): void {
    if (this.#open >= MAX_OPEN) throw new ErrResult('insufficient-memory');
    this.#open += 1;
  }

  giveBack(): void {
    this.#open -= 1;
  }
}
