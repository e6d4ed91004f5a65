// A file while one call writes it: readers outside see the old bytes until it is put in place whole.

import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readSync,
  renameSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import type { BigIntStats } from 'node:fs';
import { errnoOf } from '../refusal.ts';
import { close, type Held, openForReading, pathOf } from './descriptor-walk.ts';
import type { GuestPlace } from './guest-path.ts';
import { temporaryName } from './temporary-name.ts';

const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_RDONLY, O_RDWR } = constants;
const COPY_BYTES = 1 << 20;

/** Takes bytes from what the call may write. Throws FilesRefusal `limit`. */
export type Charge = (bytes: number) => void;

/** A commit that failed, and whether its bytes were in place by then. */
export class CommitFailure extends Error {
  override readonly name = 'CommitFailure';
  readonly inPlace: boolean;

  constructor(inPlace: boolean, cause: unknown) {
    super('the file could not be put in place', { cause });
    this.inPlace = inPlace;
  }
}

export class StagedFile {
  /** Where it is put; moved with it by a rename. */
  place: GuestPlace;
  directory: Held;
  name: string;
  /** Handles that have it open. */
  openers = 0;
  readonly #maker: string;
  readonly #charge: Charge;
  /** What is in place: its mode and owner are kept. */
  #base: { readonly descriptor: number; readonly stats: BigIntStats } | undefined;
  #temporary: { readonly descriptor: number; readonly name: string } | undefined;
  /** Bytes written since it was last put in place. */
  #written = 0;
  #removed = false;

  /**
   * @param directory held for this object alone.
   * @param existing what the name holds, held for this object alone; undefined when it is new.
   */
  constructor(
    place: GuestPlace,
    at: { readonly directory: Held; readonly name: string; readonly existing: Held | undefined },
    maker: string,
    charge: Charge,
  ) {
    this.place = place;
    this.directory = at.directory;
    this.name = at.name;
    this.#maker = maker;
    this.#charge = charge;
    if (at.existing === undefined) this.#temporary = this.#makeTemporary(0o666);
    else {
      const { existing } = at;
      try {
        this.#base = { descriptor: openForReading(existing), stats: existing.stats };
      } finally {
        close(existing);
      }
    }
  }

  /** As the call sees it now. */
  get stats(): BigIntStats {
    return fstatSync(this.#current, { bigint: true });
  }

  /** Whether the name is not in place yet. */
  get isNew(): boolean {
    return this.#base === undefined && !this.#removed;
  }

  read(into: Uint8Array, offset: number): number {
    return readAll(this.#current, into, offset);
  }

  /** Bytes at `offset`, or at the end. */
  write(data: Uint8Array, offset: number | undefined): void {
    const descriptor = this.#stage();
    const size = fstatSync(descriptor).size;
    const at = offset ?? size;
    this.#charge(Math.max(data.length, at + data.length - size));
    for (let done = 0; done < data.length;) {
      done += writeSync(descriptor, data, done, data.length - done, at + done);
    }
    this.#written += data.length;
  }

  resize(size: number): void {
    const descriptor = this.#stage(size === 0);
    this.#charge(Math.max(0, size - fstatSync(descriptor).size));
    ftruncateSync(descriptor, size);
  }

  /** Whether there is anything to put in place. */
  get isChanged(): boolean {
    return this.#temporary !== undefined && !this.#removed;
  }

  /**
   * Puts it in place, durably, when there is anything to put.
   *
   * @returns bytes written since the last time; undefined when there was nothing.
   * @throws CommitFailure
   */
  commit(): number | undefined {
    const temporary = this.#temporary;
    if (temporary === undefined || this.#removed) return undefined;
    try {
      this.#takeOver(temporary.descriptor);
      fsyncSync(temporary.descriptor);
      renameSync(this.#pathOf(temporary.name), this.#pathOf(this.name));
    } catch (cause) {
      throw new CommitFailure(false, cause);
    }
    if (this.#base !== undefined) closeSync(this.#base.descriptor);
    this.#temporary = undefined;
    this.#base = {
      descriptor: temporary.descriptor,
      stats: fstatSync(temporary.descriptor, { bigint: true }),
    };
    const written = this.#written;
    this.#written = 0;
    try {
      syncDirectory(this.directory);
    } catch (cause) {
      throw new CommitFailure(true, cause);
    }
    return written;
  }

  /** Its name was taken away: what is written from now on is put nowhere. */
  removed(): void {
    this.#removed = true;
    if (this.#temporary !== undefined) unlinkQuietly(this.#pathOf(this.#temporary.name));
  }

  /** Drops what was not put in place, and every descriptor. */
  drop(): void {
    if (this.#temporary !== undefined) {
      if (!this.#removed) unlinkQuietly(this.#pathOf(this.#temporary.name));
      closeSync(this.#temporary.descriptor);
    }
    if (this.#base !== undefined) closeSync(this.#base.descriptor);
    close(this.directory);
  }

  get #current(): number {
    const { descriptor } = this.#temporary ?? this.#base ?? { descriptor: -1 };
    return descriptor;
  }

  #pathOf(name: string): string {
    return pathOf(this.directory.descriptor, name);
  }

  /** The private copy, made when it is first needed. */
  #stage(empty = false): number {
    if (this.#temporary === undefined) {
      const made = this.#makeTemporary(0o600);
      this.#temporary = made;
      if (!empty && this.#base !== undefined) {
        copy(this.#base.descriptor, made.descriptor, this.#charge);
      }
    }
    return this.#temporary.descriptor;
  }

  #makeTemporary(mode: number): { readonly descriptor: number; readonly name: string } {
    const name = temporaryName(this.#maker);
    const flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW;
    return { descriptor: openSync(this.#pathOf(name), flags, mode), name };
  }

  /** Gives the private copy the owner and mode of what it replaces. */
  #takeOver(descriptor: number): void {
    if (this.#base === undefined) return;
    const { uid, gid, mode } = this.#base.stats;
    const own = fstatSync(descriptor, { bigint: true });
    if (own.uid !== uid || own.gid !== gid) fchownSync(descriptor, Number(uid), Number(gid));
    fchmodSync(descriptor, Number(mode) & 0o777);
  }
}

/** Fills `into` as far as the file goes; gives the count. */
export function readAll(descriptor: number, into: Uint8Array, offset: number): number {
  let filled = 0;
  while (filled < into.length) {
    const got = readSync(descriptor, into, filled, into.length - filled, offset + filled);
    if (got === 0) break;
    filled += got;
  }
  return filled;
}

function copy(from: number, to: number, charge: Charge): void {
  const part = Buffer.allocUnsafe(COPY_BYTES);
  for (let at = 0; ;) {
    const got = readSync(from, part, 0, part.length, at);
    if (got === 0) return;
    charge(got);
    for (let done = 0; done < got;) done += writeSync(to, part, done, got - done, at + done);
    at += got;
  }
}

/** Makes the names in a held directory durable. */
export function syncDirectory(directory: Held): void {
  let descriptor: number;
  try {
    descriptor = openSync(pathOf(directory.descriptor), O_RDONLY | O_DIRECTORY);
  } catch (thrown) {
    // A directory may be written and not read; its entry is then as durable as the system makes it.
    if (errnoOf(thrown) === 'EACCES') return;
    throw thrown;
  }
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function unlinkQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Somebody else took it away, or the disk is gone; a later sweep finds it if it is still there.
  }
}
