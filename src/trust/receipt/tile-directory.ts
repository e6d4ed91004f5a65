// C2SP tlog-tiles on disk, below HOME/log: derived from the leaves, rebuilt where missing or short.

import { readFileSync, statSync } from 'node:fs';
import { readdir, readFile, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { WarderError } from '../../base/errors/errors.ts';
import { HASH_SIZE } from '../verify/merkle.ts';
import { TILE_WIDTH } from '../verify/tile-tree.ts';
import { bundlePath, formatBundle, partialWidth, tilePath } from '../verify/tiles.ts';
import { makeDirectoryDurably, replaceFile, syncDirectory } from './durable-file.ts';
import { sideBySide } from './side-by-side.ts';

/** What the files are derived from. */
export interface TileContents {
  /** @param leaves what stands in a tile of level 0, for who has read it anyway. */
  tile(level: number, index: number, width: number, leaves?: readonly Uint8Array[]): Uint8Array;
  leaves(from: number, count: number): readonly Uint8Array[];
}

const TILE_BYTES = TILE_WIDTH * HASH_SIZE;
const CHECKPOINT = 'checkpoint';
/** Full tiles in writing at once: those that wait for the disk together wait about as long as one. */
const IN_FLIGHT = 8;

/** The directory of one log. Only its owner writes there. */
export class TileDirectory {
  readonly #root: string;
  /** Full tiles known to be on disk, by level. */
  readonly #full: number[] = [];
  /** Directories that are there, or will be. */
  readonly #made = new Map<string, Promise<void>>();
  /** Directories with files whose names are not durable yet. */
  readonly #unsynced = new Set<string>();
  /** From this level up only tiles are believed that this process wrote or compared. */
  #distrusted = Infinity;
  /** Whether a file that says the same already is left as it is. */
  #keepsSame = false;

  constructor(root: string) {
    this.#root = resolve(root);
  }

  /**
   * Looks which full tiles and bundles are there, up to `size` leaves; the rest is written again. Asks two lengths
   * for 256 leaves, at once: on another thread each would take ten times as long.
   */
  scan(size: number): void {
    for (let level = 0; TILE_WIDTH ** (level + 1) <= size; level += 1) {
      let index = 0;
      while (index < fullTiles(size, level) && this.#isWhole(level, index)) index += 1;
      this.#full[level] = index;
    }
  }

  /** A full hash tile, if it is there in its full length. */
  readFull(level: number, index: number): Uint8Array | undefined {
    if (level >= this.#distrusted && index >= (this.#full[level] ?? 0)) return undefined;
    try {
      const bytes = readFileSync(join(this.#root, tilePath(level, index)));
      return bytes.length === TILE_BYTES ? bytes : undefined;
    } catch {
      return undefined;
    }
  }

  /** Has every file from that level up written again by the next {@link TileDirectory.writeUpTo}. */
  forget(level: number): void {
    this.#full.length = Math.min(this.#full.length, level);
    this.#distrusted = Math.min(this.#distrusted, level);
  }

  /** Any file of the log by its path in the specification. */
  read(path: string): Promise<Uint8Array> {
    return readFile(join(this.#root, path));
  }

  /** Writes every file a checkpoint of `size` leaves needs; the full ones before the partial ones. */
  async writeUpTo(size: number, contents: TileContents): Promise<void> {
    for (let level = 0; TILE_WIDTH ** level <= size; level += 1) {
      const end = fullTiles(size, level);
      await this.#writeFull(contents, level, end);
      const width = partialWidth(size, level);
      if (width > 0) await this.#write(contents, level, end, width);
    }
    await this.#sync();
  }

  /**
   * Has the files of a checkpoint that was published: writes those that are missing or wrong at the edge, so that
   * a log with its files whole opens on a full disk.
   */
  async restore(size: number, note: string, contents: TileContents): Promise<void> {
    this.#keepsSame = true;
    try {
      await this.writeUpTo(size, contents);
      await this.publish(note);
    } finally {
      this.#keepsSame = false;
    }
    await this.prune([size]);
  }

  /** Publishes a checkpoint whose tiles were written. */
  async publish(note: string): Promise<void> {
    await this.#put(CHECKPOINT, Buffer.from(note));
    await this.#sync();
  }

  /** The published checkpoint, if there is one. */
  async published(): Promise<string | undefined> {
    try {
      return await readFile(join(this.#root, CHECKPOINT), 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw new WarderError('unavailable', 'the published checkpoint cannot be read', {
        cause: error,
        hint: 'check the directory `log` of the home and its file system',
      });
    }
  }

  /**
   * Removes partial tiles that belong to none of the given checkpoints, and those that became full
   * since. Called when the last of them is published: the one before keeps its files until then.
   */
  async prune(sizes: readonly number[]): Promise<void> {
    const latest = Math.max(...sizes);
    for (let level = 0; TILE_WIDTH ** level <= latest; level += 1) {
      const edge = fullTiles(latest, level);
      // One further back: a kill may have come before the last time.
      const from = Math.max(0, fullTiles(Math.min(...sizes), level) - 1);
      for (let index = from; index < edge; index += 1) await this.#dropPartials(level, index);
      await this.#keepPartials(
        level,
        edge,
        sizes
          .filter((size) => fullTiles(size, level) === edge)
          .map((size) => String(partialWidth(size, level))),
      );
    }
  }

  async #keepPartials(level: number, index: number, keep: readonly string[]): Promise<void> {
    for (const path of pathsOf(level, index)) {
      const directory = join(this.#root, `${path}.p`);
      const names = await readdir(directory).catch(() => []);
      for (const name of names.filter((each) => !keep.includes(each))) {
        await removeIfPossible(join(directory, name));
      }
    }
  }

  /** The full tiles that are missing of a level: after an outage, or where they were lost, they are many. */
  async #writeFull(contents: TileContents, level: number, end: number): Promise<void> {
    const written = new Set<number>();
    await sideBySide(IN_FLIGHT, range(this.#full[level] ?? 0, end), async (index) => {
      await this.#write(contents, level, index, TILE_WIDTH);
      written.add(index);
      // Only up to the first that is missing: they end in another order than they began.
      let full = this.#full[level] ?? 0;
      while (written.delete(full)) full += 1;
      this.#full[level] = full;
    });
  }

  async #write(contents: TileContents, level: number, index: number, width: number): Promise<void> {
    const leaves = level > 0 ? undefined : contents.leaves(index * TILE_WIDTH, width);
    await this.#put(tilePath(level, index, width), contents.tile(level, index, width, leaves));
    if (leaves !== undefined) await this.#put(bundlePath(index, width), formatBundle(leaves));
  }

  async #dropPartials(level: number, index: number): Promise<void> {
    for (const path of pathsOf(level, index)) {
      const directory = join(this.#root, `${path}.p`);
      await removeIfPossible(directory);
      this.#made.delete(directory);
      this.#unsynced.delete(directory);
    }
  }

  async #put(path: string, bytes: Uint8Array): Promise<void> {
    const file = join(this.#root, path);
    if (this.#keepsSame && holds(file, bytes)) return;
    const directory = dirname(file);
    this.#unsynced.add(directory);
    await this.#in(directory, () => replaceFile(file, bytes));
  }

  async #sync(): Promise<void> {
    for (const directory of this.#unsynced) {
      await this.#in(directory, () => syncDirectory(directory));
      this.#unsynced.delete(directory);
    }
  }

  /** Works in a directory that is there; if it fails there, whether it still is is asked the next time. */
  async #in(directory: string, work: () => Promise<void>): Promise<void> {
    try {
      await this.#make(directory);
      await work();
    } catch (error) {
      this.#made.delete(directory);
      throw error;
    }
  }

  #make(directory: string): Promise<void> {
    const before = this.#made.get(directory);
    if (before !== undefined) return before;
    const made = this.#makeNow(directory).catch((error: unknown) => {
      this.#made.delete(directory);
      throw error;
    });
    this.#made.set(directory, made);
    return made;
  }

  /** Each above it first, though it be there: whoever made it may have been killed before it was durable. */
  async #makeNow(directory: string): Promise<void> {
    if (directory !== this.#root) await this.#make(dirname(directory));
    await makeDirectoryDurably(directory);
  }

  #isWhole(level: number, index: number): boolean {
    const [tile, bundle] = pathsOf(level, index);
    const size = (path: string): number => {
      try {
        return statSync(join(this.#root, path), { throwIfNoEntry: false })?.size ?? 0;
      } catch {
        // What cannot be looked at is written again, or says then why it cannot be.
        return 0;
      }
    };
    if (size(tile) !== TILE_BYTES) return false;
    // A bundle of 256 leaves is never shorter than its length fields; its content is audited, not here.
    return bundle === undefined || size(bundle) > 2 * TILE_WIDTH;
  }
}

function* range(from: number, to: number): Generator<number> {
  for (let each = from; each < to; each += 1) yield each;
}

/** What stays is read by nobody, and is removed another time. */
async function removeIfPossible(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true }).catch(() => undefined);
}

function holds(file: string, bytes: Uint8Array): boolean {
  try {
    return readFileSync(file).equals(bytes);
  } catch {
    return false;
  }
}

/** The hash tile, and at level 0 the entry bundle of the same number. */
function pathsOf(level: number, index: number): readonly [string, string?] {
  const tile = tilePath(level, index);
  return level === 0 ? [tile, bundlePath(index)] : [tile];
}

function fullTiles(size: number, level: number): number {
  return Math.floor(size / TILE_WIDTH ** (level + 1));
}
