// Streams end when the user or the reader has enough.

/** Aborted by the first signal, and when nobody reads what is printed. */
export function stopOnSignal(): AbortSignal {
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort());
  process.once('SIGTERM', () => stop.abort());
  process.stdout.once('error', () => stop.abort());
  return stop.signal;
}
