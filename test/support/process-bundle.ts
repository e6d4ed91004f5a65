// Processes of ours as one file each, made from the sources as they are now.

import { mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '../..');

export type ProcessName = 'executor' | 'files-broker' | 'egress-broker';

interface BundleScript {
  bundleProcess(root: string, dist: string, name: ProcessName): Promise<string>;
}

const made = new Map<ProcessName, Promise<string>>();

/** Absolute path of the executor's bundle; made once per process. */
export function executorBundle(): Promise<string> {
  return processBundle('executor');
}

/** Absolute path of a process's bundle; made once per process. */
export function processBundle(name: ProcessName): Promise<string> {
  const bundle = made.get(name) ?? make(name);
  made.set(name, bundle);
  return bundle;
}

/** Test processes run side by side: each makes the same file and moves it into place whole. */
async function make(name: ProcessName): Promise<string> {
  const script = new URL('../../scripts/bundle.mjs', import.meta.url).href;
  const { bundleProcess } = (await import(script)) as BundleScript;
  const cache = join(root, '.cache');
  mkdirSync(join(cache, 'test-bundles'), { recursive: true });
  const scratch = mkdtempSync(join(cache, 'test-bundle-'));
  try {
    const bundle = await bundleProcess(root, scratch, name);
    const path = join(cache, 'test-bundles', basename(bundle));
    renameSync(bundle, path);
    return path;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
