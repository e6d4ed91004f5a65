// Finds out how this host can jail a process: each way is tried with a real one, whose layers are then
// read from outside.

import { accessSync, constants, readFileSync, readlinkSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { asWarderError } from '../errors/errors.ts';
import { isBubblewrapped } from './jail-command.ts';
import {
  type Jail,
  type Jailing,
  type JailKind,
  jailKinds,
  type JailLayer,
  type JailTools,
} from './jail-plan.ts';
import { spawnNode } from './spawn-node.ts';

/** A way to jail that does not work here, and why. */
export interface FailedJail {
  readonly kind: JailKind;
  readonly reason: string;
  /** What would make it work, when that is known. */
  readonly remedy: string;
}

export interface JailReport {
  /** The best way that works; undefined when none does. */
  readonly jail: Jail | undefined;
  readonly failed: readonly FailedJail[];
}

export interface DetectOptions {
  /** Ways to try, best first. */
  readonly kinds?: readonly JailKind[];
  /** Node binary of the process that is tried; the current one when absent. */
  readonly node?: string;
}

const PROGRAM_FOLDERS = ['/usr/bin', '/bin', '/usr/sbin', '/sbin', '/usr/local/bin'];
const PROBE_TIMEOUT_MS = 15_000;
/** Bounds of the probe; any that are kept show that bounds are. */
const PROBE_LIMITS = { openFiles: 64, processes: 64, fileBytes: 0 };

/** Tries each way in turn until one works. Never rejects. */
export async function detectJail(options: DetectOptions = {}): Promise<JailReport> {
  const failed: FailedJail[] = [];
  for (const kind of options.kinds ?? jailKinds) {
    try {
      return { jail: await tryJail(kind, options.node), failed };
    } catch (thrown) {
      failed.push({ kind, reason: asWarderError(thrown).message, remedy: remedyFor(kind) });
    }
  }
  return { jail: undefined, failed };
}

async function tryJail(kind: JailKind, node: string | undefined): Promise<Jail> {
  if (process.platform !== 'linux') throw new Error('this is not Linux');
  const tools = findTools(kind);
  const jailing: Jailing = {
    jail: { kind, tools, layers: [] },
    network: 'none',
    filesystem: { kind: 'minimal', readable: [] },
    limits: PROBE_LIMITS,
  };
  return { kind, tools, layers: await probe(jailing, node) };
}

function findTools(kind: JailKind): JailTools {
  return {
    shell: program('sh'),
    mount: program('mount'),
    mkdir: program('mkdir'),
    setpriv: program('setpriv'),
    prlimit: program('prlimit'),
    unshare: program('unshare'),
    ...(kind === 'bubblewrap' ? { bwrap: program('bwrap') } : {}),
    asRoot: process.getuid?.() === 0,
    countsPerJail: isAtLeast(release(), 5, 14),
  };
}

function program(name: string): string {
  for (const folder of PROGRAM_FOLDERS) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      continue;
    }
  }
  throw new Error(`\`${name}\` is not installed`);
}

function isAtLeast(version: string, major: number, minor: number): boolean {
  const [first = 0, second = 0] = version.split('.').map(Number);
  return first > major || (first === major && second >= minor);
}

/** Starts a process that says it is up and waits, and looks at it from outside. */
async function probe(jailing: Jailing, node: string | undefined): Promise<readonly JailLayer[]> {
  const source = import.meta.url.endsWith('.ts') ? './jail-probe.ts' : './jail-probe.js';
  const child = spawnNode({
    entry: fileURLToPath(new URL(source, import.meta.url)),
    env: {},
    deadlineMs: PROBE_TIMEOUT_MS,
    jail: jailing,
    ...(node === undefined ? {} : { node }),
  });
  try {
    const seenInside = await firstLine(child.stdout);
    if (seenInside === undefined) {
      await child.exited;
      throw new Error(child.stderrTail().trim().slice(-300) || 'the process in it did not start');
    }
    return readLayers(child.pid, jailing, JSON.parse(seenInside) as { readonly root: string[] });
  } finally {
    await child.kill();
  }
}

async function firstLine(stream: AsyncIterable<Buffer>): Promise<string | undefined> {
  let text = '';
  for await (const part of stream) {
    text += part.toString();
    if (text.includes('\n')) return text;
  }
  return undefined;
}

const NAMESPACES: readonly (readonly [string, JailLayer])[] = [
  ['mnt', 'mount-namespace'],
  ['pid', 'pid-namespace'],
  ['net', 'network-namespace'],
  ['ipc', 'ipc-namespace'],
  ['uts', 'uts-namespace'],
  ['cgroup', 'cgroup-namespace'],
  ['user', 'user-namespace'],
];

/** What the kernel says of the process, and what the process saw when it looked around. */
function readLayers(
  pid: number,
  jailing: Jailing,
  inside: { readonly root: readonly string[] },
): readonly JailLayer[] {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const field = (name: string): string =>
    new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1]?.trim() ?? '';
  const limits = readFileSync(`/proc/${pid}/limits`, 'utf8');
  const own = (name: string): boolean =>
    readlinkSync(`/proc/${pid}/ns/${name}`) !== readlinkSync(`/proc/self/ns/${name}`);
  const uids = field('Uid').split(/\s+/);
  const on: readonly (readonly [boolean, JailLayer])[] = [
    [isBubblewrapped(jailing), 'bubblewrap'],
    ...NAMESPACES.map(([name, layer]) => [own(name), layer] as const),
    [uids.every((uid) => uid !== '0'), 'unprivileged-user'],
    [/^0+$/.test(field('CapEff')) && /^0+$/.test(field('CapPrm')), 'no-capabilities'],
    [field('NoNewPrivs') === '1', 'no-new-privs'],
    // bubblewrap promises it; elsewhere the changed root does, see jail-command.ts.
    [true, 'no-nested-user-namespaces'],
    [!inside.root.some((name) => HOST_FOLDERS.has(name)), 'minimal-root'],
    [new RegExp(`^Max open files\\s+${PROBE_LIMITS.openFiles}\\s`, 'm').test(limits), 'rlimits'],
    [field('Seccomp') === '2', 'seccomp'],
  ];
  return on.filter(([isOn]) => isOn).map(([, layer]) => layer);
}

const HOST_FOLDERS: ReadonlySet<string> = new Set(['proc', 'sys', 'dev', 'etc', 'var', 'run']);

function remedyFor(kind: JailKind): string {
  return kind === 'bubblewrap'
    ? 'install it: `apt install bubblewrap`'
    : 'install util-linux and let users make user namespaces: ' +
        '`sysctl user.max_user_namespaces=10000`, on Ubuntu also ' +
        '`sysctl kernel.apparmor_restrict_unprivileged_userns=0`';
}
