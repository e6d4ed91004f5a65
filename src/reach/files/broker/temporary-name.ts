// Names of files while they are written: random, hidden from guests, and telling which broker made
// them, so that those of a dead one can be swept at once.

import { randomBytes } from 'node:crypto';

const PATTERN = /^\.warder-([0-9a-f]{32})(?:-[0-9a-f]{32})?\.tmp$/;

/** @param maker the broker's id, 32 hex digits. */
export function temporaryName(maker: string): string {
  return `.warder-${maker}-${randomBytes(16).toString('hex')}.tmp`;
}

/** The id of the broker that made it; undefined for a name that is none of ours. */
export function makerOf(name: string): string | undefined {
  return PATTERN.exec(name)?.[1];
}

export function isTemporaryName(name: string): boolean {
  return PATTERN.test(name);
}
