// Warder's home met through bind mounts: of itself, of a directory in it, of a file in it; below what
// is granted, and as what is granted. The device is the same, and no name says where it comes from.

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fileTree } from '../../support/file-tree.ts';
import { processBundle } from '../../support/process-bundle.ts';

interface Seen {
  readonly place: string;
  readonly naive: string;
  readonly ours: string;
}

const namespace = ['--mount', '--propagation', 'private'];
const unshare = process.getuid?.() === 0 ? namespace : ['--user', '--map-root-user', ...namespace];
const mounts = spawnSync('unshare', [...unshare, 'true']).status === 0;

describe.runIf(mounts).each(['openat2', 'walk'])('by %s', (way) => {
  it('is read by the naive form, and by no grant', async () => {
    using tree = fileTree();
    const brokerPath = await processBundle('files-broker');
    const script = join(import.meta.dirname, 'mounted.mjs');
    const { stdout, stderr, status } = spawnSync(
      'unshare',
      [...unshare, process.execPath, '--no-warnings', script, brokerPath, way, tree.root],
      { encoding: 'utf8' },
    );
    expect(status, stderr).toBe(0);
    const seen = JSON.parse(stdout) as Seen[];
    expect(seen).toHaveLength(5);
    for (const { place, naive, ours } of seen) {
      expect(naive, place).toBe('key');
      expect(ours, place).toBe('denied');
    }
  });
});
