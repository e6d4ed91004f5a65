// The executor as one file, made from the sources as they are now.

import { mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '../..');

interface BundleScript {
  bundleExecutor(root: string, dist: string): Promise<string>;
}

let made: Promise<string> | undefined;

/** Absolute path of the bundle; made once per process. */
export function executorBundle(): Promise<string> {
  made ??= make();
  return made;
}

/** Test processes run side by side: each makes the same file and moves it into place whole. */
async function make(): Promise<string> {
  const script = new URL('../../scripts/bundle.mjs', import.meta.url).href;
  const { bundleExecutor } = (await import(script)) as BundleScript;
  const cache = join(root, '.cache');
  mkdirSync(join(cache, 'test-executor'), { recursive: true });
  const scratch = mkdtempSync(join(cache, 'test-executor-'));
  try {
    const path = join(cache, 'test-executor', 'executor.mjs');
    renameSync(await bundleExecutor(root, scratch), path);
    return path;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
