// Streams over files: each holds its file open by itself, so the descriptor it came from may be dropped.

import { GuestFailure } from '../engine.ts';
import { FileError } from '../files/file-error.ts';
import type { OpenFile } from '../files/open-file.ts';
import { failed, type Sink, type Source } from './io.ts';
import type { OpenThings } from './open-things.ts';

abstract class FileStream {
  protected readonly file: OpenFile;
  readonly #things: OpenThings;
  #dropped = false;

  constructor(things: OpenThings, file: OpenFile) {
    this.#things = things;
    this.file = file;
  }

  close(): void {
    if (this.#dropped) return;
    this.#dropped = true;
    this.#things.giveBack();
    dropFile(this.#things, this.file);
  }
}

export class FileSource extends FileStream implements Source {
  #at: number;

  constructor(things: OpenThings, file: OpenFile, at: number) {
    super(things, file);
    this.#at = at;
  }

  read(length: number): Uint8Array {
    return streamed(() => {
      const bytes = readSome(this.file, this.#at, length);
      this.#at += bytes.length;
      return bytes;
    });
  }
}

export class FileSink extends FileStream implements Sink {
  /** Undefined: always at the end. */
  #at: number | undefined;
  readonly #synchronous: boolean;

  constructor(things: OpenThings, file: OpenFile, at: number | undefined, synchronous: boolean) {
    super(things, file);
    this.#at = at;
    this.#synchronous = synchronous;
  }

  write(bytes: Uint8Array): void {
    streamed(() => {
      this.file.writeAt(bytes, this.#at ?? this.file.size);
      if (this.#at !== undefined) this.#at += bytes.length;
    });
  }

  flush(): void {
    if (this.#synchronous) streamed(() => this.file.sync());
  }
}

/** A drop has no answer: the call ends when something is lost by it. */
export function dropFile(things: OpenThings, file: OpenFile): void {
  try {
    things.tree.close(file);
  } catch (cause) {
    if (!(cause instanceof FileError)) throw cause;
    throw new GuestFailure(`a file could not be put in place: ${cause.message}`, { cause });
  }
}

export function readSome(file: OpenFile, at: number, length: number): Uint8Array {
  const into = new Uint8Array(Math.max(0, Math.min(length, file.size - at)));
  return into.subarray(0, file.readAt(into, at));
}

/** Runs a file operation; its failure is that of the stream. */
function streamed<T>(work: () => T): T {
  try {
    return work();
  } catch (thrown) {
    throw thrown instanceof FileError ? failed(thrown.message, thrown) : thrown;
  }
}
