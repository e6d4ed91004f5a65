// WASI preview 1 against a memory of the test's own: hostile pointers, paths and flags, and what C and
// Go programs expect of it.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { GuestHost } from '../../../src/run/sandbox/executor/engine.ts';
import { endGuest, guestExit, startGuest } from '../../../src/run/sandbox/executor/wasi/guest.ts';
import { WASI } from '../../../src/run/sandbox/executor/wasi/index.ts';
import type { HostReply, HostRequest } from '../../../src/run/sandbox/host-calls.ts';

const PAGE = 65_536;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

const BADF = 8;
const FAULT = 21;
const INVAL = 28;
const ISDIR = 31;
const NOENT = 44;
const NOSYS = 52;
const NOTCAPABLE = 76;

/** A tree in memory, as the daemon would serve it. */
const files = new Map<string, Uint8Array>();
const logged: [string, string][] = [];
const asked: HostRequest[] = [];

function serve(request: HostRequest): HostReply {
  asked.push(request);
  switch (request.op) {
    case 'file-stat': {
      const data = files.get(request.path);
      if (data !== undefined) {
        return { ok: true, value: { kind: 'file', size: data.length, modified: 1000 } };
      }
      const directory = [...files.keys()].some((path) => path.startsWith(`${request.path}/`));
      if (!directory) return { ok: false, code: 'not-found', message: 'no such file' };
      return { ok: true, value: { kind: 'directory', size: 0, modified: 1000 } };
    }
    case 'file-list': {
      const below = [...files.keys()].filter((path) => path.startsWith(`${request.path}/`));
      const names = below.map((path) => path.slice(request.path.length + 1).split('/'));
      const entries = names.map(([name = '', ...rest]) => ({
        name,
        kind: rest.length > 0 ? ('directory' as const) : ('file' as const),
      }));
      return { ok: true, value: { entries } };
    }
    case 'file-read': {
      const data = files.get(request.path) ?? new Uint8Array(0);
      const bytes = data.slice(request.offset, request.offset + request.length);
      return { ok: true, value: {}, bytes };
    }
    case 'file-write':
      files.set(request.path, request.data.slice());
      return { ok: true, value: {} };
    default:
      return { ok: false, code: 'denied', message: 'not granted' };
  }
}

const host: GuestHost = {
  env: { LANG: 'C', EMPTY: '' },
  config: {},
  roots: ['/data'],
  writable: ['/out'],
  request: serve,
  log: (level, message) => void logged.push([level, message]),
};

let buffer: ArrayBuffer;
let bytes: Uint8Array;
let view: DataView;
let wasi: Record<string, (...values: (number | bigint)[]) => number>;

beforeEach(() => {
  files.clear();
  logged.length = 0;
  asked.length = 0;
  files.set('/data/a.txt', encoder.encode('0123456789'));
  files.set('/data/sub/b.txt', encoder.encode('b'));
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

const READ = 2n;
const WRITE = 66n;
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
    expect(new Set(named)).toEqual(new Set(['/data/a.txt']));
  });

  test('a name with NUL, not UTF-8, or absent', () => {
    expect(open(3, 'a.txt\0.png')[0]).toBe(INVAL);
    bytes.set([0xff, 0xfe], 1024);
    expect(call('path_open', 3, 0, 1024, 2, 0, READ, READ, 0, 512)).toBe(INVAL);
    expect(open(3, 'nothing')[0]).toBe(NOENT);
  });

  test('only directories are a place to open from', () => {
    const [, file] = open(3, 'a.txt');
    expect(open(file, 'x')[0]).not.toBe(0);
    expect(open(1, 'x')[0]).not.toBe(0);
    expect(open(99, 'x')[0]).toBe(BADF);
  });

  test.each(['path_create_directory', 'path_unlink_file', 'path_remove_directory'])(
    '%s is refused',
    (name) => expect(call(name, 3, ...text('x'))).toBe(NOTCAPABLE),
  );

  test.each(['path_rename', 'path_link', 'path_symlink', 'path_readlink'])(
    '%s is refused',
    (name) => expect(call(name, 3, 0, 0, 0, 0, 0, 0)).toBe(NOTCAPABLE),
  );

  test.each(['sock_accept', 'sock_recv', 'sock_send', 'sock_shutdown'])('%s is not there', (name) =>
    expect(call(name, 3, 0, 0)).toBe(NOSYS),
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
    // Ten bytes were fetched once.
    expect(asked.filter(({ op }) => op === 'file-read')).toHaveLength(1);
  });

  test('directories are listed through cookies, also into a small buffer', () => {
    for (let index = 0; index < 20; index += 1) files.set(`/data/f${index}`, new Uint8Array(0));
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
    expect(names).toEqual(['a.txt', 'sub', ...Array.from({ length: 20 }, (_, n) => `f${n}`)]);
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
    expect(files.has('/out/new.txt')).toBe(false);
    expect(call('fd_close', fd)).toBe(0);
    expect(decoder.decode(files.get('/out/new.txt'))).toBe('Jello world');
    const [, again] = open(4, 'new.txt', 0, WRITE, 1);
    bytes.set(encoder.encode('!'), 4096);
    expect(call('fd_write', again, ...vector(1), 300)).toBe(0);
    expect(call('fd_sync', again)).toBe(0);
    expect(decoder.decode(files.get('/out/new.txt'))).toBe('Jello world!');
  });

  test('writing where only reading is granted is refused before the host is asked', () => {
    for (const flags of [0, 1, 8, 9]) expect(open(3, 'a.txt', flags, WRITE)[0]).toBe(NOTCAPABLE);
    expect(open(3, 'fresh', 1, READ)[0]).toBe(NOTCAPABLE);
    expect(asked).toEqual([]);
    const [, fd] = open(3, 'a.txt');
    expect(call('fd_write', fd, ...vector(1), 300)).toBe(BADF);
    expect(call('fd_filestat_set_size', fd, 0n)).toBe(BADF);
  });

  test('a directory is no file', () => {
    expect(call('fd_read', 3, ...vector(1), 300)).toBe(ISDIR);
    expect(call('fd_seek', 3, 0n, 0, 304)).toBe(ISDIR);
  });

  test('descriptors are bounded', () => {
    let last: [number, number] = [0, 0];
    for (let index = 0; index < 400 && last[0] === 0; index += 1) last = open(3, 'a.txt');
    expect(last[0]).toBe(NOTCAPABLE);
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
