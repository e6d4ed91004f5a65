// Third-party vectors as this room's tests read them.

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { vectorSuite } from '../../support/vectors.ts';

/** Every JSON document at or below `path`, by its name; none when the vectors are not there. */
export function vectorFiles(path: string): Map<string, unknown> {
  const from = vectorSuite(path);
  if (from === undefined) return new Map();
  const names = statSync(from).isFile()
    ? ['']
    : readdirSync(from, { recursive: true, encoding: 'utf8' }).filter((name) =>
        name.endsWith('.json'),
      );
  return new Map(
    names.map((name) => [name, JSON.parse(readFileSync(join(from, name), 'utf8')) as unknown]),
  );
}
