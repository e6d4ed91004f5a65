// Every campaign by its name.

import type { FuzzTarget } from '../fuzz/target.ts';
import { kills } from './kills.ts';

export const CAMPAIGNS: ReadonlyMap<string, FuzzTarget> = new Map([['kills', kills]]);
