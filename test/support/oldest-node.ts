// The oldest line of Node that warder promises to run on, fetched once for the tests that use it.

import { resolve } from 'node:path';

const root = resolve(import.meta.dirname, '../..');

interface OldestNodeScript {
  oldestNode(root: string): { readonly node: string; readonly version: string };
}

/** Path of that Node. */
export async function oldestNode(): Promise<string> {
  const script = new URL('../../scripts/oldest-node.mjs', import.meta.url).href;
  return ((await import(script)) as OldestNodeScript).oldestNode(root).node;
}
