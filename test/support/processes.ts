// Looks at running processes through /proc: children, environment, listening TCP sockets.

import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** Process ids whose parent is `pid`. */
export function childrenOf(pid: number): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((each) => parentOf(each) === pid);
}

/** Executors that a daemon has now. */
export function executorsOf(daemon: number): readonly number[] {
  return innermost(daemon).filter((pid) =>
    commandLine(pid).some((word) => word.endsWith('executor.mjs')),
  );
}

/** Processes below `pid` that have no children: in a jail, Node is below the programs that made it. */
function innermost(pid: number): readonly number[] {
  return childrenOf(pid).flatMap((child) => {
    const inner = innermost(child);
    return inner.length === 0 ? [child] : inner;
  });
}

/** The words a process was started with; empty when it is gone. */
export function commandLine(pid: number): readonly string[] {
  return read(`/proc/${pid}/cmdline`)
    .split('\0')
    .filter((word) => word !== '');
}

/** The environment a process was started with, one `NAME=VALUE` each. */
export function environmentOf(pid: number): readonly string[] {
  return readFileSync(`/proc/${pid}/environ`, 'utf8')
    .split('\0')
    .filter((entry) => entry !== '');
}

export function isAlive(pid: number): boolean {
  const state = /^State:\s+(\w)/m.exec(read(`/proc/${pid}/status`))?.[1];
  return state !== undefined && state !== 'Z' && state !== 'X';
}

/** TCP ports a process listens on. */
export function listeningPorts(pid: number): readonly number[] {
  const own = new Set<string>();
  for (const descriptor of list(`/proc/${pid}/fd`)) {
    try {
      const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${descriptor}`))?.[1];
      if (inode !== undefined) own.add(inode);
    } catch {
      // closed meanwhile
    }
  }
  const rows = ['tcp', 'tcp6'].flatMap((table) => read(`/proc/${pid}/net/${table}`).split('\n'));
  return rows.flatMap((row) => {
    const [, local = '', , state, , , , , , inode = ''] = row.trim().split(/\s+/);
    const listens = state === '0A' && own.has(inode);
    return listens ? [Number.parseInt(local.split(':').at(-1) ?? '', 16)] : [];
  });
}

function parentOf(pid: number): number | undefined {
  const parent = /^PPid:\s+(\d+)/m.exec(read(`/proc/${pid}/status`))?.[1];
  return parent === undefined ? undefined : Number(parent);
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function list(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
