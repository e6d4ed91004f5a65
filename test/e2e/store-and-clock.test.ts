// When the log cannot be written, or time has gone backwards, nothing runs (exit 7).

import { execFileSync } from 'node:child_process';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { sampleTool } from '../support/fixtures.ts';
import { createTestHome, type TestHome } from '../support/warder.ts';

interface Failed {
  readonly error: { readonly code: string; readonly message: string; readonly hint?: string };
}

let home: TestHome;

beforeAll(async () => {
  home = await createTestHome();
  await home.ok(['tool', 'add', sampleTool('text')]);
});

afterAll(() => home.remove());

const ECHO = ['call', 'text_echo', '--args', '{"text":"ok"}'];

/** Bounds how far the running daemon may write into any file: `0` is a full disk. */
function limitFileSize(pid: number, bytes: '0' | 'unlimited'): void {
  execFileSync('prlimit', ['--pid', String(pid), `--fsize=${bytes}:`]);
}

describe('a full store', () => {
  let server: Server;
  let hits = 0;

  beforeEach(async () => {
    hits = 0;
    server = createServer((_, response) => {
      hits += 1;
      response.end('fetched');
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
  });

  afterEach(async () => {
    await new Promise((resolve) => server.close(resolve));
  });

  test('runs nothing and spends nothing; with room again the same call runs', async () => {
    const { port } = server.address() as AddressInfo;
    const url = `http://127.0.0.1:${port}/page`;
    await home.ok(['tool', 'add', sampleTool('fetch-extract'), '--allow-net', `GET ${url}`]);
    const call = [
      '--json',
      'call',
      'fetch_extract',
      '--args',
      JSON.stringify({ url, mode: 'raw' }),
    ];
    const held = await home.run(call);
    expect(held.code).toBe(4);
    await home.ok(['approvals', 'approve', held.json<{ approval: string }>().approval]);
    const { pid } = await home.ok<{ pid: number }>(['status']);

    limitFileSize(pid, '0');
    const full = await home.run(call);
    expect(full.code, full.stderr).toBe(7);
    expect(full.json<Failed>().error.code).toBe('unavailable');
    expect(full.json<Failed>().error.hint).toBeDefined();
    expect(hits).toBe(0);
    expect((await home.run(ECHO)).code).toBe(7);
    expect((await home.run(['tool', 'remove', 'text'])).code).toBe(7);

    limitFileSize(pid, 'unlimited');
    const done = await home.run(call);
    expect(done.code, done.stderr).toBe(0);
    expect(hits).toBe(1);
    expect((await home.run(ECHO)).code).toBe(0);
    const audit = await home.run(['receipts', 'verify']);
    expect(audit.code, audit.stderr).toBe(0);
  });
});

describe('a clock set back', () => {
  function setHighTime(ms: number): void {
    const db = new DatabaseSync(join(home.root, 'state.db'));
    const value = JSON.stringify({ highTime: ms });
    const { changes } = db
      .prepare("UPDATE t_meta SET value = ? WHERE key = 'high-time'")
      .run(value);
    db.close();
    expect(changes).toBe(1);
  }

  test('by more than a minute refuses calls with 7 and says which clock to set', async () => {
    await home.ok(ECHO);
    await home.ok(['stop']);
    setHighTime(Date.now() + 3_600_000);
    const done = await home.run(['--json', ...ECHO]);
    expect(done.code).toBe(7);
    expect(done.json<Failed>().error.code).toBe('unavailable');
    expect(done.stderr).toMatch(/clock/);
    setHighTime(Date.now());
    expect((await home.run(ECHO)).code).toBe(0);
  });

  test('by less is ordinary life', async () => {
    await home.ok(ECHO);
    await home.ok(['stop']);
    setHighTime(Date.now() + 30_000);
    expect((await home.run(ECHO)).code).toBe(0);
  });
});
