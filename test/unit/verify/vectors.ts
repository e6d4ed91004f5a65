// Where the third-party vectors are; absent, their tests say so loudly and check nothing.

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

const root =
  process.env['WARDER_VECTORS'] ?? join(import.meta.dirname, '../../../../shared/vectors');

/** Every JSON document below `path`, by its name; none when the vectors are not there. */
export function vectorFiles(path: string): Map<string, unknown> {
  const from = join(root, path);
  if (!existsSync(from)) {
    console.error(`SKIPPED: vectors not found at ${from}; set WARDER_VECTORS`);
    return new Map();
  }
  const names = statSync(from).isFile()
    ? ['']
    : readdirSync(from, { recursive: true, encoding: 'utf8' }).filter((name) =>
        name.endsWith('.json'),
      );
  return new Map(
    names.map((name) => [name, JSON.parse(readFileSync(join(from, name), 'utf8')) as unknown]),
  );
}
