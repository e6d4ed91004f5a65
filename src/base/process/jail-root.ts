// The shell lines that build a jail's root from what the host has, as whoever may read it.

import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { JailPlan, JailTools } from './jail-plan.ts';

/** Exists everywhere and holds nothing a process of ours needs. Only the jail sees what is put there. */
const STAGE = '/sys';
/** The root under construction. */
export const ROOT = '/sys/root';
/** What a process that sees the host's files finds below /dev. */
const DEVICES = ['/dev/null', '/dev/urandom'];
const TABLE = `${STAGE}/mounts`;

/**
 * The lines that make {@link ROOT}. They run in a mount namespace of their own.
 *
 * @param files what a minimal root holds besides the plan's own.
 */
export function buildRoot(
  tools: JailTools,
  filesystem: JailPlan['filesystem'],
  files: readonly string[],
): readonly string[] {
  const start = [
    'set -eu',
    quote([tools.mount, '-n', '-t', 'tmpfs', '-o', 'size=4m,mode=755,nosuid,nodev', 'jail', STAGE]),
  ];
  if (filesystem.kind === 'host') {
    return [...start, ...hostRoot(tools, filesystem.hidden)];
  }
  // Directories before what is in them.
  const shown = [...new Set([...files, ...filesystem.readable])].sort();
  return [...start, ...minimalRoot(tools, shown)];
}

function minimalRoot(tools: JailTools, shown: readonly string[]): readonly string[] {
  const directories = shown.filter((path) => isDirectory(path));
  const files = shown.filter((path) => !directories.includes(path));
  const places = [...directories, ...files.map((file) => dirname(file))].map(inRoot);
  const table = shown.map((path) => mountLine(path, inRoot(path)));
  return [
    quote([tools.mkdir, '-p', ...new Set(places)]),
    ...files.map((file) => `: > ${quote([inRoot(file)])}`),
    `printf '%s\\n' ${quote(table)} > ${quote([TABLE])}`,
    quote([tools.mount, '-n', '--all', '--fstab', TABLE]),
    // Of the mount, not of the file system: root of a user namespace may do no more.
    quote([tools.mount, '-n', '-o', 'remount,bind,ro,nosuid,nodev', STAGE]),
  ];
}

function hostRoot(tools: JailTools, hidden: readonly string[]): readonly string[] {
  const lines = [
    quote([tools.mkdir, ROOT]),
    quote([tools.mount, '-n', '--rbind', '/', ROOT]),
    // Read-only: what is below /proc/sys belongs to root, capabilities or not.
    quote([
      tools.mount,
      '-n',
      '-t',
      'proc',
      '-o',
      'ro,nosuid,nodev,noexec',
      'proc',
      inRoot('/proc'),
    ]),
    quote([tools.mount, '-n', '-t', 'tmpfs', '-o', 'size=4k,mode=755', 'jail', inRoot('/dev')]),
    ...DEVICES.flatMap((device) => [
      `: > ${quote([inRoot(device)])}`,
      quote([tools.mount, '-n', '--bind', device, inRoot(device)]),
    ]),
  ];
  for (const path of hidden) {
    lines.push(
      isDirectory(path)
        ? quote([
            tools.mount,
            '-n',
            '-t',
            'tmpfs',
            '-o',
            'ro,size=4k,mode=555',
            'jail',
            inRoot(path),
          ])
        : quote([tools.mount, '-n', '--bind', '/dev/null', inRoot(path)]),
    );
  }
  return lines;
}

function inRoot(path: string): string {
  return `${ROOT}${path}`;
}

/** One line of fstab(5), in which white space separates and a backslash starts an octal number. */
function mountLine(from: string, to: string): string {
  return [octal(from), octal(to), 'none', 'bind,ro,nosuid,nodev', '0', '0'].join(' ');
}

function octal(path: string): string {
  return path.replace(
    /[\s\\#]/g,
    (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`,
  );
}

/** Words of a shell command, each taken as it is. */
export function quote(words: readonly string[]): string {
  return words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
}

function isDirectory(path: string): boolean {
  return statSync(path).isDirectory();
}
