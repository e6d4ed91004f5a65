// WASI preview 1 against a memory of the test's own: hostile pointers, paths and flags, and what C and
// Go programs expect of it.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { GuestHost } from '../../../src/run/sandbox/executor/engine.ts';
import {
  endGuest,
  guestExit,
  settleGuest,
  startGuest,
} from '../../../src/run/sandbox/executor/wasi/guest.ts';
import { KeptStdio } from '../../../src/run/sandbox/executor/stdio.ts';
import { WASI } from '../../../src/run/sandbox/executor/wasi/index.ts';
import { FileHost } from '../../fakes/file-host.ts';

const PAGE = 65_536;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

const BADF = 8;
const EXIST = 20;
const FAULT = 21;
const ILSEQ = 25;
const INVAL = 28;
const ISDIR = 31;
const MFILE = 33;
const NAMETOOLONG = 37;
const NOENT = 44;
const NOSPC = 51;
const NOTDIR = 54;
const NOTEMPTY = 55;
const NOTSOCK = 57;
const SPIPE = 70;
const NOTCAPABLE = 76;

let files: FileHost;
let asked: FileHost['asked'];
const logged: [string, string][] = [];

const host: GuestHost = {
  env: { LANG: 'C', EMPTY: '' },
  config: {},
  roots: ['/data'],
  writable: ['/out'],
  request: (request) => files.serve(request),
  log: (level, message) => void logged.push([level, message]),
};

let buffer: ArrayBuffer;
let bytes: Uint8Array;
let view: DataView;
let wasi: Record<string, (...values: (number | bigint)[]) => number>;

beforeEach(() => {
  files = new FileHost();
  ({ asked } = files);
  logged.length = 0;
  files.put('/data/a.txt', '0123456789');
  files.put('/data/sub/b.txt', 'b');
  buffer = new ArrayBuffer(PAGE);
  bytes = new Uint8Array(buffer);
  view = new DataView(buffer);
  startGuest(host);
  const instance = new WASI();
  instance.initialize({ exports: { memory: { buffer } } });
  wasi = instance.wasiImport as never;
});
afterEach(() => endGuest());

const call = (name: string, ...values: (number | bigint)[]): number =>
  wasi[name]?.(...values) ?? -1;

/** Puts a text at 1024 and gives its place. */
function text(value: string): [number, number] {
  const data = encoder.encode(value);
  bytes.set(data, 1024);
  return [1024, data.length];
}

const READ = 2n | 4n | 8n | 32n | 128n | (1n << 21n);
const OPEN = 1n << 13n;
const WRITE = READ | 64n | 256n | 16n | (1n << 22n) | (1n << 23n);
/** Opens below fd; gives [errno, fd]. */
function open(fd: number, path: string, flags = 0, rights = READ, fdFlags = 0): [number, number] {
  const errno = call('path_open', fd, 1, ...text(path), flags, rights, rights, fdFlags, 512);
  return [errno, view.getUint32(512, true)];
}

/** One iovec at 256 that covers `length` bytes at 4096. */
function vector(length: number, at = 4096): [number, number] {
  view.setUint32(256, at, true);
  view.setUint32(260, length, true);
  return [256, 1];
}

const pointers: [string, (bad: number) => (number | bigint)[]][] = [
  ['args_sizes_get', (bad) => [bad, 0]],
  ['args_get', (bad) => [0, bad]],
  ['environ_get', (bad) => [bad, 0]],
  ['environ_sizes_get', (bad) => [0, bad]],
  ['clock_time_get', (bad) => [0, 0n, bad]],
  ['clock_res_get', (bad) => [0, bad]],
  ['random_get', (bad) => [bad, 64]],
  ['fd_write', (bad) => [1, bad, 1, 0]],
  ['fd_read', (bad) => [0, 0, 1, bad]],
  ['fd_prestat_get', (bad) => [3, bad]],
  ['fd_prestat_dir_name', (bad) => [3, bad, 5]],
  ['fd_fdstat_get', (bad) => [3, bad]],
  ['fd_filestat_get', (bad) => [3, bad]],
  ['fd_readdir', (bad) => [3, bad, 100, 0n, 0]],
  ['path_open', (bad) => [3, 0, bad, 10, 0, 0n, 0n, 0, 0]],
  ['path_filestat_get', (bad) => [3, 0, bad, 10, 0]],
  ['poll_oneoff', (bad) => [bad, 0, 1, 0]],
  ['poll_oneoff', (bad) => [0, bad, 1, 0]],
];

describe('hostile pointers', () => {
  test.each(pointers)('%s checks its addresses', (name, values) => {
    for (const bad of [PAGE, PAGE - 1, 0x7fff_ffff, -1, -8]) {
      expect(call(name, ...values(bad))).toBe(FAULT);
    }
  });

  test('iovecs that point outside, are too many or too long', () => {
    expect(call('fd_write', 1, ...vector(16, PAGE - 8), 0)).toBe(FAULT);
    expect(call('fd_write', 1, ...vector(0xffff_ffff, 8), 0)).toBe(FAULT);
    expect(call('fd_write', 1, 0, 0xffff_ffff, 0)).toBe(INVAL);
    expect(call('random_get', 8, -1)).toBe(FAULT);
    expect(logged).toEqual([]);
    // Each fits, all of them together cannot be counted.
    for (let index = 0; index < 1024; index += 1) {
      view.setUint32(16_384 + index * 8, 0, true);
      view.setUint32(16_384 + index * 8 + 4, PAGE, true);
    }
    expect(call('fd_write', 1, 16_384, 1024, 0)).toBe(0);
    expect(view.getUint32(0, true)).toBe(1024 * PAGE);
  });

  test('iovecs of more than can be counted in 32 bits', () => {
    const large = new ArrayBuffer(PAGE * 1024);
    new WASI().initialize({ exports: { memory: { buffer: large } } });
    const all = new DataView(large);
    for (let index = 0; index < 64; index += 1) {
      all.setUint32(index * 8, 0, true);
      all.setUint32(index * 8 + 4, large.byteLength, true);
    }
    expect(call('fd_write', 1, 0, 64, 8192)).toBe(INVAL);
    expect(logged).toEqual([]);
  });

  test('memory that grew is seen anew', () => {
    const memory = { buffer };
    const instance = new WASI();
    instance.initialize({ exports: { memory } });
    const grown = new ArrayBuffer(2 * PAGE);
    memory.buffer = grown;
    expect(instance.wasiImport['random_get']?.(...([PAGE, 64] as never[]))).toBe(0);
    expect(new Uint8Array(grown, PAGE, 64).some((byte) => byte !== 0)).toBe(true);
  });
});

describe('paths', () => {
  test.each(['../etc/passwd', 'sub/../../etc', '/etc/passwd', '/data/a.txt', '..', './../x'])(
    '%s leads nowhere, and the host is not asked',
    (path) => {
      expect(open(3, path)[0]).toBe(NOTCAPABLE);
      expect(call('path_filestat_get', 3, 1, ...text(path), 2048)).toBe(NOTCAPABLE);
      expect(asked).toEqual([]);
    },
  );

  test('what stays below is found under its plain name', () => {
    for (const path of ['a.txt', './a.txt', 'sub/../a.txt', 'sub//..//./a.txt']) {
      expect(open(3, path)[0]).toBe(0);
    }
    const named = asked.map((request) => ('path' in request ? request.path : ''));
    // A directory that `..` leads out of has to be one.
    expect(new Set(named)).toEqual(new Set(['/data/a.txt', '/data/sub']));
  });

  test('a name with NUL, not UTF-8, or absent', () => {
    expect(open(3, 'a.txt\0.png')[0]).toBe(INVAL);
    bytes.set([0xff, 0xfe], 1024);
    expect(call('path_open', 3, 0, 1024, 2, 0, READ, READ, 0, 512)).toBe(ILSEQ);
    expect(open(3, 'nothing')[0]).toBe(NOENT);
  });

  test('only directories are a place to open from', () => {
    const [, file] = open(3, 'a.txt');
    expect(open(file, 'x')[0]).not.toBe(0);
    expect(open(1, 'x')[0]).not.toBe(0);
    expect(open(99, 'x')[0]).toBe(BADF);
  });

  test('what is too long, empty, or leads through a file', () => {
    expect(open(3, 'x/'.repeat(2100))[0]).toBe(NAMETOOLONG);
    expect(open(3, 'n'.repeat(256))[0]).toBe(NAMETOOLONG);
    expect(open(3, '')[0]).toBe(NOENT);
    expect(open(3, 'a.txt/../a.txt')[0]).toBe(NOTDIR);
    expect(open(3, 'nowhere/../a.txt')[0]).toBe(NOENT);
    for (const path of ['a.txt/', 'a.txt///', 'a.txt/.']) expect(open(3, path)[0]).toBe(NOTDIR);
    for (const path of ['sub/', 'sub///', 'sub/.', '.']) expect(open(3, path)[0]).toBe(0);
  });

  test('a directory below is a wall of its own', () => {
    const [, sub] = open(3, 'sub', 2, READ | OPEN);
    expect(open(sub, 'b.txt')[0]).toBe(0);
    expect(open(sub, '../a.txt')[0]).toBe(NOTCAPABLE);
    expect(open(sub, 'x/../../a.txt')[0]).toBe(NOTCAPABLE);
  });

  test.each(['path_create_directory', 'path_unlink_file', 'path_remove_directory'])(
    '%s is refused where only reading is granted',
    (name) => {
      expect(call(name, 3, ...text('a.txt'))).toBe(NOTCAPABLE);
      expect(asked).toEqual([]);
    },
  );

  test('no link is made, whatever stands there', () => {
    files.put('/out/file', 'x');
    files.directories.add('/out/directory');
    const link = (name: string): number => {
      bytes.set(encoder.encode('/etc/passwd'), 2000);
      return call('path_symlink', 2000, 11, 4, ...text(name));
    };
    expect(link('new')).toBe(NOTCAPABLE);
    expect(link('new/')).toBe(NOENT);
    expect(link('file')).toBe(EXIST);
    expect(link('file/')).toBe(NOTDIR);
    expect(link('directory/')).toBe(EXIST);
    bytes.set(encoder.encode('file'), 2000);
    expect(call('path_link', 4, 0, 2000, 4, 4, ...text('new'))).toBe(NOTCAPABLE);
    expect(call('path_link', 4, 0, 2000, 4, 4, ...text('file'))).toBe(EXIST);
    expect(call('path_readlink', 4, ...text('file'), 3000, 100, 300)).toBe(INVAL);
    expect(call('path_readlink', 4, ...text('none'), 3000, 100, 300)).toBe(NOENT);
    expect(asked.every(({ op }) => op === 'file-stat')).toBe(true);
  });

  test.each(['sock_accept', 'sock_recv', 'sock_send', 'sock_shutdown'])(
    '%s has no socket',
    (name) => {
      expect(call(name, 1, 0, 0)).toBe(NOTSOCK);
      expect(call(name, 77, 0, 0)).toBe(BADF);
    },
  );
});

describe('files', () => {
  test('preopened directories are told, in order', () => {
    const names: string[] = [];
    for (let fd = 3; call('fd_prestat_get', fd, 64) === 0; fd += 1) {
      const length = view.getUint32(68, true);
      expect(call('fd_prestat_dir_name', fd, 128, length)).toBe(0);
      names.push(decoder.decode(bytes.subarray(128, 128 + length)));
    }
    expect(names).toEqual(['/data', '/out']);
    const [, opened] = open(3, 'sub');
    expect(call('fd_prestat_get', opened, 64)).toBe(BADF);
  });

  test('read, seek, tell, pread', () => {
    const [, fd] = open(3, 'a.txt');
    const read = (length: number): string => {
      expect(call('fd_read', fd, ...vector(length), 300)).toBe(0);
      return decoder.decode(bytes.subarray(4096, 4096 + view.getUint32(300, true)));
    };
    expect(read(4)).toBe('0123');
    expect(read(100)).toBe('456789');
    expect(read(100)).toBe('');
    expect(call('fd_seek', fd, -2n, 2, 304)).toBe(0);
    expect(view.getBigUint64(304, true)).toBe(8n);
    expect(read(100)).toBe('89');
    expect(call('fd_pread', fd, ...vector(3), 1n, 300)).toBe(0);
    expect(decoder.decode(bytes.subarray(4096, 4099))).toBe('123');
    expect(call('fd_tell', fd, 304)).toBe(0);
    expect(view.getBigUint64(304, true)).toBe(10n);
    for (const [delta, whence] of [
      [-11n, 1],
      [-1n, 0],
      [2n ** 62n, 0],
      [0n, 7],
    ] as const) {
      expect(call('fd_seek', fd, delta, whence, 304)).toBe(INVAL);
    }
    expect(call('fd_close', fd)).toBe(0);
    expect(call('fd_read', fd, ...vector(1), 300)).toBe(BADF);
    // All of it came with the answer to the open, and nothing was left to close.
    expect(asked.map(({ op }) => op)).toEqual(['file-open']);
  });

  test('directories are listed through cookies, also into a small buffer', () => {
    for (let index = 0; index < 20; index += 1) files.put(`/data/f${index}`, '');
    const names: string[] = [];
    let cookie = 0n;
    for (;;) {
      expect(call('fd_readdir', 3, 8192, 100, cookie, 300)).toBe(0);
      const used = view.getUint32(300, true);
      let at = 0;
      while (at + 24 <= used) {
        const length = view.getUint32(8192 + at + 16, true);
        if (at + 24 + length > used) break;
        names.push(decoder.decode(bytes.subarray(8192 + at + 24, 8192 + at + 24 + length)));
        cookie = view.getBigUint64(8192 + at, true);
        at += 24 + length;
      }
      if (used < 100) break;
    }
    const made = Array.from({ length: 20 }, (_, n) => `f${n}`);
    expect(names).toEqual(['.', '..', 'a.txt', ...made, 'sub']);
    expect(asked.filter(({ op }) => op === 'file-list')).toHaveLength(1);
  });

  test('what is written reaches the host whole, when it is closed', () => {
    const [errno, fd] = open(4, 'new.txt', 1 | 8, WRITE);
    expect(errno).toBe(0);
    const put = (value: string): void => {
      const data = encoder.encode(value);
      bytes.set(data, 4096);
      expect(call('fd_write', fd, ...vector(data.length), 300)).toBe(0);
    };
    put('hello ');
    put('world');
    expect(call('fd_seek', fd, 0n, 0, 304)).toBe(0);
    put('J');
    expect(files.count('file-write-at')).toBe(1);
    expect(call('fd_close', fd)).toBe(0);
    expect(asked.map(({ op }) => op)).toEqual([
      'file-open',
      'file-write-at',
      'file-write-at',
      'file-close',
    ]);
    expect(files.text('/out/new.txt')).toBe('Jello world');
    const [, again] = open(4, 'new.txt', 0, WRITE, 1);
    bytes.set(encoder.encode('!'), 4096);
    expect(call('fd_write', again, ...vector(1), 300)).toBe(0);
    expect(call('fd_sync', again)).toBe(0);
    expect(files.text('/out/new.txt')).toBe('Jello world!');
  });

  test('writing where only reading is granted is refused before the host is asked', () => {
    for (const flags of [0, 1, 8, 9]) expect(open(3, 'a.txt', flags, WRITE)[0]).toBe(NOTCAPABLE);
    expect(asked).toEqual([]);
    expect(open(3, 'fresh', 1, READ)[0]).toBe(NOTCAPABLE);
    expect(open(3, 'a.txt', 1, READ)[0]).toBe(0);
    expect(open(3, 'sub/b.txt', 5, READ)[0]).toBe(NOTCAPABLE);
    expect(files.files.has('/data/fresh')).toBe(false);
    const [, fd] = open(3, 'a.txt', 0, READ | (1n << 22n) | (1n << 8n) | (1n << 23n));
    expect(call('fd_write', fd, ...vector(1), 300)).toBe(NOTCAPABLE);
    expect(call('fd_filestat_set_size', fd, 0n)).toBe(NOTCAPABLE);
    expect(call('fd_allocate', fd, 0n, 100n)).toBe(NOTCAPABLE);
    expect(call('fd_filestat_set_times', fd, 0n, 0n, 10)).toBe(NOTCAPABLE);
    expect(files.text('/data/a.txt')).toBe('0123456789');
  });

  test('a directory is no file', () => {
    expect(call('fd_read', 3, ...vector(1), 300)).toBe(ISDIR);
    expect(call('fd_seek', 3, 0n, 0, 304)).toBe(ISDIR);
  });

  test('descriptors are bounded', () => {
    let last: [number, number] = [0, 0];
    for (let index = 0; index < 400 && last[0] === 0; index += 1) last = open(3, 'a.txt');
    expect(last[0]).toBe(MFILE);
  });

  const put = (fd: number, value: string): number => {
    const data = encoder.encode(value);
    bytes.set(data, 4096);
    return call('fd_write', fd, ...vector(data.length), 300);
  };
  const get = (fd: number, length = 100): string => {
    expect(call('fd_read', fd, ...vector(length), 300)).toBe(0);
    return decoder.decode(bytes.subarray(4096, 4096 + view.getUint32(300, true)));
  };
  const seek = (fd: number, offset: bigint, whence = 0): number =>
    call('fd_seek', fd, offset, whence, 304);

  test('small writes one after the other are one request', () => {
    const [, fd] = open(4, 'log', 1, WRITE);
    for (let line = 0; line < 500; line += 1) expect(put(fd, `line ${line}\n`)).toBe(0);
    expect(call('fd_close', fd)).toBe(0);
    expect(asked.map(({ op }) => op)).toEqual(['file-open', 'file-write-at', 'file-close']);
    expect(files.text('/out/log')?.split('\n')).toHaveLength(501);
  });

  test('what one descriptor writes another reads, however the file was opened', () => {
    files.put('/out/shared', '0123456789');
    const [, reader] = open(4, 'shared');
    expect(get(reader, 4)).toBe('0123');
    const [, writer] = open(4, 'shared', 0, WRITE);
    expect(seek(writer, 5n)).toBe(0);
    expect(put(writer, 'abc')).toBe(0);
    expect(get(reader)).toBe('4abc89');
    expect(seek(writer, 0n, 2)).toBe(0);
    expect(put(writer, '!!')).toBe(0);
    expect(get(reader)).toBe('!!');
    expect(call('fd_filestat_set_size', writer, 3n)).toBe(0);
    expect(seek(reader, 0n)).toBe(0);
    expect(get(reader)).toBe('012');
    expect(call('fd_close', writer)).toBe(0);
    expect(call('fd_close', reader)).toBe(0);
    expect(files.openHandles).toBe(0);
  });

  test('reading after writing in the same place, in a hole and past the end', () => {
    const [, fd] = open(4, 'mixed', 1, WRITE);
    expect(put(fd, 'aaaaaaaaaa')).toBe(0);
    expect(seek(fd, 20n)).toBe(0);
    expect(put(fd, 'z')).toBe(0);
    expect(seek(fd, 8n)).toBe(0);
    expect(get(fd)).toBe(`aa${'\0'.repeat(10)}z`);
    expect(seek(fd, 4n)).toBe(0);
    expect(put(fd, 'BB')).toBe(0);
    expect(seek(fd, 0n)).toBe(0);
    expect(get(fd, 8)).toBe('aaaaBBaa');
  });

  test('appending goes to the end, whatever the position', () => {
    files.put('/out/log', 'one\n');
    const [, fd] = open(4, 'log', 0, WRITE, 1);
    expect(put(fd, 'two\n')).toBe(0);
    expect(seek(fd, 0n)).toBe(0);
    expect(put(fd, 'three\n')).toBe(0);
    expect(call('fd_tell', fd, 304)).toBe(0);
    expect(view.getBigUint64(304, true)).toBe(14n);
    expect(call('fd_fdstat_set_flags', fd, 0)).toBe(0);
    expect(seek(fd, 0n)).toBe(0);
    expect(put(fd, 'ONE')).toBe(0);
    expect(call('fd_close', fd)).toBe(0);
    expect(files.text('/out/log')).toBe('ONE\ntwo\nthree\n');
  });

  test('a write the host refuses is told, at the latest when the file is closed', () => {
    const [, fd] = open(4, 'full', 1, WRITE);
    files.refuse.set('file-write-at', {
      ok: false,
      code: 'limit',
      message: 'no room',
      fault: 'no-space',
    });
    expect(put(fd, 'x')).toBe(0);
    expect(call('fd_close', fd)).toBe(NOSPC);
    expect(files.openHandles).toBe(0);
  });

  test('what a guest leaves open when it ends well is put in place; a loss fails the call', () => {
    const [, fd] = open(4, 'kept', 1, WRITE);
    expect(put(fd, 'kept')).toBe(0);
    settleGuest();
    expect(files.text('/out/kept')).toBe('kept');
    expect(files.openHandles).toBe(0);
    startGuest(host);
    new WASI().initialize({ exports: { memory: { buffer } } });
    const [, lost] = open(4, 'lost', 1, WRITE);
    files.refuse.set('file-write-at', { ok: false, code: 'failed', message: 'the disk is gone' });
    expect(put(lost, 'x')).toBe(0);
    expect(() => settleGuest()).toThrow('could not be written: the disk is gone');
  });

  test('large files are read in few requests, and no byte is lost or moved', () => {
    const size = 700_000;
    const data = Uint8Array.from({ length: size }, (_, at) => (at * 31 + (at >> 8)) & 0xff);
    files.put('/data/large', data);
    const [, fd] = open(3, 'large');
    const got: number[] = [];
    for (;;) {
      expect(call('fd_read', fd, ...vector(4000), 300)).toBe(0);
      const count = view.getUint32(300, true);
      if (count === 0) break;
      got.push(...bytes.subarray(4096, 4096 + count));
    }
    expect(got.length).toBe(size);
    expect(Buffer.compare(Uint8Array.from(got), data)).toBe(0);
    expect(asked.length).toBeLessThan(6);
    expect(call('fd_pread', fd, ...vector(10), 123_456n, 300)).toBe(0);
    expect([...bytes.subarray(4096, 4106)]).toEqual([...data.subarray(123_456, 123_466)]);
    expect(asked.at(-1)).toMatchObject({ op: 'file-read-at', length: 16_384 });
  });

  test('directories are made, renamed and removed; what is open below follows', () => {
    expect(call('path_create_directory', 4, ...text('one'))).toBe(0);
    expect(call('path_create_directory', 4, ...text('one'))).toBe(EXIST);
    const [, directory] = open(4, 'one', 2, OPEN | (1n << 10n));
    const rename = (from: string, to: string): number => {
      bytes.set(encoder.encode(from), 2000);
      return call('path_rename', 4, 2000, from.length, 4, ...text(to));
    };
    const [, file] = open(4, 'one/f', 1, WRITE);
    expect(rename('one', 'two')).toBe(0);
    expect(put(file, 'f')).toBe(0);
    expect(open(directory, 'g', 1)[0]).toBe(0);
    expect(open(4, 'two/f')[0]).toBe(0);
    expect(call('fd_filestat_get', file, 2048)).toBe(0);
    expect([...files.files.keys()]).toContain('/out/two/g');
    expect(call('path_remove_directory', 4, ...text('two'))).toBe(NOTEMPTY);
    expect(call('path_unlink_file', 4, ...text('two'))).toBe(ISDIR);
    expect(call('path_unlink_file', 4, ...text('two/f/'))).toBe(NOTDIR);
    expect(call('path_unlink_file', 4, ...text('two/f'))).toBe(0);
    expect(call('path_unlink_file', 4, ...text('two/g'))).toBe(0);
    expect(rename('two', 'two/three')).toBe(INVAL);
    expect(call('path_remove_directory', 4, ...text('two/'))).toBe(0);
    expect(call('path_remove_directory', 4, ...text('.'))).toBe(INVAL);
  });

  test('a file whose name is gone goes on for who has it open', () => {
    const [, fd] = open(4, 'gone', 1, WRITE);
    expect(put(fd, 'abc')).toBe(0);
    expect(call('path_unlink_file', 4, ...text('gone'))).toBe(0);
    expect(seek(fd, 0n)).toBe(0);
    expect(get(fd)).toBe('abc');
    expect(call('fd_filestat_set_times', fd, 0n, 0n, 10)).toBe(NOENT);
    expect(open(4, 'gone')[0]).toBe(NOENT);
    expect(call('fd_close', fd)).toBe(0);
  });

  test('times are set and told to the nanosecond', () => {
    files.put('/out/timed', 'x');
    const [, fd] = open(4, 'timed', 0, WRITE);
    expect(call('fd_filestat_set_times', fd, 5n, 1_700_000_000_123_456_789n, 4)).toBe(0);
    expect(call('fd_filestat_get', fd, 2048)).toBe(0);
    expect(view.getBigUint64(2048 + 48, true)).toBe(1_700_000_000_123_456_789n);
    expect(view.getBigUint64(2048 + 40, true)).toBe(1_700_000_000_000_000_000n);
    for (const flags of [3, 12, 16]) {
      expect(call('fd_filestat_set_times', fd, 1n, 1n, flags)).toBe(INVAL);
      expect(call('path_filestat_set_times', 4, 0, ...text('timed'), 1n, 1n, flags)).toBe(INVAL);
    }
    expect(call('path_filestat_set_times', 4, 0, ...text('timed/'), 1n, 1n, 5)).toBe(NOTDIR);
    expect(call('path_filestat_set_times', 4, 0, ...text('timed'), 1n, 2n, 5)).toBe(0);
    expect(call('fd_filestat_get', fd, 2048)).toBe(0);
    expect(view.getBigUint64(2048 + 48, true)).toBe(2n);
  });

  test('rights are what was asked and is there; they are given up for good', () => {
    const rights = (fd: number): bigint => {
      expect(call('fd_fdstat_get', fd, 2048)).toBe(0);
      return view.getBigUint64(2048 + 8, true);
    };
    const [, fd] = open(4, 'rights', 1, WRITE);
    expect(rights(fd)).toBe(WRITE);
    expect(call('fd_fdstat_set_rights', fd, READ, 0n)).toBe(0);
    expect(put(fd, 'x')).toBe(NOTCAPABLE);
    expect(call('fd_fdstat_set_rights', fd, WRITE, 0n)).toBe(NOTCAPABLE);
    const [, reader] = open(3, 'a.txt', 0, 0xffff_ffff_ffff_ffbfn);
    expect(rights(reader) & (64n | 256n | (1n << 22n) | (1n << 23n))).toBe(0n);
    const [, silent] = open(4, 'rights', 0, 64n);
    expect(call('fd_read', silent, ...vector(1), 300)).toBe(NOTCAPABLE);
    expect(rights(3) & (1n << 9n)).toBe(0n);
    expect(rights(4) & (1n << 9n)).toBe(1n << 9n);
    expect(open(4, '.', 2, WRITE)[0]).toBe(ISDIR);
    expect(call('fd_seek', 1, 0n, 0, 304)).toBe(SPIPE);
  });

  test('a descriptor takes the number of another', () => {
    const [, one] = open(4, 'one', 1, WRITE);
    const [, two] = open(4, 'two', 1, WRITE);
    expect(put(two, 'two')).toBe(0);
    expect(call('fd_renumber', one, two)).toBe(0);
    expect(files.text('/out/two')).toBe('two');
    expect(call('fd_close', one)).toBe(BADF);
    expect(call('fd_renumber', two, one)).toBe(BADF);
    expect(put(two, 'one')).toBe(0);
    expect(call('fd_renumber', two, 1)).toBe(0);
    expect(put(1, '!')).toBe(0);
    expect(call('fd_close', 1)).toBe(0);
    expect(files.text('/out/one')).toBe('one!');
  });

  test('allocating makes a file longer, never shorter', () => {
    const [, fd] = open(4, 'sized', 1, WRITE);
    expect(call('fd_allocate', fd, 10n, 10n)).toBe(0);
    expect(call('fd_allocate', fd, 0n, 5n)).toBe(0);
    expect(call('fd_allocate', fd, 0n, 0n)).toBe(INVAL);
    expect(call('fd_allocate', fd, -1n, 5n)).toBe(INVAL);
    expect(files.files.get('/out/sized')?.data.length).toBe(20);
    expect(call('fd_advise', fd, 0n, 5n, 0)).toBe(0);
    expect(call('fd_advise', fd, 0n, 5n, 9)).toBe(INVAL);
  });
});

describe('the process', () => {
  test('the environment is the granted one', () => {
    expect(call('environ_sizes_get', 0, 4)).toBe(0);
    expect([view.getUint32(0, true), view.getUint32(4, true)]).toEqual([2, 14]);
    expect(call('environ_get', 64, 128)).toBe(0);
    expect(decoder.decode(bytes.subarray(128, 142))).toBe('LANG=C\0EMPTY=\0');
    expect(view.getUint32(68, true)).toBe(135);
  });

  test('stdout and stderr become log lines; stdin is at its end', () => {
    const put = (fd: number, value: string): void => {
      const data = encoder.encode(value);
      bytes.set(data, 4096);
      expect(call('fd_write', fd, ...vector(data.length), 300)).toBe(0);
    };
    put(1, 'one\ntw');
    put(2, 'oops\n');
    put(1, 'o\nrest');
    expect(logged).toEqual([
      ['info', 'one'],
      ['warn', 'oops'],
      ['info', 'two'],
    ]);
    endGuest();
    expect(logged.at(-1)).toEqual(['info', 'rest']);
    startGuest(host);
    new WASI().initialize({ exports: { memory: { buffer } } });
    expect(call('fd_read', 0, ...vector(10), 300)).toBe(0);
    expect(view.getUint32(300, true)).toBe(0);
  });

  test('exit and raise throw through the guest and are remembered', () => {
    expect(() => call('proc_exit', 3)).toThrow('exited with code 3');
    expect(() => call('proc_raise', 9)).toThrow('exited with code 3');
    expect(guestExit()?.message).toContain('exited with code 3');
  });

  test('clocks', () => {
    expect(call('clock_time_get', 0, 0n, 0)).toBe(0);
    const now = Number(view.getBigUint64(0, true) / 1_000_000n);
    expect(Math.abs(now - Date.now())).toBeLessThan(60_000);
    expect(call('clock_time_get', 9, 0n, 0)).toBe(INVAL);
    expect(call('clock_res_get', 9, 0)).toBe(INVAL);
    for (const clock of [1, 2, 3]) {
      expect(call('clock_time_get', clock, 0n, 0)).toBe(0);
      // They begin with the guest: nothing of the process or of other calls shows.
      expect(view.getBigUint64(0, true)).toBeLessThan(60_000_000_000n);
    }
  });

  test('coarse clocks move in steps of ten milliseconds', () => {
    startGuest({ ...host, config: { 'warder.clock': 'coarse' } });
    new WASI().initialize({ exports: { memory: { buffer } } });
    for (const clock of [0, 1, 2, 3]) {
      expect(call('clock_time_get', clock, 0n, 0)).toBe(0);
      expect(view.getBigUint64(0, true) % 10_000_000n).toBe(0n);
      expect(call('clock_res_get', clock, 0)).toBe(0);
      expect(view.getBigUint64(0, true)).toBe(10_000_000n);
    }
  });

  test('arguments and input are those of the command, and the streams are kept', () => {
    const stdio = new KeptStdio({ ...host, outputBytes: 10 }, '{"args":["-n","ü"],"stdin":"abc"}');
    startGuest(host, stdio);
    new WASI().initialize({ exports: { memory: { buffer } } });
    expect(call('args_sizes_get', 0, 4)).toBe(0);
    expect([view.getUint32(0, true), view.getUint32(4, true)]).toEqual([3, 11]);
    expect(call('args_get', 64, 128)).toBe(0);
    expect(decoder.decode(bytes.subarray(128, 139))).toBe('tool\0-n\0ü\0');
    expect(call('fd_read', 0, ...vector(2), 300)).toBe(0);
    expect(call('fd_read', 0, ...vector(2, 4098), 300)).toBe(0);
    expect(view.getUint32(300, true)).toBe(1);
    expect(decoder.decode(bytes.subarray(4096, 4099))).toBe('abc');
    expect(call('fd_write', 1, ...vector(3), 300)).toBe(0);
    expect(stdio.answer(3)).toEqual({
      content: [{ type: 'text', text: 'abc' }],
      structuredContent: { exitCode: 3, stdout: 'abc', stderr: '' },
      isError: true,
    });
    expect(() => call('fd_write', 2, ...vector(8), 300)).toThrow('printed more than 10 bytes');
    expect(guestExit()?.name).toBe('GuestOutputTooLarge');
    expect(() => new KeptStdio(host, '{"args":["a\\u0000b"]}')).toThrow('NUL');
  });

  test('poll: descriptors are ready at once, the nearest timer is waited for', () => {
    const clock = (index: number, userdata: bigint, nanoseconds: bigint): void => {
      const at = index * 48;
      bytes.fill(0, at, at + 48);
      view.setBigUint64(at, userdata, true);
      view.setUint32(at + 16, 1, true);
      view.setBigUint64(at + 24, nanoseconds, true);
    };
    clock(0, 7n, 3_600_000_000_000n);
    clock(1, 8n, 2_000_000n);
    expect(call('poll_oneoff', 0, 2048, 2, 300)).toBe(0);
    expect(view.getUint32(300, true)).toBe(1);
    expect(view.getBigUint64(2048, true)).toBe(8n);
    clock(1, 9n, 0n);
    bytes[48 + 8] = 1;
    expect(call('poll_oneoff', 0, 2048, 2, 300)).toBe(0);
    expect(view.getBigUint64(2048, true)).toBe(9n);
    expect(call('poll_oneoff', 0, 2048, 0, 300)).toBe(INVAL);
    expect(call('poll_oneoff', 0, 2048, 0x1000_0000, 300)).not.toBe(0);
  });
});
