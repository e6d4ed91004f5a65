// Names of files while they are written: random, and hidden from guests.

import { randomBytes } from 'node:crypto';

const PATTERN = /^\.warder-[0-9a-f]{32}\.tmp$/;

export function temporaryName(): string {
  return `.warder-${randomBytes(16).toString('hex')}.tmp`;
}

export function isTemporaryName(name: string): boolean {
  return PATTERN.test(name);
}
