// The file operations of running guests: guest path in, checked descriptor, bytes out.
//
// Walking and looking are synchronous: a handful of system calls on names the kernel has cached
// (measured: 75 us for a whole read of 1 KB five directories deep). Listings, longer reads and writes wait on the
// thread pool.

import { closeSync, read as readCallback, readSync } from 'node:fs';
import { opendir } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { Clock } from '../../base/clock/clock.ts';
import type { DirectoryGrant } from '../../catalog/installation.ts';
import { assertPermit, type Permit } from '../../decide/policy/permit.ts';
import { close, type Held, look, openForReading, pathOf, walk } from './descriptor-walk.ts';
import type {
  FileEntry,
  Files,
  FilesEffect,
  FilesLimits,
  FilesReply,
  FilesResult,
} from './files.ts';
import { type GuestPlace, isSpeakable, locate } from './guest-path.ts';
import type { OwnTree } from './own-tree.ts';
import { errnoOf, FilesRefusal, refusalOf } from './refusal.ts';
import { ReplaceFailure, replaceFile, sweepTemporaries } from './replace-file.ts';
import { isTemporaryName } from './temporary-name.ts';

/** Up to here a read from the page cache is shorter than a trip through the thread pool. */
const SYNC_READ = 64 << 10;

const readAsync = promisify(readCallback);

interface Done {
  readonly value: Extract<FilesReply, { readonly ok: true }>['value'];
  readonly bytes?: Uint8Array;
  readonly moved: number;
}

/** The implementation of {@link Files}; made by `createFiles`. */
export class GuestFiles implements Files {
  readonly #own: OwnTree;
  readonly #clock: Clock;
  readonly #limits: FilesLimits;
  /** Bytes written per call: a permit is for one call. */
  readonly #written = new WeakMap<Permit, number>();
  readonly #swept = new Set<string>();

  constructor(own: OwnTree, clock: Clock, limits: FilesLimits) {
    this.#own = own;
    this.#clock = clock;
    this.#limits = limits;
  }

  roots(permit: Permit): FilesResult {
    assertPermit(permit);
    const roots = permit.terms.read.map(({ guest }) => guest).sort(byCodePoint);
    return { reply: { ok: true, value: { roots } } };
  }

  stat(permit: Permit, path: string): Promise<FilesResult> {
    return this.#do('file-read', permit, path, async (place) => {
      using held = this.#hold(place);
      const { stats } = held;
      const modified = Math.max(0, Number(stats.mtimeMs));
      if (stats.isDirectory()) return { value: { kind: 'directory', size: 0, modified }, moved: 0 };
      return { value: { kind: 'file', size: Number(stats.size), modified }, moved: 0 };
    });
  }

  list(permit: Permit, path: string): Promise<FilesResult> {
    return this.#do('file-read', permit, path, async (place) => {
      using directory = disposable(walk(place.grant.host, place.names, place.path, this.#own));
      const entries: FileEntry[] = [];
      let seen = 0;
      const listing = await opendir(pathOf(directory.descriptor), { bufferSize: 256 });
      for await (const entry of listing) {
        seen += 1;
        if (seen > this.#limits.entries) {
          throw new FilesRefusal(
            'limit',
            `\`${path}\` has more than ${this.#limits.entries} entries; ask for a directory below it`,
          );
        }
        // What was not UTF-8 was read as U+FFFD, and its name leads nowhere.
        if (!isSpeakable(entry.name) || entry.name.includes('\uFFFD')) continue;
        if (isTemporaryName(entry.name)) continue;
        if (entry.isFile()) entries.push({ name: entry.name, kind: 'file' });
        else if (entry.isDirectory()) entries.push({ name: entry.name, kind: 'directory' });
      }
      entries.sort((left, right) => byCodePoint(left.name, right.name));
      return { value: { entries }, moved: 0 };
    });
  }

  read(permit: Permit, path: string, offset: number, length: number): Promise<FilesResult> {
    return this.#do('file-read', permit, path, async (place) => {
      if (!isCount(offset) || !isCount(length)) {
        throw new FilesRefusal('invalid', 'offset and length must be whole numbers from 0');
      }
      if (length > this.#limits.readBytes) {
        throw new FilesRefusal(
          'limit',
          `one read gives at most ${this.#limits.readBytes} bytes; read the file in pieces`,
        );
      }
      using file = this.#hold(place);
      if (!file.stats.isFile()) throw new FilesRefusal('invalid', `\`${path}\` is a directory`);
      const bytes = await readPart(file, offset, length);
      return { value: {}, bytes, moved: bytes.length };
    });
  }

  write(permit: Permit, path: string, data: Uint8Array): Promise<FilesResult> {
    return this.#do('file-write', permit, path, async (place) => {
      const name = place.names.at(-1);
      if (name === undefined) throw new FilesRefusal('invalid', `\`${path}\` is a directory`);
      if (data.length > this.#limits.writeBytes) {
        throw new FilesRefusal('limit', `a file may have ${this.#limits.writeBytes} bytes`);
      }
      using directory = disposable(
        walk(place.grant.host, place.names.slice(0, -1), path, this.#own),
      );
      using existing = this.#replaceable(directory, name, path);
      // Taken before the first wait: calls in parallel share it.
      this.#take(permit, data.length);
      await this.#sweep(directory);
      await replaceFile(directory, name, data.slice(), existing?.held);
      return { value: {}, moved: data.length };
    });
  }

  async #do(
    kind: FilesEffect['kind'],
    permit: Permit,
    path: string,
    act: (place: GuestPlace) => Promise<Done>,
  ): Promise<FilesResult> {
    assertPermit(permit);
    const target = typeof path === 'string' ? path.slice(0, 512).toWellFormed() : '';
    const effect = { kind, count: 1, target } as const;
    // Until the path is placed in a grant nothing was attempted.
    let state: FilesEffect['state'] = 'refused';
    try {
      const place = this.#place(kind, permit, path);
      const { moved, ...done } = await act(place);
      return {
        reply: { ok: true, ...done },
        effect: { ...effect, state: 'answered', bytes: moved },
      };
    } catch (thrown) {
      let cause = thrown;
      if (thrown instanceof ReplaceFailure) {
        state = thrown.reached === 'in-place' ? 'sent' : 'not-sent';
        ({ cause } = thrown);
      }
      const { code, message } = refusalOf(cause, target);
      if (state === 'refused' && (code === 'not-found' || code === 'failed')) state = 'not-sent';
      return { reply: { ok: false, code, message }, effect: { ...effect, state, bytes: 0 } };
    }
  }

  #place(kind: FilesEffect['kind'], permit: Permit, path: string): GuestPlace {
    const { terms } = permit;
    if (this.#clock.wall() >= terms.expiresAt) {
      throw new FilesRefusal('denied', "the call's permit has expired");
    }
    const grants: readonly DirectoryGrant[] = kind === 'file-read' ? terms.read : terms.write;
    const flag = kind === 'file-read' ? '--allow-read' : '--allow-write';
    const { name } = terms.installation;
    const remedy = `the operator can allow it with \`warder tool grant ${name} ${flag} HOST_DIR:GUEST_DIR\``;
    return locate(path, grants, remedy);
  }

  #hold(place: GuestPlace): Held & Disposable {
    const name = place.names.at(-1);
    if (name === undefined) return disposable(walk(place.grant.host, [], place.path, this.#own));
    using directory = disposable(
      walk(place.grant.host, place.names.slice(0, -1), place.path, this.#own),
    );
    return disposable(look(directory, name, place.path, this.#own));
  }

  /** What a write would replace. A second name would keep the old bytes, and may be someone else's. */
  #replaceable(
    directory: Held,
    name: string,
    path: string,
  ): (Disposable & { readonly held: Held }) | undefined {
    let existing: Held & Disposable;
    try {
      existing = disposable(look(directory, name, path, this.#own));
    } catch (thrown) {
      if (errnoOf(thrown) === 'ENOENT') return undefined;
      throw thrown;
    }
    const { stats } = existing;
    const fault = stats.isDirectory()
      ? new FilesRefusal('invalid', `\`${path}\` is a directory`)
      : stats.nlink === 1n
        ? undefined
        : new FilesRefusal('denied', `\`${path}\` has several names (hard links)`);
    if (fault === undefined) return { held: existing, [Symbol.dispose]: () => close(existing) };
    close(existing);
    throw fault;
  }

  #take(permit: Permit, bytes: number): void {
    const written = (this.#written.get(permit) ?? 0) + bytes;
    if (written > this.#limits.writtenBytes) {
      throw new FilesRefusal('limit', `a call may write ${this.#limits.writtenBytes} bytes in all`);
    }
    this.#written.set(permit, written);
  }

  async #sweep(directory: Held): Promise<void> {
    const identity = `${directory.stats.dev}:${directory.stats.ino}`;
    if (this.#swept.has(identity)) return;
    this.#swept.add(identity);
    await sweepTemporaries(directory, this.#clock.wall());
  }
}

async function readPart(file: Held, offset: number, length: number): Promise<Uint8Array> {
  const left = Math.max(0, Number(file.stats.size) - offset);
  const bytes = Buffer.alloc(Math.min(length, left));
  if (bytes.length === 0) return new Uint8Array();
  const descriptor = openForReading(file);
  try {
    let filled = 0;
    while (filled < bytes.length) {
      const rest = bytes.length - filled;
      const got =
        rest <= SYNC_READ
          ? readSync(descriptor, bytes, filled, rest, offset + filled)
          : (await readAsync(descriptor, bytes, filled, rest, offset + filled)).bytesRead;
      if (got === 0) break;
      filled += got;
    }
    return new Uint8Array(bytes.buffer, bytes.byteOffset, filled);
  } finally {
    closeSync(descriptor);
  }
}

function disposable(held: Held): Held & Disposable {
  return { ...held, [Symbol.dispose]: () => close(held) };
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

/** UTF-16 order differs from code point order beyond U+FFFF. */
function byCodePoint(left: string, right: string): number {
  return Buffer.compare(Buffer.from(left), Buffer.from(right));
}
