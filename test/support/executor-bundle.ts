// The executor as one file, made from the sources as they are now.

import { rmSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '../..');

interface BundleScript {
  bundleExecutor(root: string, dist: string): Promise<string>;
}

let made: Promise<string> | undefined;

/** Absolute path of the bundle; made once per process and removed with it. */
export function executorBundle(): Promise<string> {
  made ??= make();
  return made;
}

async function make(): Promise<string> {
  const script = new URL('../../scripts/bundle.mjs', import.meta.url).href;
  const { bundleExecutor } = (await import(script)) as BundleScript;
  const dist = join(root, '.cache', `executor-${process.pid}`);
  process.on('exit', () => rmSync(dist, { recursive: true, force: true }));
  return bundleExecutor(root, dist);
}
