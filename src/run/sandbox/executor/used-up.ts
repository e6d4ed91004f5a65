// When a guest's memory counts as used up. Shared by both ends.

/** Allocators ask for many pages at once: so much below the limit they give up. */
const MARGIN_BYTES = 32 * 65_536;

/** Whether a guest with so much memory was about to want more than it may have. */
export function isUsedUp(memoryBytes: number, limitBytes: number): boolean {
  return memoryBytes > limitBytes - Math.min(MARGIN_BYTES, limitBytes / 4);
}
