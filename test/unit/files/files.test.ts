import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Permit } from '../../../src/decide/policy/permit.ts';
import { filesLimits } from '../../../src/reach/files/broker/call-files.ts';
import { temporaryName } from '../../../src/reach/files/broker/temporary-name.ts';
import { defaultLimits } from '../../../src/catalog/grant.ts';
import { testFiles } from '../../support/files.ts';
import { fileTree, permitFor } from '../../support/file-tree.ts';
import { reachPermit } from '../../support/reach-permit.ts';

const files = await testFiles();
afterAll(() => files.close());
const utf8 = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString();

async function read(permit: Permit, path: string, offset = 0, length = 1 << 20) {
  const { reply } = await files.read(permit, path, offset, length);
  return reply.ok ? utf8(reply.bytes) : reply.code;
}

describe('reading', () => {
  it('gives the bytes asked for, fewer only at the end', async () => {
    using tree = fileTree();
    mkdirSync(join(tree.root, 'a/b'), { recursive: true });
    const long = '0123456789'.repeat(30_000);
    writeFileSync(join(tree.root, 'a/b/long'), long);
    const permit = permitFor(tree.root);
    expect(await read(permit, '/data/a/b/long')).toBe(long);
    expect(await read(permit, '/data/a/b/long', 299_990, 100)).toBe('0123456789');
    expect(await read(permit, '/data/a/b/long', 5, 3)).toBe('567');
    expect(await read(permit, '/data/a/b/long', 300_000, 3)).toBe('');
    expect(await read(permit, '/data/a/b/long', Number.MAX_SAFE_INTEGER, 3)).toBe('');
    const { effect } = await files.read(permit, '/data/a/b/long', 0, 7);
    expect(effect).toEqual({
      kind: 'file-read',
      state: 'answered',
      count: 1,
      target: '/data/a/b/long',
      bytes: 7,
    });
  });

  it.each([
    [-1, 1, 'invalid'],
    [0.5, 1, 'invalid'],
    [Number.NaN, 1, 'invalid'],
    [2 ** 53, 1, 'invalid'],
    [0, -1, 'invalid'],
    [0, (1 << 20) + 1, 'limit'],
  ])('from %d for %d is refused as %s', async (offset, length, code) => {
    using tree = fileTree();
    writeFileSync(join(tree.root, 'f'), 'x');
    expect(await read(permitFor(tree.root), '/data/f', offset, length)).toBe(code);
  });

  it('says what is missing, what is a directory, what is not granted', async () => {
    using tree = fileTree();
    mkdirSync(join(tree.root, 'd'));
    writeFileSync(join(tree.root, 'f'), 'x');
    const permit = permitFor(tree.root);
    expect(await read(permit, '/data/none')).toBe('not-found');
    expect(await read(permit, '/data/none/f')).toBe('not-found');
    expect(await read(permit, '/data/d')).toBe('invalid');
    expect(await read(permit, '/data')).toBe('invalid');
    expect(await read(permit, '/data/f/g')).toBe('denied');
    expect(await read(permit, '/etc/passwd')).toBe('denied');
    expect(await read(reachPermit(), '/data/f')).toBe('denied');
    const { reply, effect } = await files.read(permit, '/etc/passwd', 0, 1);
    expect(reply).toMatchObject({
      message: expect.stringContaining('warder tool grant probe --allow-read') as string,
    });
    expect(effect?.state).toBe('refused');
  });

  it('follows no symbolic link, wherever it stands and leads', async () => {
    using tree = fileTree();
    mkdirSync(join(tree.root, 'in/sub'), { recursive: true });
    writeFileSync(join(tree.root, 'in/sub/f'), 'inside');
    const permit = permitFor(join(tree.root, 'in'));
    symlinkSync('sub/f', join(tree.root, 'in/leaf'));
    symlinkSync('sub', join(tree.root, 'in/dir'));
    symlinkSync('/etc', join(tree.root, 'in/etc'));
    symlinkSync('.', join(tree.root, 'in/self'));
    for (const path of ['leaf', 'dir/f', 'etc/passwd', 'self/sub/f']) {
      expect(await read(permit, `/data/${path}`)).toBe('denied');
    }
    symlinkSync(join(tree.root, 'in'), join(tree.root, 'moved'));
    expect(await read(permitFor(join(tree.root, 'moved')), '/data/sub/f')).toBe('denied');
    expect(await read(permit, '/data/sub/f')).toBe('inside');
  });

  it('opens no FIFO, socket or device, and waits for none', async () => {
    using tree = fileTree();
    expect(spawnSync('mkfifo', [join(tree.root, 'fifo')]).status).toBe(0);
    const server = createServer();
    await new Promise<void>((resolve) => {
      server.listen(join(tree.root, 'socket'), resolve);
    });
    const permit = permitFor(tree.root);
    for (const name of ['fifo', 'socket']) {
      expect(await read(permit, `/data/${name}`)).toBe('denied');
      const { reply } = await files.write(permit, `/data/${name}`, Buffer.from('x'));
      expect(reply).toMatchObject({ ok: false, code: 'denied' });
    }
    server.close();
    expect(await read(permitFor('/dev'), '/data/zero', 0, 10)).toBe('denied');
  });

  it('gives no windows into the kernel and no other file system', async () => {
    expect(readFileSync('/proc/sys/kernel/ostype', 'utf8')).toBe('Linux\n');
    expect(await read(permitFor('/proc/sys/kernel'), '/data/ostype')).toBe('denied');
    expect(await read(permitFor('/'), '/data/proc/sys/kernel/ostype')).toBe('denied');
    expect(await read(permitFor('/proc/self'), '/data/environ')).toBe('denied');
    const { reply } = await files.stat(permitFor('/'), '/data/proc');
    expect(reply).toMatchObject({ ok: false, code: 'denied' });
  });

  it('takes nothing but a permit, and none that has expired', async () => {
    using tree = fileTree();
    writeFileSync(join(tree.root, 'f'), 'x');
    const permit = permitFor(tree.root);
    const lookAlike = { terms: permit.terms } as unknown as Permit;
    expect(() => files.files.open(lookAlike, () => {})).toThrow(TypeError);
    await using late = await testFiles({
      clock: { wall: () => permit.terms.expiresAt, monotonic: () => 0 },
    });
    const { reply } = await late.read(permit, '/data/f', 0, 1);
    expect(reply).toMatchObject({ ok: false, code: 'denied' });
  });
});

describe('listing and stat', () => {
  it('show files and directories, sorted, and nothing else', async () => {
    using tree = fileTree();
    mkdirSync(join(tree.root, 'b'));
    for (const name of ['c', 'a', '\u{10000}', '\uff5e', temporaryName('0'.repeat(32))]) {
      writeFileSync(join(tree.root, name), '');
    }
    writeFileSync(Buffer.concat([Buffer.from(`${tree.root}/`), Buffer.from([0x66, 0xff])]), '');
    writeFileSync(join(tree.root, 'back\\slash'), '');
    symlinkSync('a', join(tree.root, 'link'));
    spawnSync('mkfifo', [join(tree.root, 'fifo')]);
    const { reply } = await files.list(permitFor(tree.root), '/data');
    expect(reply).toEqual({
      ok: true,
      value: {
        entries: [
          { name: 'a', kind: 'file' },
          { name: 'b', kind: 'directory' },
          { name: 'c', kind: 'file' },
          { name: '\uff5e', kind: 'file' },
          { name: '\u{10000}', kind: 'file' },
        ],
      },
    });
  });

  it('refuses a directory with more entries than the cap rather than hiding some', async () => {
    using tree = fileTree();
    const { entries } = filesLimits;
    for (let at = 0; at <= entries; at += 1) writeFileSync(join(tree.root, String(at)), '');
    const { reply } = await files.list(permitFor(tree.root), '/data');
    expect(reply).toMatchObject({ ok: false, code: 'limit' });
  });

  it('give kind, size and time', async () => {
    using tree = fileTree();
    writeFileSync(join(tree.root, 'f'), 'abc');
    utimesSync(join(tree.root, 'f'), 1000, 1000);
    const permit = permitFor(tree.root);
    const file = await files.stat(permit, '/data/f');
    expect(file.reply).toEqual({
      ok: true,
      value: {
        kind: 'file',
        size: 3,
        modified: 1_000_000,
        times: {
          accessed: '1000000000000',
          modified: '1000000000000',
          changed: expect.stringMatching(/^\d+$/) as string,
        },
        inode: String(statSync(join(tree.root, 'f')).ino),
        links: 1,
      },
    });
    const root = await files.stat(permit, '/data');
    expect(root.reply).toMatchObject({ ok: true, value: { kind: 'directory', size: 0 } });
    expect((await files.stat(permit, '/data/none')).reply).toMatchObject({ code: 'not-found' });
  });

  it('roots are the directories that may be read', async () => {
    const permit = reachPermit({
      read: [
        { host: '/h/b', guest: '/b' },
        { host: '/h/a', guest: '/a' },
      ],
      write: [{ host: '/h/c', guest: '/c' }],
    });
    const { reply } = await files.ask(permit, { op: 'file-roots' });
    expect(reply).toEqual({ ok: true, value: { roots: ['/a', '/b'] } });
  });
});

describe('writing', () => {
  it('creates and replaces whole files, and leaves nothing else behind', async () => {
    using tree = fileTree();
    const permit = permitFor(tree.root);
    const write = async (text: string) =>
      (await files.write(permit, '/data/f', Buffer.from(text))).reply;
    expect(await write('first')).toEqual({ ok: true, value: {} });
    chmodSync(join(tree.root, 'f'), 0o640);
    const { ino } = statSync(join(tree.root, 'f'));
    expect(await write('second, longer')).toEqual({ ok: true, value: {} });
    expect(readFileSync(join(tree.root, 'f'), 'utf8')).toBe('second, longer');
    expect(statSync(join(tree.root, 'f')).mode & 0o777).toBe(0o640);
    expect(statSync(join(tree.root, 'f')).ino).not.toBe(ino);
    expect(readdirSync(tree.root)).toEqual(['f']);
  });

  it('needs a write grant of its own', async () => {
    using tree = fileTree();
    writeFileSync(join(tree.root, 'f'), 'kept');
    const permit = reachPermit({ read: [{ host: tree.root, guest: '/data' }] });
    const { reply, effect } = await files.write(permit, '/data/f', Buffer.from('x'));
    expect(reply).toMatchObject({ ok: false, code: 'denied' });
    expect(effect).toMatchObject({ kind: 'file-write', state: 'refused', bytes: 0 });
    expect(readFileSync(join(tree.root, 'f'), 'utf8')).toBe('kept');
  });

  it('goes through no link: symbolic, hard, or to a directory', async () => {
    using tree = fileTree();
    const inside = join(tree.root, 'in');
    mkdirSync(join(inside, 'd'), { recursive: true });
    mkdirSync(join(tree.root, 'out'));
    writeFileSync(join(tree.root, 'out/f'), 'kept');
    symlinkSync('../out/f', join(inside, 'soft'));
    symlinkSync('../out/new', join(inside, 'dangling'));
    symlinkSync('../out', join(inside, 'outdir'));
    linkSync(join(tree.root, 'out/f'), join(inside, 'hard'));
    const permit = permitFor(inside);
    for (const path of ['soft', 'dangling', 'outdir', 'outdir/f', 'outdir/new', 'hard', 'd', '']) {
      const at = path === '' ? '/data' : `/data/${path}`;
      const { reply } = await files.write(permit, at, Buffer.from('x'));
      expect(reply.ok, path).toBe(false);
    }
    expect(readFileSync(join(tree.root, 'out/f'), 'utf8')).toBe('kept');
    expect(readdirSync(join(tree.root, 'out'))).toEqual(['f']);
  });

  it('is bounded in bytes and in files made, per call', async () => {
    using tree = fileTree();
    const grant = [{ host: tree.root, guest: '/data' }];
    const limits = { ...defaultLimits, writeBytes: 25, writeFiles: 2 };
    const permit = reachPermit({ write: grant, limits });
    const write = async (path: string, bytes: number) =>
      (await files.write(permit, `/data/${path}`, new Uint8Array(bytes))).reply;
    expect(await write('f', 26)).toMatchObject({ ok: false, code: 'limit', fault: 'no-space' });
    expect(readdirSync(tree.root)).toEqual([]);
    expect(await write('f', 10)).toMatchObject({ ok: true });
    expect(await write('g', 1)).toMatchObject({ ok: false, code: 'limit' });
    expect(await write('f', 15)).toMatchObject({ ok: true });
    expect(await write('f', 1)).toMatchObject({ ok: false, code: 'limit' });
    expect(readdirSync(tree.root)).toEqual(['f']);
    const next = reachPermit({ write: grant, limits });
    expect((await files.write(next, '/data/g', new Uint8Array(10))).reply).toMatchObject({
      ok: true,
    });
  });

  it('sweeps what a killed daemon left, but not what is being written', async () => {
    using tree = fileTree();
    const old = join(tree.root, temporaryName('0'.repeat(32)));
    const fresh = join(tree.root, temporaryName('1'.repeat(32)));
    const other = join(tree.root, '.warder-notes.tmp');
    for (const path of [old, fresh, other]) writeFileSync(path, '');
    utimesSync(old, 1000, 1000);
    utimesSync(other, 1000, 1000);
    await files.write(permitFor(tree.root), '/data/f', new Uint8Array());
    expect([old, fresh, other].map((path) => existsSync(path))).toEqual([false, true, true]);
  });
});

/** Tells the open descriptors of the only broker. */
async function brokerDescriptors(): Promise<() => string[]> {
  const [broker] = await files.files.processes();
  if (broker === undefined) throw new Error('no broker');
  return () => readdirSync(`/proc/${broker.pid}/fd`);
}

it('no descriptor is left open, whatever happened', async () => {
  using tree = fileTree();
  mkdirSync(join(tree.root, 'a/b'), { recursive: true });
  writeFileSync(join(tree.root, 'a/b/f'), 'x');
  symlinkSync('b', join(tree.root, 'a/l'));
  const permit = permitFor(tree.root);
  const all = async (): Promise<void> => {
    for (const path of ['/data/a/b/f', '/data/a/l/f', '/data/a/none', '/data/a', '/x', '/data']) {
      await files.read(permit, path, 0, 10);
      await files.stat(permit, path);
      await files.list(permit, path);
      await files.write(permit, path, Buffer.from('y'));
    }
  };
  await all();
  const descriptors = await brokerDescriptors();
  const before = descriptors().length;
  for (let round = 0; round < 20; round += 1) await all();
  expect(descriptors().length).toBeLessThanOrEqual(before);
});
