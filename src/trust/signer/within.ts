// Waiting for a device no longer than those who wait for us do.

/** How long a daemon that starts waits for a key: commands that start one give it ten seconds in all. */
export const START_PATIENCE_MS = 4_000;

/**
 * What `work` comes to, if that is in time. It goes on all the same.
 *
 * @throws what `work` throws, or what `late` makes.
 */
export async function within<T>(ms: number, work: Promise<T>, late: () => Error): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(late()), ms);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}
