// Paths of the sample tools and the hostile modules.

import { join } from 'node:path';
import { repository } from './warder.ts';

/** A package directory of tools/. */
export function sampleTool(name: string): string {
  return join(repository, 'tools', name);
}

/** A module of test/fixtures/wasm. */
export function fixture(name: string): string {
  return join(repository, 'test', 'fixtures', 'wasm', `${name}.wasm`);
}
