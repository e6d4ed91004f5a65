// Third-party vectors that are not part of the repository: WARDER_VECTORS, else ../shared/vectors.

import { existsSync } from 'node:fs';
import { join } from 'node:path';

const folder =
  process.env['WARDER_VECTORS'] ?? join(import.meta.dirname, '../../../shared/vectors');

/** Path of a suite, or undefined, said loudly, when it is not there. */
export function vectorSuite(name: string): string | undefined {
  const path = join(folder, name);
  if (existsSync(path)) return path;
  console.error(`SKIPPED: vectors \`${name}\` not found at ${path}; set WARDER_VECTORS`);
  return undefined;
}
