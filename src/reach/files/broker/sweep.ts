// Removes temporary files that killed brokers left in a directory.

import { lstatSync, opendirSync, unlinkSync } from 'node:fs';
import { type Held, pathOf } from './descriptor-walk.ts';
import { makerOf } from './temporary-name.ts';

/** A write takes seconds; what is older is nobody's, whoever made it. */
const STALE_MS = 3_600_000;
const MAX_SWEPT = 10_000;

/**
 * Sweeps one held directory. Never throws: it is a courtesy.
 *
 * @param dead brokers that are known to have ended.
 * @param now wall milliseconds.
 */
export function sweepTemporaries(directory: Held, dead: ReadonlySet<string>, now: number): void {
  try {
    for (const name of leftovers(directory)) {
      const path = pathOf(directory.descriptor, name);
      const isDead = dead.has(makerOf(name) ?? '');
      if (isDead || now - lstatSync(path).mtimeMs > STALE_MS) unlinkSync(path);
    }
  } catch {
    // An unreadable directory keeps its leftovers; they stay hidden.
  }
}

function leftovers(directory: Held): readonly string[] {
  const found: string[] = [];
  const listing = opendirSync(pathOf(directory.descriptor));
  try {
    for (let seen = 0; seen < MAX_SWEPT; seen += 1) {
      const entry = listing.readSync();
      if (entry === null) break;
      if (makerOf(entry.name) !== undefined && entry.isFile()) found.push(entry.name);
    }
  } finally {
    listing.closeSync();
  }
  return found;
}
