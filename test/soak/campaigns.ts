// Every campaign by its name.

import type { FuzzTarget } from '../fuzz/target.ts';
import { faults, lostTileFaults } from './faults.ts';
import { fullDisk } from './full-disk.ts';
import { kills } from './kills.ts';
import { leaseKills } from './lease-kills.ts';
import { lostTiles, lyingDisk, powerCuts } from './power-cuts.ts';
import { recovery } from './recovery.ts';

export const CAMPAIGNS: ReadonlyMap<string, FuzzTarget> = new Map([
  ['kills', kills],
  ['lease-kills', leaseKills],
  ['faults', faults],
  ['full-disk', fullDisk],
  ['power-cuts', powerCuts],
  ['lying-disk', lyingDisk],
  ['lost-tiles', lostTiles],
  ['lost-tile-faults', lostTileFaults],
  ['recovery', recovery],
]);
