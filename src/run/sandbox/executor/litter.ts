// Memories of ended guests live until a full collection, and V8 does not count what they grew by: it
// would let them pile up until the jail gives no more, and then a guest's `memory.grow` fails for what
// others left.

import { collectGarbage } from './disarm.ts';

/** What may lie around; the jail's bound on memory leaves room for it. */
const MOST_BYTES = 256 * 1024 * 1024;

let lying = 0;

/** A guest ended and left that much memory. Collects when much has come together. */
export function leave(bytes: number): void {
  lying += bytes;
  if (lying < MOST_BYTES) return;
  lying = 0;
  collectGarbage();
}
