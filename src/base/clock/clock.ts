// The one way to learn the time. Pure rooms get the value handed in; the gate reads it once per call.

/** Two clocks that must not be mixed. */
export interface Clock {
  /** Wall time: milliseconds since 1970-01-01T00:00:00Z. Can be set back by anyone with the right. */
  wall(): number;
  /** Monotonic milliseconds since an arbitrary start: for deadlines and latencies. */
  monotonic(): number;
}

/** The machine's clocks. */
export const systemClock: Clock = {
  wall: () => Date.now(),
  monotonic: () => performance.now(),
};
