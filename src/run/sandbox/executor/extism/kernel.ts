// Extism's kernel (`extism:host/env`), served from bounded memory of ours. The SDK's own leaves blocks,
// variables and log to the guest's discretion, and ends every block's life with the plugin's.

import { GuestFailure, type LogLevel } from '../engine.ts';
import type { CallState, Span } from './call-state.ts';

/** A function the guest imports. */
export type HostFunction = (...values: never[]) => bigint | number | void;

/** Gives the call that runs now; throws when none does. */
export type CurrentCall = () => CallState;

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** What get_log_level answers: everything is logged. */
const TRACE = 0;

export function kernelFunctions(current: CurrentCall): Record<string, HostFunction> {
  return { ...memoryFunctions(current), ...callFunctions(current) };
}

function memoryFunctions(current: CurrentCall): Record<string, HostFunction> {
  return {
    alloc: (size: bigint) => BigInt(current().alloc(Number(BigInt.asUintN(64, size)))),
    free: (at: bigint) => current().memory.free(Number(at)),
    length: (at: bigint) => BigInt(current().memory.length(Number(at))),
    length_unsafe: (at: bigint) => BigInt(current().memory.length(Number(at))),
    load_u8: (at: bigint) => current().memory.loadU8(Number(at)),
    load_u64: (at: bigint) => current().memory.loadU64(Number(at)),
    store_u8: (at: bigint, value: number) => current().memory.storeU8(Number(at), value),
    store_u64: (at: bigint, value: bigint) => current().memory.storeU64(Number(at), value),
  };
}

function callFunctions(current: CurrentCall): Record<string, HostFunction> {
  return {
    input_offset: () => BigInt(current().input.at),
    input_length: () => BigInt(current().input.length),
    input_load_u8: (offset: bigint) => {
      const state = current();
      return state.memory.loadU8(inInput(state, offset, 1));
    },
    input_load_u64: (offset: bigint) => {
      const state = current();
      return state.memory.loadU64(inInput(state, offset, 8));
    },
    output_set: (at: bigint, length: bigint) => {
      const state = current();
      state.output = span(state, Number(at), Number(length), 'output');
    },
    error_set: (address: bigint) => {
      const state = current();
      const at = Number(address);
      state.error = at === 0 ? undefined : span(state, at, state.memory.length(at), 'error');
    },
    error_get: () => BigInt(current().error?.at ?? 0),
    config_get: (at: bigint) => {
      const state = current();
      const key = text(state, at);
      const value = key === undefined ? undefined : state.host.config[key];
      return value === undefined ? 0n : state.store(encoder.encode(value));
    },
    var_get: (at: bigint) => {
      const state = current();
      const name = text(state, at);
      const value = name === undefined ? undefined : state.variable(name);
      return value === undefined ? 0n : state.store(value);
    },
    var_set: (at: bigint, valueAt: bigint) => {
      const state = current();
      const name = text(state, at);
      if (name === undefined) return;
      const value = valueAt === 0n ? undefined : state.memory.block(Number(valueAt));
      if (value === undefined) state.deleteVariable(name);
      else state.setVariable(name, value);
    },
    log_trace: logger(current, 'debug'),
    log_debug: logger(current, 'debug'),
    log_info: logger(current, 'info'),
    log_warn: logger(current, 'warn'),
    log_error: logger(current, 'error'),
    get_log_level: () => TRACE,
  };
}

function logger(current: CurrentCall, level: LogLevel): HostFunction {
  return (at: bigint) => {
    const state = current();
    const line = text(state, at);
    if (line !== undefined) state.host.log(level, line);
  };
}

function text(state: CallState, at: bigint): string | undefined {
  const bytes = state.memory.block(Number(at));
  return bytes === undefined ? undefined : decoder.decode(bytes);
}

function inInput(state: CallState, offset: bigint, width: number): number {
  const at = Number(offset);
  if (!(at >= 0 && at + width <= state.input.length)) {
    state.end(new GuestFailure('trap: a read outside of the input'));
  }
  return state.input.at + at;
}

function span(state: CallState, at: number, length: number, what: string): Span {
  // Kits say "nothing" with any offset.
  if (length === 0) return { at, length };
  const block = state.memory.block(at);
  if (block === undefined || !(length >= 0 && length <= block.length)) {
    state.end(new GuestFailure(`the ${what} is not within a block`));
  }
  return { at, length };
}
