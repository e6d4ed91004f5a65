// Programs under strace: what they asked of the kernel, and how to have it refuse one of their calls.

import { readFileSync } from 'node:fs';

/** Calls that change files, or make a change durable. */
export const FILE_CALLS: readonly string[] = [
  'openat',
  'write',
  'pwrite64',
  'writev',
  'pwritev',
  'fsync',
  'fdatasync',
  'fallocate',
  'ftruncate',
  'truncate',
  'rename',
  'renameat',
  'renameat2',
  'link',
  'linkat',
  'symlink',
  'unlink',
  'unlinkat',
  'mkdir',
  'mkdirat',
  'rmdir',
  'copy_file_range',
  'sendfile',
];

/** The words that go before a program to have its calls written to `output`, with all data. */
export function recording(output: string, more: readonly string[] = []): readonly string[] {
  const calls = `trace=${[...FILE_CALLS, ...more].join(',')}`;
  return [
    'strace',
    '-f',
    '--seccomp-bpf',
    '-y',
    '-xx',
    '-s',
    '67108864',
    '-e',
    'signal=none',
    '-e',
    calls,
    '-o',
    output,
  ];
}

/** The words that go before a program to have one call on a path go wrong. */
export function injecting(
  output: string,
  { call, path, number, fault }: InjectionPoint,
): readonly string[] {
  const what = fault === 'KILL' ? 'signal=KILL' : `error=${fault}`;
  return [
    'strace',
    '-f',
    // With it strace 6.1 lets the signal out.
    ...(fault === 'KILL' ? [] : ['--seccomp-bpf']),
    '-P',
    path,
    '-e',
    'signal=none',
    '-e',
    `trace=${call}`,
    '-e',
    `inject=${call}:${what}:when=${String(number)}`,
    '-o',
    output,
  ];
}

/** One call that is to go wrong. */
export interface InjectionPoint {
  readonly call: string;
  readonly path: string;
  /** From 1, among the calls of that name that have to do with the path. */
  readonly number: number;
  readonly fault: 'EIO' | 'ENOSPC' | 'EINTR' | 'KILL';
}

/** One call. */
export interface SystemCall {
  readonly name: string;
  /** Between the brackets, as strace writes it. */
  readonly args: string;
  /** Negative when it failed. */
  readonly result: number;
  /** How many calls had ended when this one began. */
  readonly since: number;
}

/** Reads what strace wrote; calls stand where they ended. */
export function readCalls(output: string): SystemCall[] {
  const calls: SystemCall[] = [];
  const begun = new Map<
    string,
    { readonly name: string; readonly args: string; readonly since: number }
  >();
  for (const line of readFileSync(output, 'latin1').split('\n')) {
    const [, thread = '', text = ''] = /^(\d+) +(.*)$/.exec(line) ?? [];
    const start = /^(\w+)\(/.exec(text);
    const resumed = /^<\.\.\. (\w+) resumed>/.exec(text);
    if (start === null && resumed === null) continue;
    if (text.endsWith(' <unfinished ...>')) {
      const [whole = '', name = ''] = start ?? [];
      const args = text.slice(whole.length, -' <unfinished ...>'.length);
      begun.set(thread, { name, args, since: calls.length });
      continue;
    }
    const equals = text.lastIndexOf(' = ');
    const end = text.lastIndexOf(')', equals);
    const result = Number.parseInt(text.slice(equals + 3), 10);
    const head = (start ?? resumed)?.[0].length ?? 0;
    const before = start === null ? begun.get(thread) : undefined;
    const args = `${before?.args ?? ''}${text.slice(head, Math.max(head, end)).trimEnd()}`;
    // Of a process that was killed in the middle.
    if (equals === -1 || Number.isNaN(result)) continue;
    calls.push({
      name: before?.name ?? start?.[1] ?? '',
      args,
      result,
      since: before?.since ?? calls.length,
    });
  }
  return calls;
}

/** The strings in quotation marks among the arguments, in order. */
export function stringsOf(args: string): Buffer[] {
  return [...args.matchAll(/"((?:\\x[0-9a-f]{2})*)"/g)].map(([, hex = '']) => bytesOf(hex));
}

/** The descriptor that comes first, and the path it is open on. */
export function descriptorOf(args: string): { readonly number: number; readonly path: string } {
  const [, number = '-1', hex = ''] = /^(\d+)(?:<((?:\\x[0-9a-f]{2})*)>)?/.exec(args) ?? [];
  return { number: Number(number), path: bytesOf(hex).toString() };
}

function bytesOf(escaped: string): Buffer {
  return Buffer.from(escaped.replaceAll('\\x', ''), 'hex');
}
