// Doing many things a few at a time.

/**
 * Does `work` for each, in their order, at most `most` at once. When one fails no other is begun, and those that
 * are under way are waited for: nothing goes on behind whoever is told.
 *
 * @throws what one that failed threw.
 */
export async function sideBySide<T>(
  most: number,
  each: Generator<T>,
  work: (one: T) => Promise<void>,
): Promise<void> {
  // Whoever fails leaves the loop, and with it ends the generator for all.
  const lane = async (): Promise<void> => {
    for (const one of each) await work(one);
  };
  const ends = await Promise.allSettled(Array.from({ length: most }, lane));
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
}
