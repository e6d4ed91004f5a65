// The Extism kernel as an AssemblyScript plugin sees it: input, output, error, log, config,
// HTTP. Memory is the bump heap of `--runtime stub`: a call runs in a fresh instance, and
// `begin` resets the heap for hosts that reuse one.

import { Bytes, Out, utf8 } from './bytes';

// @ts-ignore: decorator
@external("extism:host/env", "alloc")
declare function env_alloc(length: u64): u64;
// @ts-ignore: decorator
@external("extism:host/env", "length")
declare function env_length(block: u64): u64;
// @ts-ignore: decorator
@external("extism:host/env", "free")
declare function env_free(block: u64): void;
// @ts-ignore: decorator
@external("extism:host/env", "load_u8")
declare function env_load_u8(at: u64): u32;
// @ts-ignore: decorator
@external("extism:host/env", "load_u64")
declare function env_load_u64(at: u64): u64;
// @ts-ignore: decorator
@external("extism:host/env", "store_u8")
declare function env_store_u8(at: u64, value: u32): void;
// @ts-ignore: decorator
@external("extism:host/env", "store_u64")
declare function env_store_u64(at: u64, value: u64): void;
// @ts-ignore: decorator
@external("extism:host/env", "input_length")
declare function env_input_length(): u64;
// @ts-ignore: decorator
@external("extism:host/env", "input_load_u8")
declare function env_input_load_u8(at: u64): u32;
// @ts-ignore: decorator
@external("extism:host/env", "input_load_u64")
declare function env_input_load_u64(at: u64): u64;
// @ts-ignore: decorator
@external("extism:host/env", "output_set")
declare function env_output_set(block: u64, length: u64): void;
// @ts-ignore: decorator
@external("extism:host/env", "error_set")
declare function env_error_set(block: u64): void;
// @ts-ignore: decorator
@external("extism:host/env", "config_get")
declare function env_config_get(key: u64): u64;
// @ts-ignore: decorator
@external("extism:host/env", "log_info")
declare function env_log_info(block: u64): void;
// @ts-ignore: decorator
@external("extism:host/env", "http_request")
declare function env_http_request(request: u64, body: u64): u64;
// @ts-ignore: decorator
@external("extism:host/env", "http_status_code")
declare function env_http_status_code(): i32;

/** Forgets everything a former call left on the heap. First statement of an export. */
// @ts-ignore: decorator
@inline
export function begin(): void {
  heap.reset();
}

/** The call's whole input, copied into this module's memory. */
export function input(): Bytes {
  const length = <i32>env_input_length();
  const ptr = heap.alloc(length + 8);
  let i = 0;
  for (; i + 8 <= length; i += 8) store<u64>(ptr + i, env_input_load_u64(i));
  for (; i < length; i++) store<u8>(ptr + i, <u8>env_input_load_u8(i));
  return new Bytes(ptr, length);
}

/** Copies bytes into a new host block and gives its offset. */
export function toBlock(ptr: usize, length: i32): u64 {
  const block = env_alloc(length);
  let i = 0;
  for (; i + 8 <= length; i += 8) env_store_u64(block + i, load<u64>(ptr + i));
  for (; i < length; i++) env_store_u8(block + i, load<u8>(ptr + i));
  return block;
}

/** Copies a host block into this module's memory. Offset 0 gives no bytes. */
export function fromBlock(block: u64): Bytes {
  const length = block == 0 ? 0 : <i32>env_length(block);
  const ptr = heap.alloc(length + 8);
  let i = 0;
  for (; i + 8 <= length; i += 8) store<u64>(ptr + i, env_load_u64(block + i));
  for (; i < length; i++) store<u8>(ptr + i, <u8>env_load_u8(block + i));
  return new Bytes(ptr, length);
}

/** Replaces what `out` holds by a host block's bytes, in the memory it already has. */
export function intoOut(block: u64, out: Out): void {
  const length = block == 0 ? 0 : <i32>env_length(block);
  out.length = 0;
  out.reserve(length);
  let i = 0;
  for (; i + 8 <= length; i += 8) store<u64>(out.ptr + i, env_load_u64(block + i));
  for (; i < length; i++) store<u8>(out.ptr + i, <u8>env_load_u8(block + i));
  out.length = length;
  if (block != 0) env_free(block);
}

/** Makes the bytes the call's output. */
export function output(ptr: usize, length: i32): void {
  env_output_set(toBlock(ptr, length), length);
}

/** Reports that the call failed; an export returns this value. */
export function fail(message: string): i32 {
  const bytes = utf8(message);
  env_error_set(toBlock(bytes.ptr, bytes.length));
  return 1;
}

/** A line for the operator's log. */
export function logInfo(message: Bytes): void {
  env_log_info(toBlock(message.ptr, message.length));
}

/** The configuration value the operator set, or null. */
export function config(key: string): Bytes | null {
  const bytes = utf8(key);
  const block = env_config_get(toBlock(bytes.ptr, bytes.length));
  return block == 0 ? null : fromBlock(block);
}

/** One HTTP request: `request` is Extism's JSON {method,url,headers}. Gives the body. */
export function httpRequest(request: Bytes): Bytes {
  return fromBlock(env_http_request(toBlock(request.ptr, request.length), 0));
}

/** Status of the last `httpRequest`. */
export function httpStatus(): i32 {
  return env_http_status_code();
}

/** `--use abort=`: an assertion or a thrown error of the guest becomes the call's error. */
export function abort(message: string | null, file: string | null, line: u32, column: u32): void {
  fail('aborted: ' + (message === null ? 'no message' : message));
  unreachable();
}
