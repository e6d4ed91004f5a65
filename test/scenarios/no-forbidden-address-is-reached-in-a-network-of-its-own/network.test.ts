// Nothing but the one allowed address is ever connected to, as counted by whoever listens elsewhere.

import { execFile, execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const ALONE = ['--mount', '--propagation', 'private', '--net'];

/** Flags with which this user may have a network of its own; undefined where nobody may. */
function namespaceFlags(): readonly string[] | undefined {
  for (const flags of [ALONE, ['--user', '--map-root-user', ...ALONE]]) {
    try {
      execFileSync('unshare', [...flags, 'ip', 'link', 'set', 'lo', 'up'], { stdio: 'ignore' });
      return flags;
    } catch {
      // Not so.
    }
  }
  return undefined;
}

const flags = namespaceFlags();
if (flags === undefined) {
  console.error('SKIPPED: no network namespace can be made here, or `ip` is missing');
}

it.skipIf(flags === undefined)(
  'literals, names, lists, rebinding and redirects reach no forbidden address',
  { timeout: 180_000 },
  async () => {
    const script = join(import.meta.dirname, 'in-namespace.ts');
    const node = [process.execPath, '--disable-sigusr1', '--no-warnings', script];
    const { stdout } = await promisify(execFile)('unshare', [...(flags ?? []), ...node]);
    const seen = JSON.parse(stdout) as Record<string, unknown>;
    // The naive form gets to most of them, so they could be counted.
    expect(seen['reachedNaively']).toBeGreaterThan(20);
    expect(seen['failures']).toEqual([]);
    expect(seen['allowed']).toBeGreaterThan(30);
    expect(seen['forbidden']).toBe(0);
    // Two calls, each of which looked the name up once.
    expect(seen['asked']).toBe(2);
  },
);
