// The wall clock, through WASI.

// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "clock_time_get")
declare function clock_time_get(clock: i32, precision: u64, result: usize): i32;

/** Milliseconds since 1970-01-01T00:00:00Z; 0 when the host tells no time. */
export function now(): i64 {
  const at = heap.alloc(8);
  return clock_time_get(0, 1000000, at) == 0 ? load<u64>(at) / 1000000 : 0;
}
