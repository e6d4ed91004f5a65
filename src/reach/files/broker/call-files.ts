// The file operations of one call: guest path in, checked descriptor, bytes out. Everything is
// synchronous; the process serves one request after the other.

import { closeSync, fstatSync, opendirSync } from 'node:fs';
import type { BigIntStats } from 'node:fs';
import type { BrokerAnswer, FileEntry, FileRequest, FilesEffect, FileTerms } from '../messages.ts';
import { FilesRefusal, refusalOf } from '../refusal.ts';
import { DONE, type Done, factsOf, isDirectory, putInPlace, read } from './answers.ts';
import { openForReading, pathOf } from './descriptor-walk.ts';
import { type GuestPlace, isSpeakable } from './guest-path.ts';
import { type FilesGround, Places } from './places.ts';
import { CommitFailure, readAll, type StagedFile } from './staged-file.ts';
import { StagedFiles } from './staged-files.ts';
import { makerOf } from './temporary-name.ts';
import { setTimesAt, TreeChanges } from './tree-changes.ts';

/** Ceilings of single operations. */
export const filesLimits: {
  readonly readBytes: number;
  readonly entries: number;
  readonly handles: number;
} = Object.freeze({
  readBytes: 1 << 20,
  /** Entries of a directory that can still be listed. */
  entries: 10_000,
  handles: 256,
});

type Handle =
  | { readonly kind: 'read'; readonly descriptor: number; readonly path: string }
  | {
      readonly kind: 'staged';
      readonly file: StagedFile;
      readonly path: string;
      readonly readable: boolean;
    };

export interface Served {
  readonly answer: BrokerAnswer;
  readonly bytes?: Uint8Array | undefined;
}

export class CallFiles {
  readonly #places: Places;
  readonly #staged: StagedFiles;
  readonly #tree: TreeChanges;
  readonly #handles = new Map<number, Handle>();
  #lastHandle = 0;

  constructor(terms: FileTerms, ground: FilesGround) {
    this.#places = new Places(terms, ground);
    this.#staged = new StagedFiles(this.#places);
    this.#tree = new TreeChanges(this.#places, this.#staged);
  }

  /** Does one request. Never throws. */
  serve(request: FileRequest): Served {
    const target = targetOf(request, this.#handles);
    try {
      const { value = {}, bytes, effect } = this.#do(request);
      const done = effect && ({ ...effect, state: 'answered', count: 1, target } as const);
      const answer: BrokerAnswer = {
        ok: true,
        value,
        hasBytes: bytes !== undefined,
        ...(done === undefined ? {} : { effect: done }),
      };
      return { answer, bytes };
    } catch (thrown) {
      return { answer: refusal(request, target, thrown) };
    }
  }

  /** Drops what is still open; what was not put in place is gone. */
  end(): void {
    for (const handle of this.#handles.values()) {
      if (handle.kind === 'read') closeSync(handle.descriptor);
    }
    this.#handles.clear();
    this.#staged.end();
    this.#places.end();
  }

  #do(request: FileRequest): Done {
    const at = (kind: 'read' | 'write', path: string): GuestPlace => this.#places.of(kind, path);
    switch (request.op) {
      case 'file-stat':
        return this.#stat(at('read', request.path));
      case 'file-list':
        return this.#list(at('read', request.path));
      case 'file-read':
        return this.#read(at('read', request.path), request.offset, request.length);
      case 'file-write':
        return this.#replace(at('write', request.path), request.data);
      case 'file-open':
        return request.write || request.create || request.truncate
          ? this.#openForWriting(at('write', request.path), request)
          : this.#openForReading(at('read', request.path), request.prefetch);
      case 'file-read-at': {
        const { handle, offset, length } = request;
        return this.#readAt(this.#handle(handle), offset, length);
      }
      case 'file-write-at':
        this.#writable(request.handle).write(request.data, request.offset);
        return DONE;
      case 'file-resize':
        this.#writable(request.handle).resize(request.size);
        return DONE;
      case 'file-sync':
        return putInPlace(this.#staged.commit(this.#writable(request.handle)));
      case 'file-stat-handle':
        return { value: factsOf(this.#statsOf(this.#handle(request.handle))) };
      case 'file-close':
        return this.#close(request.handle);
      case 'file-times':
        return this.#setTimes(request);
      case 'file-make-directory':
        return this.#tree.makeDirectory(at('write', request.path));
      case 'file-remove':
        return this.#tree.remove(at('write', request.path), request.kind);
      case 'file-rename':
        return this.#tree.rename(at('write', request.from), at('write', request.to));
    }
  }

  #stat(place: GuestPlace): Done {
    const stats = this.#places.named(
      place,
      (directory, name) =>
        this.#staged.at(directory, name)?.stats ??
        this.#places.looked(directory, name, place.path, (held) => held.stats),
    );
    return { value: factsOf(stats ?? this.#places.root(place).stats), effect: read(0) };
  }

  #list(place: GuestPlace): Done {
    const entries = this.#places.within(place, place.names, (directory) => {
      const found = new Map<string, FileEntry>();
      const listing = opendirSync(pathOf(directory.descriptor), { bufferSize: 256 });
      try {
        for (let seen = 0; ; seen += 1) {
          const entry = listing.readSync();
          if (entry === null) break;
          if (seen >= filesLimits.entries) throw tooMany(place.path);
          const { name } = entry;
          // What was not UTF-8 was read as U+FFFD, and its name leads nowhere.
          if (!isSpeakable(name) || name.includes('\uFFFD')) continue;
          if (makerOf(name) !== undefined) continue;
          if (entry.isFile()) found.set(name, { name, kind: 'file' });
          else if (entry.isDirectory()) found.set(name, { name, kind: 'directory' });
        }
      } finally {
        listing.closeSync();
      }
      for (const name of this.#staged.newNames(directory)) found.set(name, { name, kind: 'file' });
      return [...found.values()].sort((a, b) => byCodePoint(a.name, b.name));
    });
    return { value: { entries }, effect: read(0) };
  }

  #read(place: GuestPlace, offset: number, length: number): Done {
    checkPart(offset, length);
    const bytes = this.#places.named(place, (directory, name) => {
      const staged = this.#staged.at(directory, name);
      if (staged !== undefined) return partOf(staged, offset, length);
      return this.#places.looked(directory, name, place.path, (held) => {
        if (!held.stats.isFile()) throw isDirectory(place.path);
        const descriptor = openForReading(held);
        try {
          return partOfDescriptor(descriptor, Number(held.stats.size), offset, length);
        } finally {
          closeSync(descriptor);
        }
      });
    });
    if (bytes === undefined) throw isDirectory(place.path);
    return { bytes, effect: read(bytes.length) };
  }

  #replace(place: GuestPlace, data: Uint8Array): Done {
    const file = this.#staged.stage(place, { create: true, exclusive: false });
    file.openers += 1;
    try {
      file.resize(0);
      file.write(data, 0);
      return putInPlace(this.#staged.commit(file));
    } finally {
      this.#staged.release(file);
    }
  }

  #openForReading(place: GuestPlace, prefetch: number): Done {
    const opened = this.#places.named(place, (directory, name) => {
      const file = this.#staged.at(directory, name);
      if (file !== undefined)
        return this.#open({ kind: 'staged', file, path: place.path, readable: true });
      return this.#places.looked(directory, name, place.path, (held) => {
        if (!held.stats.isFile()) throw isDirectory(place.path);
        return this.#openPlain(openForReading(held), held.stats, place.path, prefetch);
      });
    });
    if (opened === undefined) throw isDirectory(place.path);
    return opened;
  }

  /** With a file that is read whole at once, nothing stays open: handle 0. */
  #openPlain(descriptor: number, stats: BigIntStats, path: string, prefetch: number): Done {
    let kept = false;
    try {
      const size = Number(stats.size);
      const wanted = Math.min(prefetch, filesLimits.readBytes);
      const bytes = partOfDescriptor(descriptor, size, 0, wanted);
      const effect = read(bytes.length);
      if (wanted > 0 && size <= wanted) {
        return { value: { handle: 0, file: factsOf(stats) }, bytes, effect };
      }
      const done = this.#open({ kind: 'read', descriptor, path });
      kept = true;
      return { ...done, bytes, effect };
    } finally {
      if (!kept) closeSync(descriptor);
    }
  }

  #openForWriting(
    place: GuestPlace,
    { read, create, exclusive, truncate }: Extract<FileRequest, { op: 'file-open' }>,
  ): Done {
    // What may be written may not be read for that reason alone.
    if (read) this.#places.of('read', place.path);
    const file = this.#staged.stage(place, { create, exclusive });
    try {
      if (truncate) file.resize(0);
      return this.#open({ kind: 'staged', file, path: place.path, readable: read });
    } catch (thrown) {
      this.#staged.dropUnused(file);
      throw thrown;
    }
  }

  #readAt(handle: Handle, offset: number, length: number): Done {
    checkPart(offset, length);
    if (handle.kind === 'staged' && !handle.readable) {
      throw new FilesRefusal('denied', `\`${handle.path}\` is open for writing`, 'bad-handle');
    }
    const bytes =
      handle.kind === 'staged'
        ? partOf(handle.file, offset, length)
        : partOfDescriptor(handle.descriptor, fstatSync(handle.descriptor).size, offset, length);
    return { bytes, effect: read(bytes.length) };
  }

  #close(number: number): Done {
    const handle = this.#handle(number);
    this.#handles.delete(number);
    if (handle.kind === 'read') {
      closeSync(handle.descriptor);
      return DONE;
    }
    const { file } = handle;
    try {
      return file.openers === 1 ? putInPlace(this.#staged.commit(file)) : DONE;
    } finally {
      this.#staged.release(file);
    }
  }

  #setTimes({ target, ...times }: Extract<FileRequest, { op: 'file-times' }>): Done {
    if (typeof target === 'string') {
      return this.#tree.setTimes(this.#places.of('write', target), times);
    }
    const file = this.#writable(target);
    this.#staged.commit(file);
    const { directory, name, stats } = file;
    return setTimesAt(pathOf(directory.descriptor, name), stats, times);
  }

  #open(handle: Handle): Done {
    if (this.#handles.size >= filesLimits.handles) {
      throw new FilesRefusal('limit', `a call may have ${filesLimits.handles} files open`);
    }
    this.#lastHandle += 1;
    this.#handles.set(this.#lastHandle, handle);
    if (handle.kind === 'staged') handle.file.openers += 1;
    return { value: { handle: this.#lastHandle, file: factsOf(this.#statsOf(handle)) } };
  }

  #handle(number: number): Handle {
    const handle = this.#handles.get(number);
    if (handle !== undefined) return handle;
    throw new FilesRefusal('invalid', `no file is open as ${String(number)}`, 'bad-handle');
  }

  #writable(number: number): StagedFile {
    const handle = this.#handle(number);
    if (handle.kind === 'staged') return handle.file;
    throw new FilesRefusal('denied', `\`${handle.path}\` is open for reading`, 'bad-handle');
  }

  #statsOf(handle: Handle): BigIntStats {
    return handle.kind === 'staged'
      ? handle.file.stats
      : fstatSync(handle.descriptor, { bigint: true });
  }
}

const READING: ReadonlySet<string> = new Set([
  'file-stat',
  'file-list',
  'file-read',
  'file-read-at',
  'file-stat-handle',
]);

function refusal(request: FileRequest, target: string, thrown: unknown): BrokerAnswer {
  const committing = thrown instanceof CommitFailure;
  const { code, message, fault } = refusalOf(committing ? thrown.cause : thrown, target);
  const attempted = committing || code === 'not-found' || code === 'failed';
  const failed = committing && thrown.inPlace ? 'sent' : 'not-sent';
  const effect: FilesEffect = {
    kind: READING.has(request.op) ? 'file-read' : 'file-write',
    state: attempted ? failed : 'refused',
    count: 1,
    target,
    bytes: 0,
  };
  return { ok: false, code, message, ...(fault === undefined ? {} : { fault }), effect };
}

function targetOf(request: FileRequest, handles: ReadonlyMap<number, Handle>): string {
  if ('path' in request) return shown(request.path);
  if ('from' in request) return `${shown(request.from)} -> ${shown(request.to)}`;
  const handle = 'handle' in request ? request.handle : request.target;
  return typeof handle === 'string' ? shown(handle) : (handles.get(handle)?.path ?? '');
}

/** A hostile path, cut to a length a receipt can hold. */
function shown(path: string): string {
  return path.slice(0, 512).toWellFormed();
}

function tooMany(path: string): FilesRefusal {
  return new FilesRefusal(
    'limit',
    `\`${path}\` has more than ${filesLimits.entries} entries; ask for a directory below it`,
  );
}

function checkPart(offset: number, length: number): void {
  if (!isCount(offset) || !isCount(length)) {
    throw new FilesRefusal('invalid', 'offset and length must be whole numbers from 0');
  }
  if (length > filesLimits.readBytes) {
    throw new FilesRefusal(
      'limit',
      `one read gives at most ${filesLimits.readBytes} bytes; read the file in pieces`,
    );
  }
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function partOf(file: StagedFile, offset: number, length: number): Uint8Array {
  const bytes = room(Number(file.stats.size), offset, length);
  return bytes.subarray(0, file.read(bytes, offset));
}

function partOfDescriptor(
  descriptor: number,
  size: number,
  offset: number,
  length: number,
): Uint8Array {
  const bytes = room(size, offset, length);
  return bytes.subarray(0, readAll(descriptor, bytes, offset));
}

/** Where every answer's bytes stand until they are sent, which is before the next request. */
const answered = Buffer.allocUnsafeSlow(filesLimits.readBytes);

function room(size: number, offset: number, length: number): Uint8Array {
  return answered.subarray(0, Math.min(length, Math.max(0, size - offset)));
}

/** UTF-16 order differs from code point order beyond U+FFFF. */
function byCodePoint(left: string, right: string): number {
  return Buffer.compare(Buffer.from(left), Buffer.from(right));
}
