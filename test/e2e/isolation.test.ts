// What our processes expose, and what calls can see of each other.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createTestHome, serveInForeground, type TestHome } from '../support/warder.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fixture, sampleTool } from '../support/fixtures.ts';
import {
  commandLine,
  environmentOf,
  executorsOf,
  isAlive,
  listeningPorts,
} from '../support/processes.ts';
import { openRawMcp } from '../support/raw-mcp.ts';

let home: TestHome;

const HOSTILE_ENVIRONMENT = {
  NODE_OPTIONS: '--no-warnings',
  NODE_EXTRA_CA_CERTS: '/nonexistent',
  HTTPS_PROXY: 'http://127.0.0.1:1',
  http_proxy: 'http://127.0.0.1:1',
  LD_LIBRARY_PATH: '/nonexistent',
  SECRET_TOKEN: 'do-not-pass-on',
};

beforeAll(async () => {
  home = await createTestHome({ init: false });
  await home.ok(['init']);
  // The first command starts the daemon, with this environment around it.
  await home.ok(['tool', 'add', sampleTool('text')], { env: HOSTILE_ENVIRONMENT });
  await home.ok(['tool', 'add', fixture('keeps')]);
  await home.ok(['tool', 'add', fixture('probe-plugin')]);
  await home.ok(['tool', 'add', fixture('loop'), '--timeout', '30s']);
  await home.ok(['call', 'text_echo', '--args', '{"text":"warm"}']);
});

afterAll(() => home.remove());

async function daemonPid(): Promise<number> {
  return (await home.ok<{ pid: number }>(['status'])).pid;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe('SIGUSR1 opens no inspector', () => {
  test('control: in a plain node process it does, and this test sees it', async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000); console.log(1)'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const pid = child.pid ?? 0;
    try {
      // Before Node has set its handler the signal would end the process.
      await once(child.stdout, 'data');
      process.kill(pid, 'SIGUSR1');
      await expect.poll(() => listeningPorts(pid).length, { timeout: 5000 }).toBeGreaterThan(0);
    } finally {
      child.kill('SIGKILL');
    }
  });

  test('in the daemon, its executors and the relay', async () => {
    const daemon = await daemonPid();
    const mcp = openRawMcp(home);
    await mcp.initialize();
    const call = { name: 'loop', arguments: {} };
    mcp.send({ jsonrpc: '2.0', id: 2, method: 'tools/call', params: call });
    await pause(500);
    const executors = executorsOf(daemon);
    expect(executors.length).toBeGreaterThan(0);
    const all = [daemon, mcp.pid, ...executors];
    for (const pid of all) {
      expect(commandLine(pid)).toContain('--disable-sigusr1');
      process.kill(pid, 'SIGUSR1');
    }
    await pause(500);
    for (const pid of all) expect(listeningPorts(pid)).toEqual([]);
    expect(isAlive(daemon)).toBe(true);
    mcp.kill('SIGKILL');
    expect((await home.run(['call', 'text_echo', '--args', '{"text":"ok"}'])).code).toBe(0);
  });

  test('in a daemon started without the flag, by `node main.js serve`', async () => {
    const other = await createTestHome();
    try {
      const daemon = await serveInForeground(other.root, { flags: [] });
      const { pid } = await other.ok<{ pid: number }>(['status']);
      process.kill(pid, 'SIGUSR1');
      await pause(500);
      expect(isAlive(pid)).toBe(true);
      expect(listeningPorts(pid)).toEqual([]);
      daemon.kill('SIGTERM');
      expect(await daemon.exited).toBe(0);
    } finally {
      await other.remove();
    }
  });
});

test('nobody listens on the network', async () => {
  expect(listeningPorts(await daemonPid())).toEqual([]);
});

test('the daemon’s environment holds nothing that changes how it starts or connects', async () => {
  const names = environmentOf(await daemonPid()).map((entry) => entry.split('=')[0]);
  for (const name of Object.keys(HOSTILE_ENVIRONMENT)) {
    if (name !== 'SECRET_TOKEN') expect(names).not.toContain(name);
  }
});

test('an executor’s environment holds nothing of the daemon’s', async () => {
  const executors = executorsOf(await daemonPid());
  expect(executors.length).toBeGreaterThan(0);
  // bubblewrap says where it starts a program.
  for (const pid of executors) {
    expect(environmentOf(pid).filter((entry) => entry !== 'PWD=/')).toEqual([]);
  }
});

test('executors run under --permission', async () => {
  for (const pid of executorsOf(await daemonPid())) {
    expect(commandLine(pid)).toContain('--permission');
    expect(commandLine(pid).some((word) => word.startsWith('--allow-fs-write'))).toBe(false);
    expect(
      commandLine(pid).some((word) => /^--allow-(child-process|worker|addons|net)/.test(word)),
    ).toBe(false);
  }
});

describe('a call sees nothing of the one before', () => {
  test('neither variables, globals, memory nor blocks', async () => {
    for (let round = 0; round < 5; round += 1) {
      const reply = await home.ok<{ content: { text: string }[] }>(['call', 'keeps']);
      expect(reply.content[0]?.text).toBe('fresh');
    }
  });

  test('over one connection, in one warm executor', async () => {
    const mcp = openRawMcp(home);
    await mcp.initialize();
    for (let id = 10; id < 30; id += 1) {
      const { result } = await mcp.request(id, 'tools/call', { name: 'keeps', arguments: {} });
      expect(result?.['content']).toEqual([{ type: 'text', text: 'fresh' }]);
    }
    mcp.endInput();
    await mcp.exited;
  });
});

test('what is not granted does not answer: kv, files, network, configuration', async () => {
  const asked: readonly (readonly [string, object])[] = [
    ['kv_get', { key: 'k' }],
    ['kv_set', { key: 'k', value: '' }],
    ['file_read', { path: '/etc/passwd', offset: 0, length: 10 }],
    ['file_list', { path: '/' }],
    ['http', { method: 'GET', url: 'http://127.0.0.1:1/', headers: {} }],
  ];
  for (const [name, request] of asked) {
    const args = JSON.stringify({ function: name, request });
    const done = await home.run(['--json', 'call', 'probe', '--args', args]);
    const said = JSON.stringify(done.json());
    expect(said, name).not.toMatch(/root:|"ok\\?":\s*(true|\{)/);
  }
});
