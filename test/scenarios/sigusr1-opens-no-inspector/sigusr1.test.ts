// SIGUSR1 makes Node open an inspector, through which anybody of the same user runs any code in the
// process. Every process of ours is started so that it does not.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { spawnNode } from '../../../src/base/process/spawn-node.ts';
import { createTestSandbox, fixture } from '../../support/sandbox.ts';

const LISTENING = 'Debugger listening';
let folder: string;
let idle: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'warder-sigusr1-'));
  idle = join(folder, 'idle.mjs');
  writeFileSync(idle, 'process.stdout.write("up"); setInterval(() => {}, 1000);\n');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const soon = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

test('a plain Node process opens one: the attack is real', async () => {
  const child = spawn(process.execPath, ['--inspect-port=0', idle], { env: {} });
  let said = '';
  child.stderr.on('data', (part: Buffer) => (said += part.toString()));
  await new Promise((up) => child.stdout.once('data', up));
  child.kill('SIGUSR1');
  for (let round = 0; round < 50 && !said.includes(LISTENING); round += 1) await soon(100);
  child.kill('SIGKILL');
  expect(said).toContain(LISTENING);
});

test('a process of ours ignores the signal and goes on', async () => {
  const child = spawnNode({ entry: idle, env: process.env, flags: ['--inspect-port=0'] });
  await new Promise((up) => child.stdout.once('data', up));
  process.kill(child.pid, 'SIGUSR1');
  await soon(1000);
  expect(child.stderrTail()).toBe('');
  // Still there: a signal that is not ignored would have ended it.
  process.kill(child.pid, 0);
  expect(await child.kill()).toEqual({ code: null, signal: 'SIGKILL' });
});

test('an executor ignores the signal, idle and busy, and answers', async () => {
  const { sandbox, call } = await createTestSandbox();
  try {
    await call(fixture('plain'), 'upper', { input: 'a' });
    const [executor] = sandbox.stats.executors;
    if (executor === undefined) throw new Error('no executor');
    process.kill(executor.pid, 'SIGUSR1');
    await soon(300);
    expect(await call(fixture('plain'), 'upper', { input: 'b' })).toMatchObject({
      kind: 'answered',
      answer: { content: [{ text: 'B' }] },
    });
    expect(sandbox.stats.executors[0]?.pid).toBe(executor.pid);
  } finally {
    await sandbox.close();
  }
});
