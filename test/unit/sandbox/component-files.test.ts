// wasi:filesystem as the glue calls it: the granted directories, every method of a descriptor, streams.

import { beforeEach, describe, expect, test } from 'vitest';
import { Descriptor } from '../../../src/run/sandbox/executor/component/descriptor.ts';
import { ErrResult } from '../../../src/run/sandbox/executor/component/err-result.ts';
import { makeImports } from '../../../src/run/sandbox/executor/component/imports.ts';
import { IoError } from '../../../src/run/sandbox/executor/component/io.ts';
import type { GuestHost } from '../../../src/run/sandbox/executor/engine.ts';
import { loggedStdio } from '../../../src/run/sandbox/executor/stdio.ts';
import { FileHost } from '../../fakes/file-host.ts';

const utf8 = new TextEncoder();
const text = new TextDecoder();

let disk: FileHost;
let filesystem: ReturnType<typeof makeImports>;
let data: Descriptor;
let out: Descriptor;

interface Preopens {
  getDirectories(): [Descriptor, string][];
}
interface Types {
  filesystemErrorCode(error: IoError): string | undefined;
}

beforeEach(() => {
  disk = new FileHost();
  disk.put('/data/a.txt', '0123456789');
  disk.put('/data/sub/b.txt', 'b');
  const host: GuestHost = {
    env: {},
    config: {},
    roots: ['/data'],
    writable: ['/out'],
    request: (request) => disk.serve(request),
    log: () => undefined,
  };
  filesystem = makeImports(host, loggedStdio(host));
  const opened = (filesystem.imports['wasi:filesystem/preopens'] as Preopens).getDirectories();
  expect(opened.map(([, path]) => path)).toEqual(['/data', '/out']);
  [data, out] = opened.map(([each]) => each) as [Descriptor, Descriptor];
});

const FOLLOW = { symlinkFollow: true };
const READ = { read: true };
const WRITE = { read: true, write: true };
const KEEP = { tag: 'no-change' } as const;

/** The error case a call answers. */
function error(work: () => unknown): unknown {
  try {
    work();
  } catch (thrown) {
    if (thrown instanceof ErrResult) return thrown.payload;
    throw thrown;
  }
  return undefined;
}

const open = (path: string, how: object = {}, flags: object = READ, at = data): Descriptor =>
  at.openAt(FOLLOW, path, how, flags);
const create = (path: string): Descriptor => open(path, { create: true }, WRITE, out);
const drop = (...things: Disposable[]): void => {
  for (const each of things) each[Symbol.dispose]();
};

describe('reading', () => {
  test('a small file is one request, whatever is read of it and however often', () => {
    const file = open('a.txt');
    disk.asked.length = 0;
    expect(file.read(4n, 2n)).toEqual([utf8.encode('2345'), false]);
    expect(file.read(100n, 8n)).toEqual([utf8.encode('89'), true]);
    expect(file.read(1n, 100n)).toEqual([new Uint8Array(0), true]);
    const stream = file.readViaStream(5n);
    expect(text.decode(stream.read(3n))).toBe('567');
    expect(text.decode(stream.blockingRead(1n << 60n))).toBe('89');
    expect(error(() => stream.read(1n))).toEqual({ tag: 'closed' });
    drop(stream, file);
    expect(disk.asked).toEqual([]);
  });

  test('a stream outlives the descriptor it came from', () => {
    disk.put('/data/large', new Uint8Array(600_000).fill(7));
    const file = open('large');
    const stream = file.readViaStream(0n);
    drop(file);
    let total = 0;
    for (;;) {
      let part: Uint8Array;
      try {
        part = stream.read(100_000n);
      } catch {
        break;
      }
      expect(part.every((byte) => byte === 7)).toBe(true);
      total += part.length;
    }
    expect(total).toBe(600_000);
    expect(disk.openHandles).toBe(1);
    drop(stream);
    expect(disk.openHandles).toBe(0);
  });

  test('directories list what the host shows', () => {
    const entries = data.readDirectory();
    const names = [];
    for (;;) {
      const entry = entries.readDirectoryEntry();
      if (entry === undefined) break;
      names.push([entry.name, entry.type]);
    }
    expect(names).toEqual([
      ['a.txt', 'regular-file'],
      ['sub', 'directory'],
    ]);
    const sub = open('sub/', { directory: true });
    expect(sub.getType()).toBe('directory');
    expect(text.decode(open('b.txt', {}, READ, sub).read(9n, 0n)[0])).toBe('b');
  });

  test('facts, and hashes that tell files apart', () => {
    expect(open('a.txt').stat()).toMatchObject({
      type: 'regular-file',
      size: 10n,
      linkCount: 1n,
      dataModificationTimestamp: { seconds: 1_700_000_000n, nanoseconds: 0 },
    });
    expect(data.statAt(FOLLOW, 'sub')).toMatchObject({ type: 'directory' });
    expect(open('a.txt').metadataHash()).toEqual(data.metadataHashAt(FOLLOW, './sub/../a.txt'));
    expect(data.metadataHash()).not.toEqual(data.metadataHashAt(FOLLOW, 'a.txt'));
    expect(open('a.txt').isSameObject(open('sub/../a.txt'))).toBe(true);
    expect(open('a.txt').isSameObject(open('sub/b.txt'))).toBe(false);
  });
});

describe('writing', () => {
  test('streams, positions, sizes and times arrive', () => {
    const file = create('new');
    expect(file.write(utf8.encode('hello world'), 0n)).toBe(11n);
    const stream = file.writeViaStream(6n);
    stream.blockingWriteAndFlush(utf8.encode('there'));
    const end = file.appendViaStream();
    end.write(utf8.encode('!'));
    expect(text.decode(file.read(99n, 0n)[0])).toBe('hello there!');
    file.setSize(5n);
    end.write(utf8.encode('.'));
    file.setTimes({ tag: 'timestamp', val: { seconds: 5n, nanoseconds: 6 } }, KEEP);
    drop(stream, end, file);
    expect(disk.text('/out/new')).toBe('hello.');
    expect(disk.files.get('/out/new')?.accessed).toBe(5_000_000_006n);
    expect(disk.openHandles).toBe(0);
  });

  test('what is left open is put in place at a good end, and only there', () => {
    const stream = create('left').writeViaStream(0n);
    stream.write(utf8.encode('kept'));
    expect(disk.count('file-write-at')).toBe(0);
    expect(disk.count('file-close')).toBe(0);
    filesystem.finish();
    expect(disk.text('/out/left')).toBe('kept');
    expect(disk.count('file-close')).toBe(1);
  });

  test('asked for integrity, each write is in place before it is answered', () => {
    const file = open('safe', { create: true }, { ...WRITE, fileIntegritySync: true }, out);
    file.write(utf8.encode('x'), 0n);
    expect(disk.count('file-sync')).toBe(1);
  });

  test('trees change', () => {
    out.createDirectoryAt('d');
    drop(create('d/one'));
    out.renameAt('d/one', out, 'two');
    expect(error(() => out.removeDirectoryAt('two'))).toBe('not-directory');
    expect(error(() => out.unlinkFileAt('d'))).toBe('is-directory');
    out.removeDirectoryAt('d/');
    out.unlinkFileAt('two');
    expect([...disk.files.keys()].filter((path) => path.startsWith('/out'))).toEqual([]);
  });
});

describe('what is refused', () => {
  test.each([
    ['/etc/passwd', 'not-permitted'],
    ['../data/a.txt', 'not-permitted'],
    ['sub/../../x', 'not-permitted'],
    ['none', 'no-entry'],
    ['a.txt/', 'not-directory'],
    ['a\0b', 'invalid'],
    ['', 'no-entry'],
  ])('a path %j: %s', (path, code) => {
    expect(error(() => open(path))).toBe(code);
    expect(error(() => data.statAt(FOLLOW, path))).toBe(code);
  });

  test('changes below what may only be read', () => {
    expect(error(() => open('a.txt', {}, WRITE))).toBe('not-permitted');
    expect(error(() => open('a.txt', { truncate: true }))).toBe('not-permitted');
    expect(error(() => open('new', { create: true }))).toBe('not-permitted');
    expect(error(() => data.createDirectoryAt('x'))).toBe('not-permitted');
    expect(error(() => data.unlinkFileAt('a.txt'))).toBe('not-permitted');
    expect(error(() => data.renameAt('a.txt', out, 'a.txt'))).toBe('not-permitted');
    expect(error(() => data.setTimesAt(FOLLOW, 'a.txt', KEEP, { tag: 'now' }))).toBe(
      'not-permitted',
    );
    expect(error(() => open('a.txt').setSize(0n))).toBe('bad-descriptor');
    expect(error(() => open('a.txt').write(utf8.encode('x'), 0n))).toBe('bad-descriptor');
    expect(disk.text('/data/a.txt')).toBe('0123456789');
    expect(data.getFlags()).toEqual({ read: true, mutateDirectory: false });
    expect(out.getFlags()).toEqual({ read: true, mutateDirectory: true });
  });

  test('links of any kind', () => {
    expect(error(() => out.symlinkAt('/etc/passwd', 'link'))).toBe('not-permitted');
    expect(error(() => out.linkAt(FOLLOW, 'none', out, 'link'))).toBe('no-entry');
    drop(create('file'));
    expect(error(() => out.linkAt(FOLLOW, 'file', out, 'link'))).toBe('not-permitted');
    expect(error(() => out.readlinkAt('file'))).toBe('invalid');
    expect(disk.asked.every(({ op }) => op !== 'file-rename')).toBe(true);
  });

  test('numbers no file has', () => {
    const file = create('n');
    const huge = (1n << 64n) - 1n;
    expect(error(() => file.write(utf8.encode('x'), huge))).toBe('invalid');
    expect(error(() => file.setSize(huge))).toBe('invalid');
    expect(error(() => file.readViaStream(huge))).toBe('invalid');
    const late = { tag: 'timestamp', val: { seconds: 0n, nanoseconds: 4e9 } } as const;
    expect(error(() => file.setTimes(late, KEEP))).toBe('invalid');
    expect(file.read(huge, 0n)).toEqual([new Uint8Array(0), true]);
  });

  test('a file method of a directory and the other way round', () => {
    expect(error(() => data.read(1n, 0n))).toBe('bad-descriptor');
    expect(error(() => open('a.txt').readDirectory())).toBe('not-directory');
    expect(error(() => open('a.txt').openAt(FOLLOW, 'x', {}, READ))).toBe('not-directory');
  });

  test('more open things than there is room for, until one is dropped', () => {
    const held: Descriptor[] = [];
    expect(
      error(() => {
        for (;;) held.push(open('a.txt'));
      }),
    ).toBe('insufficient-memory');
    expect(held.length).toBeLessThan(256);
    const [first] = held as [Descriptor];
    expect(error(() => first.readViaStream(0n))).toBe('insufficient-memory');
    drop(first, first);
    drop(open('a.txt'));
    const second = held[1] as Descriptor;
    drop(second.readViaStream(0n));
    expect(error(() => void open('a.txt'))).toBeUndefined();
    expect(error(() => open('a.txt'))).toBe('insufficient-memory');
  });

  test('a stream tells which file error it met', () => {
    const stream = create('full').writeViaStream(0n);
    disk.refuse.set('file-write-at', {
      ok: false,
      code: 'limit',
      message: 'the quota is used up',
      fault: 'no-space',
    });
    const told = error(() => stream.write(new Uint8Array(1_000_000))) as {
      readonly tag: string;
      readonly val: IoError;
    };
    expect(told.tag).toBe('last-operation-failed');
    expect(told.val.toDebugString()).toBe('the quota is used up');
    const types = filesystem.imports['wasi:filesystem/types'] as Types;
    expect(types.filesystemErrorCode(told.val)).toBe('insufficient-space');
    expect(types.filesystemErrorCode(new IoError('of another kind'))).toBeUndefined();
  });

  test('what a drop loses ends the call', () => {
    const file = create('lost');
    file.write(utf8.encode('x'), 0n);
    disk.refuse.set('file-close', { ok: false, code: 'failed', message: 'the disk is gone' });
    expect(() => drop(file)).toThrow('a file could not be put in place: the disk is gone');
  });
});
