// Checks the host directories of a grant against the file system when it is given: they exist, are
// directories, are written as their real path, and none is or holds warder's own state.

import { realpath, stat } from 'node:fs/promises';
import { sep } from 'node:path';
import { WarderError } from '../base/errors/errors.ts';
import type { GrantFlags } from './grant-flags.ts';
import type { DirectoryGrant } from './installation.ts';
import { showText } from './names.ts';

/**
 * The flags with every host directory as its real path.
 *
 * @param forbidden Directories no grant may reach: home, install tree, signer state, client configs.
 *   A grant may neither lie inside one of them nor hold one of them.
 * @throws WarderError `usage`
 */
export async function resolveDirectories(
  flags: GrantFlags,
  forbidden: readonly string[],
): Promise<GrantFlags> {
  const kept = await Promise.all(forbidden.map(identify));
  const entries = flags.entries.map(async (entry) =>
    entry.flag === 'allow-read' || entry.flag === 'allow-write'
      ? { ...entry, directory: await resolveOne(entry.directory, kept) }
      : entry,
  );
  return { entries: await Promise.all(entries) };
}

/** The same for flags that take back: a directory that is gone stands as it is written. */
export async function resolveWhatIsThere(flags: GrantFlags): Promise<GrantFlags> {
  const entries = flags.entries.map(async (entry) => {
    if (entry.flag !== 'allow-read' && entry.flag !== 'allow-write') return entry;
    const { path } = await identify(entry.directory.host);
    return { ...entry, directory: { ...entry.directory, host: path } };
  });
  return { entries: await Promise.all(entries) };
}

interface Identity {
  readonly path: string;
  /** Device and inode, the same under every name a directory is mounted or linked at. */
  readonly key: string | undefined;
}

async function identify(path: string): Promise<Identity> {
  try {
    const real = await realpath(path);
    const { dev, ino } = await stat(real, { bigint: true });
    return { path: real, key: `${String(dev)}:${String(ino)}` };
  } catch {
    return { path, key: undefined };
  }
}

async function resolveOne(
  directory: DirectoryGrant,
  kept: readonly Identity[],
): Promise<DirectoryGrant> {
  const shown = `\`${showText(directory.host, 200)}\``;
  let real: string;
  try {
    real = await realpath(directory.host);
    if (!(await stat(real)).isDirectory()) {
      throw new WarderError('usage', `${shown} is not a directory`, {
        hint: 'grant the directory that holds it',
      });
    }
  } catch (cause) {
    if (cause instanceof WarderError) throw cause;
    throw new WarderError('usage', `the directory ${shown} cannot be read`, {
      hint: 'it must exist, and the user warder runs as must be able to open it',
      cause,
    });
  }
  const above = await ancestors(real);
  for (const own of kept) {
    const inside = own.key !== undefined && above.has(own.key);
    const holds = own.path === real || own.path.startsWith(real === sep ? sep : real + sep);
    if (inside || holds) {
      throw new WarderError('usage', `${shown} would show a tool warder's own files`, {
        hint: `grant a directory that neither holds nor lies in \`${own.path}\``,
      });
    }
  }
  return { host: real, guest: directory.guest };
}

/** Device and inode of a directory and of every directory above it. */
async function ancestors(real: string): Promise<ReadonlySet<string>> {
  const keys = new Set<string>();
  const segments = real.split(sep);
  for (let length = segments.length; length >= 1; length -= 1) {
    const { key } = await identify(segments.slice(0, length).join(sep) || sep);
    if (key !== undefined) keys.add(key);
  }
  return keys;
}
