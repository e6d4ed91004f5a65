// A guest that broke out of V8 runs any JavaScript it likes in the executor's process. Under each jail
// this host can make it reaches nothing; each attack is first seen to succeed without the jail.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { createSocket, type Socket } from 'node:dgram';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { detectJail } from '../../../src/base/process/detect-jail.ts';
import type { Jail, Jailing } from '../../../src/base/process/jail-plan.ts';
import { sharedLibraries } from '../../../src/base/process/shared-libraries.ts';
import { executorJail } from '../../../src/run/sandbox/executor-jail.ts';
import {
  escape,
  type Escapee,
  escapedExecutor,
  pidNamespace,
  processesIn,
} from '../../support/escapee.ts';
import { workingJails } from '../../support/jails.ts';
import { isAlive } from '../../support/processes.ts';

const jails: readonly Jail[] = await workingJails();
const asRoot = process.getuid?.() === 0;
const NOBODY = 65_534;

/** Programs an escaped guest might bring along; an executor's jail holds none of them. */
const TOOLS = ['unshare', 'setpriv', 'mount'].map((name) => `/usr/bin/${name}`);

/** The jail of executors; `armed` with tools that make the attacks easier. */
function jailing(jail: Jail, armed = false): Jailing {
  const readable = armed ? [...TOOLS, ...TOOLS.flatMap(sharedLibraries)] : [];
  return { jail, ...executorJail, filesystem: { kind: 'minimal', readable } };
}

const open: Escapee[] = [];
async function escaped(jail: Jailing | undefined, flags?: readonly string[]): Promise<Escapee> {
  const one = await escape(jail, flags);
  open.push(one);
  return one;
}
const daemons: ChildProcess[] = [];
afterEach(async () => {
  for (const daemon of daemons.splice(0)) daemon.kill('SIGKILL');
  await Promise.all(open.splice(0).map((each) => each.process.kill()));
});

let folder: string;
let secret: string;
/** Listens wherever a guest may try, and counts. */
let listeners: Listeners;
let bystander: ChildProcess;

beforeAll(async () => {
  // Open to everyone: what keeps a guest out must be the jail, not a mode.
  folder = mkdtempSync(join(tmpdir(), 'warder-escape-'));
  chmodSync(folder, 0o755);
  secret = join(folder, 'signing.key');
  writeFileSync(secret, 'secret', { mode: 0o644 });
  listeners = await listen(folder);
  const sleep = ['-e', 'setInterval(() => {}, 1000)'];
  bystander = asRoot
    ? spawn(process.execPath, sleep, { uid: NOBODY, gid: NOBODY, cwd: '/', stdio: 'ignore' })
    : spawn(process.execPath, sleep, { stdio: 'ignore' });
  await once(bystander, 'spawn');
});
afterAll(async () => {
  bystander.kill('SIGKILL');
  await listeners.close();
  rmSync(folder, { recursive: true });
});

interface Listeners {
  readonly port: number;
  readonly udp: number;
  readonly path: string;
  readonly abstract: string;
  readonly count: () => number;
  close(): Promise<void>;
}

async function listen(directory: string): Promise<Listeners> {
  let count = 0;
  const path = join(directory, 'operator.sock');
  const abstract = `\0warder-escape-${process.pid}`;
  const servers: Server[] = [];
  for (const where of [{ port: 0, host: '127.0.0.1' }, { path }, { path: abstract }]) {
    const server = createServer((socket) => {
      count += 1;
      socket.destroy();
    }).listen(where);
    await once(server, 'listening');
    servers.push(server);
  }
  chmodSync(path, 0o777);
  const datagrams: Socket = createSocket('udp4', () => {
    count += 1;
  }).bind(0, '127.0.0.1');
  await once(datagrams, 'listening');
  const address = servers[0]?.address();
  return {
    port: typeof address === 'object' ? (address?.port ?? 0) : 0,
    udp: datagrams.address().port,
    path,
    abstract,
    count: () => count,
    close: async () => {
      datagrams.close();
      await Promise.all(servers.map((server) => server[Symbol.asyncDispose]()));
    },
  };
}

/** Whether a connection came about, for each way there is. */
const CONNECT = (): string => `
  const net = require('node:net');
  const tries = ${JSON.stringify([
    { port: listeners.port, host: '127.0.0.1' },
    { path: listeners.path },
    { path: listeners.abstract },
  ])};
  const outcomes = [];
  for (const where of tries) {
    outcomes.push(await new Promise((resolve) => {
      const socket = net.connect(where, () => { socket.destroy(); resolve('connected'); });
      socket.on('error', (error) => resolve(error.code));
    }));
  }
  const datagram = require('node:dgram').createSocket('udp4');
  outcomes.push(await new Promise((resolve) => {
    datagram.on('error', (error) => resolve(error.code));
    datagram.send('x', ${listeners.udp}, '127.0.0.1', (error) => resolve(error?.code ?? 'sent'));
  }));
  datagram.close();
  return outcomes;`;

const READ = (path: string): string =>
  `return require('node:fs').readFileSync(${JSON.stringify(path)}, 'utf8');`;

const BURST = 256 * 1024 * 1024;
/** Takes memory until none is given; at most 6 GiB, none of it touched. */
const TAKE_MEMORY = `
  const taken = [];
  try { while (taken.length < 24) taken.push(Buffer.allocUnsafeSlow(${BURST})); } catch {}
  return taken.length;`;

/** Starts itself again and again until the kernel refuses; at most 60 times. */
const BREED = `
  const { spawn } = require('node:child_process');
  const idle = ['-e', 'setInterval(() => {}, 1000)'];
  let born = 0;
  let refusal;
  while (born < 60 && refusal === undefined) {
    const child = spawn(process.execPath, idle, { detached: true });
    for (const end of child.stdio) end?.on('error', () => {});
    refusal = await new Promise((resolve) => {
      child.on('error', (error) => resolve(error.code));
      child.on('spawn', () => resolve(undefined));
    });
    if (refusal === undefined) born += 1;
  }
  return { born, refusal };`;

/** A grandchild of its own session that holds no descriptor of ours. */
const LEAVE_A_CHILD = `
  const { spawn } = require('node:child_process');
  const stays = 'process.on("SIGTERM", () => {}); setInterval(() => {}, 1000)';
  const child = spawn(process.execPath, ['-e', stays], { detached: true });
  await new Promise((resolve, reject) => child.on('spawn', resolve).on('error', reject));
  for (const end of child.stdio) end.destroy();
  child.unref();
  return child.pid;`;

describe('without the jail', () => {
  test('it reads, connects, signals, leaves children behind and takes what it wants', async () => {
    const free = await escaped(undefined);
    expect(await free.run(READ(secret))).toBe('secret');
    expect(await free.run(READ('/etc/passwd'))).toContain('root:');
    expect(await free.run(`return process.kill(${bystander.pid}, 0);`)).toBe(true);
    expect(await free.run(`return require('node:fs').existsSync('/proc/${process.pid}');`)).toBe(
      true,
    );
    const before = listeners.count();
    expect(await free.run(CONNECT())).toEqual(['connected', 'connected', 'connected', 'sent']);
    await expect.poll(() => listeners.count()).toBe(before + 4);
    const written = join(folder, 'written');
    const write = `require('node:fs').writeFileSync(${JSON.stringify(written)}, 'x'); return 'wrote';`;
    expect(await free.run(write)).toBe('wrote');
    expect(await free.run(TAKE_MEMORY)).toBe(24);

    const child = Number(await free.run(LEAVE_A_CHILD));
    await free.process.kill();
    expect(isAlive(child)).toBe(true);
    process.kill(child, 'SIGKILL');
  });
});

test('this host can make a jail, or says why not', async () => {
  // On a host that can make none the cases below do not exist, and no tool runs.
  const { jail, failed } = await detectJail();
  if (jail !== undefined) return expect(jails).not.toEqual([]);
  expect(failed.map(({ reason }) => reason)).not.toContain('');
});

describe.each(jails)('in the jail of $kind', (jail) => {
  const variants: readonly (readonly [string, readonly string[]])[] = [
    ['Node’s permissions on', ['--permission', `--allow-fs-read=${escapedExecutor}`]],
    ['Node’s permissions broken', []],
  ];

  test.each(variants)('it finds no file of the host and writes none, %s', async (_, flags) => {
    const guest = await escaped(jailing(jail), flags);
    for (const path of [
      secret,
      '/etc/passwd',
      '/etc/shadow',
      '/proc/self/environ',
      '/proc/1/cmdline',
      '/sys/kernel',
      '/dev/mem',
    ]) {
      expect(await guest.run(READ(path)), path).toMatch(/^(ENOENT|EACCES|ERR_ACCESS_DENIED)$/);
    }
    for (const path of [
      '/x',
      '/tmp/x',
      '/dev/shm/x',
      `${folder}/x`,
      escapedExecutor,
      process.execPath,
    ]) {
      const write = `require('node:fs').writeFileSync(${JSON.stringify(path)}, 'x'); return 'wrote';`;
      expect(await guest.run(write), path).toMatch(
        /^(ENOENT|EACCES|EROFS|ETXTBSY|ERR_ACCESS_DENIED)$/,
      );
    }
  });

  test('the whole of its root is Node, libraries and its own bundle', async () => {
    const guest = await escaped(jailing(jail));
    const list = `
      const { readdirSync } = require('node:fs');
      const files = [];
      const walk = (at) => {
        for (const entry of readdirSync(at, { withFileTypes: true })) {
          if (entry.isDirectory()) walk(at + entry.name + '/');
          else files.push(at + entry.name);
        }
      };
      walk('/');
      return files;`;
    const files = (await guest.run(list)) as string[];
    const wanted = [
      process.execPath,
      jail.tools.prlimit,
      escapedExecutor,
      ...sharedLibraries(process.execPath),
      ...sharedLibraries(jail.tools.prlimit),
    ];
    expect(files.toSorted()).toEqual([...new Set(wanted)].toSorted());
  });

  test.each(variants)('it reaches no listener, %s', async (_, flags) => {
    const guest = await escaped(jailing(jail), flags);
    const before = listeners.count();
    // A datagram may go to a loopback of its own: what counts is what arrives.
    expect([await guest.run(CONNECT())].flat()).not.toContain('connected');
    await pause(50);
    expect(listeners.count()).toBe(before);
  });

  test.each(variants)('it sees and signals no process of the host, %s', async (_, flags) => {
    const guest = await escaped(jailing(jail), flags);
    for (const pid of [process.pid, process.ppid, bystander.pid]) {
      expect(await guest.run(`return process.kill(${pid}, 0);`)).toMatch(/^(ESRCH|EPERM)$/);
    }
    // Everything it may signal at all, itself apart.
    await guest.run(`try { process.kill(-1, 'SIGKILL'); } catch {} return 1;`).catch(() => {});
    await pause(20);
    expect(isAlive(bystander.pid ?? 0)).toBe(true);
  });

  test('it opens no inspector that anyone can reach', async () => {
    const guest = await escaped(jailing(jail));
    const opened = await guest.run(`
      const inspector = require('node:inspector');
      inspector.open(0, '127.0.0.1');
      return inspector.url() ?? '';`);
    const port = Number(/:(\d+)\//.exec(String(opened))?.[1] ?? 9229);
    await expect(fetch(`http://127.0.0.1:${port}/json`)).rejects.toThrow();
    expect(await guest.run(`process._debugProcess(${process.pid}); return 'asked';`)).not.toBe(
      'asked',
    );
  });

  test('it is nobody, has no privilege and gets none', async () => {
    const guest = await escaped(jailing(jail, true));
    const status = readFileSync(`/proc/${guest.process.pid}/status`, 'utf8');
    const ids = asRoot ? NOBODY : process.getuid?.();
    expect(status).toMatch(new RegExp(`^Uid:\\t${ids}\\t${ids}\\t${ids}\\t${ids}$`, 'm'));
    for (const set of ['Inh', 'Prm', 'Eff', 'Amb']) {
      expect(status).toMatch(new RegExp(`^Cap${set}:\\t0+$`, 'm'));
    }
    expect(status).toMatch(/^NoNewPrivs:\t1$/m);
    expect(status).toMatch(/^Groups:\s*(65534)?\s*$/m);
    for (const change of ['setuid(0)', 'setgid(0)', 'setgroups([0])', 'seteuid(0)']) {
      expect(await guest.run(`process.${change}; return 'changed';`), change).toMatch(
        /^(EPERM|EINVAL)$/,
      );
    }
    const ran = (tool: string, ...args: string[]): Promise<unknown> =>
      guest.run(`
        const { status, signal, error } =
          require('node:child_process').spawnSync('/usr/bin/${tool}', ${JSON.stringify(args)});
        return error?.code ?? status ?? signal;`);
    expect(await ran('setpriv', '--version')).toBe(0);
    for (const namespace of ['--user', '--net', '--mount', '--pid']) {
      expect(await ran('unshare', namespace, TOOLS[1] ?? '', '--version'), namespace).not.toBe(0);
    }
    expect(await ran('mount', '-t', 'tmpfs', 'x', '/usr')).not.toBe(0);
    expect(await ran('mount', '-o', 'remount,bind,rw', '/')).not.toBe(0);
    expect(await ran('setpriv', '--reuid', '0', '/usr/bin/setpriv', '--version')).not.toBe(0);
  });

  test('it exhausts nothing: memory, processes, descriptors, disk', async () => {
    const guest = await escaped(jailing(jail));
    const { dataBytes = 0, processes = 0, openFiles = 0 } = executorJail.limits;
    expect(Number(await guest.run(TAKE_MEMORY)) * BURST).toBeLessThan(dataBytes);

    const opened = await guest.run(`
      const { openSync } = require('node:fs');
      const held = [];
      try { for (;;) held.push(openSync(process.execPath)); } catch (error) { return [held.length, error.code]; }
      finally { for (const each of held) require('node:fs').closeSync(each); }`);
    expect(opened).toEqual([expect.any(Number), 'EMFILE']);
    expect((opened as [number])[0]).toBeLessThan(openFiles);

    const namespace = pidNamespace(guest.process.pid);
    const { born, refusal } = (await guest.run(BREED)) as { born: number; refusal?: string };
    if (jail.tools.countsPerJail) {
      // Threads count as well: a child that gets none ends at once, and makes room for the next.
      const alive = processesIn(namespace).length;
      expect(refusal === 'EAGAIN' ? born : alive).toBeLessThan(processes);
    }
    expect(processesIn(namespace).length).toBeLessThan(processes + 2);
    await guest.process.kill();
    expect(processesIn(namespace)).toEqual([]);
  });

  test('one jail’s processes are no other jail’s', async () => {
    const bomb = await escaped(jailing(jail));
    await bomb.run(BREED);
    const other = await escaped(jailing(jail));
    expect(await other.run('return 1 + 1;')).toBe(2);
  });

  test('when kill resolves nothing of it is left, though it left its group and closed everything', async () => {
    const guest = await escaped(jailing(jail));
    const namespace = pidNamespace(guest.process.pid);
    await guest.run(LEAVE_A_CHILD);
    await guest.run(LEAVE_A_CHILD);
    expect(processesIn(namespace).length).toBeGreaterThanOrEqual(4);
    expect(await guest.process.kill()).toEqual({ code: null, signal: 'SIGKILL' });
    expect(processesIn(namespace)).toEqual([]);
  });

  test('a process that ends by itself takes its children along before that is told', async () => {
    const guest = await escaped(jailing(jail));
    const namespace = pidNamespace(guest.process.pid);
    await guest.run(LEAVE_A_CHILD);
    guest.process.stdin.write(`${JSON.stringify('process.exit(7)')}\n`);
    expect(await guest.process.exited).toEqual({ code: 7, signal: null });
    expect(processesIn(namespace)).toEqual([]);
  });

  test('closing its stdout is not its end', async () => {
    const guest = await escaped(jailing(jail));
    const namespace = pidNamespace(guest.process.pid);
    const close = `
      setInterval(() => {}, 1000);
      for (const fd of [0, 1, 2]) require('node:fs').closeSync(fd);`;
    guest.process.stdin.write(`${JSON.stringify(close)}\n`);
    const end = await Promise.race([guest.process.exited, pause(200, 'none')]);
    // Node itself may die of it; what is told of it is what the kernel says.
    expect(processesIn(namespace).length > 0).toBe(end === 'none');
    await guest.process.kill();
    expect(processesIn(namespace)).toEqual([]);
  });

  test('it does not outlive a daemon that was killed', async () => {
    const { daemon, inner } = await daemonWith(jail);
    const namespace = pidNamespace(inner);
    daemon.kill('SIGKILL');
    await expect.poll(() => processesIn(namespace), { timeout: 5000 }).toEqual([]);
  });
});

test('without the jail a guest that forgets its parent outlives the daemon', async () => {
  const { daemon, inner } = await daemonWith(undefined);
  daemon.kill('SIGKILL');
  await once(daemon, 'exit');
  await pause(200);
  expect(isAlive(inner)).toBe(true);
  process.kill(inner, 'SIGKILL');
});

/** A process that starts an escapee, which then takes back that it ends with its parent. */
async function daemonWith(
  jail: Jail | undefined,
): Promise<{ readonly daemon: ChildProcess; readonly inner: number }> {
  const source = join(import.meta.dirname, 'daemon.ts');
  const plan = jail === undefined ? 'null' : JSON.stringify(jailing(jail, true));
  const daemon = spawn(process.execPath, [source, plan], { stdio: ['ignore', 'pipe', 'ignore'] });
  daemons.push(daemon);
  const [line] = (await once(daemon.stdout, 'data')) as [Buffer];
  return { daemon, inner: Number(line.toString()) };
}
