// Damage, kills and full disks: nothing acknowledged is lost, everything else is a clear refusal.

import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openSqliteStore } from '../../../src/base/store/sqlite/sqlite-store.ts';
import { declared, entry, leafSequence, leaseTable } from '../../contracts/store-tables.ts';

let dir: string;
let path: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'warder-store-'));
  path = join(dir, 'state.db');
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const open = () => openSqliteStore({ path, ...declared });
const child = new URL('../../fixtures/store/append-forever.ts', import.meta.url).pathname;

/** Runs the appending child, optionally killing it after some acknowledgements; returns its lines. */
function run(command: string, args: readonly string[], killAfter: number): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const process = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    process.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (text.split('\n').length > killAfter) process.kill('SIGKILL');
    });
    process.on('error', reject);
    process.on('close', () => resolve(text.split('\n').slice(0, -1)));
  });
}

/** Every acknowledged entry is there, whole, under the number it was told, and without gaps. */
async function checkKept(lines: readonly string[]): Promise<number> {
  const store = open();
  store.read((reader) => {
    const length = reader.length(leafSequence);
    for (const line of lines.filter((text) => text.startsWith('kept'))) {
      const [, n, at] = line.split(' ');
      expect(reader.entry(leafSequence, Number(at))?.id).toBe(`e${n}`);
      expect(reader.get(leaseTable, 'default', `k${n}`)?.subject).toBe(`s${n}`);
    }
    for (let at = 0; at < length; at += 1) {
      expect(reader.entry(leafSequence, at)?.index).toBe(at);
    }
  });
  const length = store.read((reader) => reader.length(leafSequence));
  await store.close();
  return length;
}

describe('a store that is killed', () => {
  it('has everything it acknowledged after each of many SIGKILLs', async () => {
    let kept = 0;
    for (let round = 0; round < 12; round += 1) {
      const first = String(round * 1_000_000);
      const lines = await run(process.execPath, [child, path, first], 1 + ((round * 37) % 150));
      expect(lines.length).toBeGreaterThan(0);
      const length = await checkKept(lines);
      expect(length).toBeGreaterThan(kept);
      kept = length;
    }
  });
});

describe('a store whose disk is full', () => {
  it('refuses with `unavailable`, keeps what it acknowledged, and works again with room', async () => {
    // A file size limit stands in for a full disk; the ignored signal makes write() fail instead.
    const script = `trap '' XFSZ; ulimit -f 2400; exec "$0" "$@"`;
    const args = ['-c', script, process.execPath, child, path, '0', '4000'];
    const lines = await run('sh', args, Infinity);
    const refused = lines.filter((line) => line.startsWith('refused'));
    expect(refused.length).toBeGreaterThanOrEqual(20);
    expect(new Set(refused)).toEqual(new Set(['refused unavailable']));
    expect(lines[0]).toMatch(/^kept/);
    await checkKept(lines);
    const store = open();
    await store.commit((tx) => tx.append(leafSequence, 'default', entry('after')));
    await store.close();
  });
});

describe('a store that another process has locked', () => {
  it('rejects every promise of the group, keeps nothing of it, and recovers', async () => {
    const store = open();
    const other = new DatabaseSync(path);
    other.exec('BEGIN IMMEDIATE');
    const put = (key: string): Promise<void> =>
      store.commit((tx) => tx.put(leaseTable, 'default', key, { subject: 's', state: 1 }));
    const results = await Promise.allSettled([put('a'), put('b')]);
    for (const result of results) {
      expect(result).toMatchObject({ status: 'rejected', reason: { code: 'unavailable' } });
    }
    other.close();
    await put('c');
    expect(store.read((r) => r.list(leaseTable, 'default')).map((row) => row.key)).toEqual(['c']);
    await store.close();
  });
});

describe('a damaged store', () => {
  const fill = async (): Promise<void> => {
    const store = open();
    for (let n = 0; n < 50; n += 1) {
      await store.commit((tx) =>
        tx.append(leafSequence, 'default', entry(`e${n}`, { bytes: new Uint8Array(4000) })),
      );
    }
    await store.close();
  };
  const message = (): unknown => {
    try {
      const store = open();
      // Damage outside the pages that opening reads shows at the first read of them.
      store.read((reader) => reader.entries(leafSequence));
    } catch (error) {
      return error;
    }
    return undefined;
  };

  it.each([1, 100, 511, 4096, 20_000, 100_000])('is refused when cut to %i bytes', async (size) => {
    await fill();
    truncateSync(path, size);
    expect(message()).toMatchObject({
      code: 'unavailable',
      hint: expect.stringContaining('backup') as string,
    });
  });

  it('is refused when empty: an empty file is damage, not a new store', async () => {
    await fill();
    truncateSync(path, 0);
    expect(message()).toMatchObject({ code: 'unavailable' });
    expect(statSync(path).size).toBe(0);
  });

  it('is refused when it is no database', () => {
    writeFileSync(path, 'not a database, but long enough to look at. '.repeat(400));
    expect(message()).toMatchObject({ code: 'unavailable' });
  });

  it('is refused when the file is gone but its write-ahead log is left', async () => {
    await fill();
    rmSync(path);
    writeFileSync(`${path}-wal`, 'x');
    expect(message()).toMatchObject({ code: 'unavailable' });
    expect(existsSync(path)).toBe(false);
  });

  it('is refused when another program made it', () => {
    const db = new DatabaseSync(path);
    db.exec('CREATE TABLE x (y); PRAGMA user_version = 1');
    db.close();
    expect(message()).toMatchObject({ code: 'unavailable' });
  });

  it('is not made anew when the caller expects it to exist', () => {
    expect(() => openSqliteStore({ path, ...declared, create: false })).toThrow('does not exist');
    expect(existsSync(path)).toBe(false);
  });

  it('lets no half-made file stand at its path', () => {
    expect(() => openSqliteStore({ path: join(dir, 'none', 'x.db'), ...declared })).toThrow();
    expect(existsSync(path)).toBe(false);
  });
});

describe('the files of a store', () => {
  it('are private to their owner', async () => {
    const store = open();
    await store.commit((tx) => tx.append(leafSequence, 'default', entry('a')));
    for (const suffix of ['', '-wal', '-shm']) {
      expect(statSync(path + suffix).mode & 0o777).toBe(0o600);
    }
    await store.close();
    expect(readFileSync(path).includes('SQLite format 3')).toBe(true);
  });
});
