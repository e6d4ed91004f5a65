import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { lockHolder, lockHome } from '../../../src/base/store/home-lock.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'warder-lock-'));
});
const children = new Set<ChildProcess>();
afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  children.clear();
  rmSync(home, { recursive: true, force: true });
});

const script = new URL('../../fixtures/store/hold-lock.ts', import.meta.url).pathname;
const held = (pid: number | undefined) =>
  expect.objectContaining({
    code: 'unavailable',
    message: expect.stringContaining(`\`${home}\` (process ${pid})`) as string,
    data: { held: true, pid },
  });

it('refuses a second process, names the first, and frees the home when that is killed', async () => {
  const child = spawn(process.execPath, [script, home], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.add(child);
  await once(child.stdout, 'data');
  expect(() => lockHome(home)).toThrow(held(child.pid));
  expect(() => lockHome(home)).toThrow(held(child.pid));
  child.kill('SIGKILL');
  await once(child, 'close');
  const lock = lockHome(home);
  expect(lockHolder(home)).toBe(process.pid);
  lock.release();
});

it('a second attempt in the same process neither gets the lock nor loses it', async () => {
  const lock = lockHome(home);
  expect(() => lockHome(home)).toThrow(held(process.pid));
  const child = spawn(process.execPath, [script, home], { stdio: ['ignore', 'ignore', 'pipe'] });
  children.add(child);
  const [code] = (await once(child, 'close')) as [number];
  expect(code).not.toBe(0);
  expect(statSync(join(home, 'lock.db')).mode & 0o777).toBe(0o600);
  lock.release();
  lock.release();
  lockHome(home).release();
});

it('holds the lock though nobody keeps the handle and garbage is collected', async () => {
  const child = spawn(process.execPath, ['--expose-gc', script, home], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.add(child);
  await once(child.stdout, 'data');
  for (let n = 0; n < 5; n += 1) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(() => lockHome(home)).toThrow(held(child.pid));
  }
});

it('says that a home cannot be locked when it does not exist', () => {
  expect(() => lockHome(join(home, 'none'))).toThrow(
    expect.objectContaining({ code: 'unavailable', data: { held: false } }),
  );
});
