// What mutation starts from: the sample tools and the hostile fixtures.

import { globSync, readFileSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { headerKind } from '../../src/catalog/read-component.ts';

const root = resolve(import.meta.dirname, '../..');

export interface Seed {
  readonly name: string;
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly kind: 'module' | 'component';
}

/** By name, so that a seed number means the same everywhere. */
export function seeds(): readonly Seed[] {
  const found: Seed[] = [];
  for (const path of globSync(['tools/*/*.wasm', 'test/fixtures/wasm/*.wasm'], { cwd: root })) {
    const bytes = new Uint8Array(readFileSync(resolve(root, path)));
    const kind = headerKind(bytes);
    if (kind !== undefined) {
      found.push({ name: basename(path, '.wasm'), path: resolve(root, path), bytes, kind });
    }
  }
  return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}
