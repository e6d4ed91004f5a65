// Damage to the files of a log that a start mends: tiles that are gone, or cut short.

import { readdirSync, rmSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import type { Random } from '../fuzz/random.ts';

/** No bundle of 256 leaves is as short; what is lost of a longer one only an audit sees. */
const SHORT = 512;

/** Loses all tiles of a log, or some of them. */
export function loseTiles(log: string, random: Random): void {
  const tiles = join(log, 'tile');
  if (random.chance(1, 3)) return rmSync(tiles, { recursive: true });
  const files = readdirSync(tiles, { recursive: true, encoding: 'utf8' })
    .map((name) => join(tiles, name))
    .filter((path) => statSync(path).isFile());
  for (const path of files) {
    const fate = random.below(9);
    if (fate < 3) rmSync(path);
    else if (fate < 5) truncateSync(path, random.below(SHORT));
  }
}
