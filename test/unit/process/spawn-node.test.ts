import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { endsWithParent, spawnNode } from '../../../src/base/process/spawn-node.ts';
import { startFaults } from '../../../src/base/process/start-faults.ts';
import { scrubEnvironment } from '../../../src/base/process/scrub-environment.ts';
import { isAlive } from '../../support/processes.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'warder-process-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function script(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

async function read(stream: AsyncIterable<Buffer>): Promise<string> {
  let text = '';
  for await (const part of stream) text += part.toString();
  return text;
}

test('what changes how Node starts or connects does not pass', () => {
  const given = {
    PATH: '/bin',
    HOME: '/home/x',
    NODE_OPTIONS: '--require ./evil.js',
    NODE_EXTRA_CA_CERTS: '/tmp/ca.pem',
    node_path: '/tmp',
    LD_PRELOAD: '/tmp/evil.so',
    DYLD_INSERT_LIBRARIES: '/tmp/evil.dylib',
    https_proxy: 'http://evil',
    ALL_PROXY: 'http://evil',
    OPENSSL_CONF: '/tmp/evil.cnf',
    SSLKEYLOGFILE: '/tmp/keys',
    GLIBC_TUNABLES: 'x',
    UNSET: undefined,
  };
  expect({ ...scrubEnvironment(given) }).toEqual({ PATH: '/bin', HOME: '/home/x' });
});

test('a start without the flag, with an inspector or a loaded environment is told', () => {
  expect(startFaults({ execArgv: ['--disable-sigusr1'], env: { PATH: '/bin' } })).toEqual([]);
  expect(
    startFaults({ execArgv: ['--inspect=0'], env: { NODE_OPTIONS: '-r x', LD_PRELOAD: 'y' } }),
  ).toEqual([
    'started without `--disable-sigusr1`',
    'started with an inspector',
    '`NODE_OPTIONS` is set',
    '`LD_PRELOAD` is set',
  ]);
});

test('the child has the flag, a scrubbed environment and the root directory', async () => {
  const entry = script(
    'tell.mjs',
    `console.log(JSON.stringify([process.execArgv.includes('--disable-sigusr1'),
      Object.keys(process.env).sort(), process.cwd(), process.argv.slice(2)]));`,
  );
  const env = { KEPT: '1', NODE_OPTIONS: '--no-such-flag', LD_PRELOAD: '/nowhere.so' };
  const child = spawnNode({ entry, env, args: ['x'] });
  const said = await read(child.stdout as AsyncIterable<Buffer>);
  expect(JSON.parse(said)).toEqual([true, ['KEPT'], '/', ['x']]);
  expect(await child.exited).toEqual({ code: 0, signal: null });
});

test('kill resolves when the process is gone, however busy, and may be repeated', async () => {
  const entry = script(
    'stubborn.mjs',
    `process.on('SIGTERM', () => {}); process.stdout.write('up'); for (;;) ;`,
  );
  const child = spawnNode({ entry, env: {} });
  await new Promise((up) => child.stdout.once('data', up));
  const [first, second] = await Promise.all([child.kill(), child.kill()]);
  expect(first).toEqual({ code: null, signal: 'SIGKILL' });
  expect(second).toEqual(first);
  expect(isAlive(child.pid)).toBe(false);
});

test('what the process started dies with it', async () => {
  const entry = script(
    'parent.mjs',
    `import { spawn } from 'node:child_process';
     console.log(spawn('sleep', ['600'], { stdio: 'ignore' }).pid); for (;;) ;`,
  );
  const child = spawnNode({ entry, env: { PATH: process.env['PATH'] } });
  const pid = Number(await new Promise((said) => child.stdout.once('data', said)));
  expect(isAlive(pid)).toBe(true);
  await child.kill();
  await expect.poll(() => isAlive(pid), { timeout: 5000 }).toBe(false);
});

test('the deadline kills', async () => {
  const child = spawnNode({ entry: script('spin.mjs', 'for (;;) ;'), env: {}, deadlineMs: 100 });
  expect(await child.exited).toEqual({ code: null, signal: 'SIGKILL' });
});

test('the end of its stderr is kept', async () => {
  const entry = script('cry.mjs', `process.stderr.write('x'.repeat(10000) + 'the end');`);
  const child = spawnNode({ entry, env: {}, stderrBytes: 20 });
  await child.exited;
  await expect.poll(() => child.stderrTail()).toBe(`${'x'.repeat(13)}the end`);
});

test('a busy child does not outlive a parent that was killed', async () => {
  expect(endsWithParent()).toBe(true);
  const spin = script('spin-for-ever.mjs', 'for (;;) ;');
  const source = new URL('../../../src/base/process/spawn-node.ts', import.meta.url).href;
  const entry = script(
    'killed-parent.mjs',
    `import { spawnNode } from '${source}';
     console.log(spawnNode({ entry: '${spin}', env: {} }).pid); setInterval(() => {}, 1000);`,
  );
  const parent = spawnNode({ entry, env: {} });
  const pid = Number(await new Promise((said) => parent.stdout.once('data', said)));
  expect(isAlive(pid)).toBe(true);
  process.kill(parent.pid, 'SIGKILL');
  await expect.poll(() => isAlive(pid), { timeout: 5000 }).toBe(false);
});
