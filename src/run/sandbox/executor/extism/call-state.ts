// What one call of an Extism plugin has done so far: its shared memory, variables, answer and error.

import { GuestFailure, type GuestHost, GuestOutOfMemory } from '../engine.ts';
import { Arena } from './arena.ts';

/** What a variable costs the host besides its name and value. */
const VARIABLE_COST = 64;

/** A stretch of the shared memory. */
export interface Span {
  readonly at: number;
  readonly length: number;
}

export class CallState {
  readonly host: GuestHost;
  readonly memory: Arena;
  readonly input: Span;
  readonly #maxBytes: number;
  readonly #variables = new Map<string, Uint8Array>();
  output: Span | undefined;
  error: Span | undefined;
  httpStatus = 0;
  httpHeaders: Readonly<Record<string, string>> = {};
  /** Why the call is over, although the guest may have caught what ended it. */
  ended: GuestFailure | undefined;

  constructor(host: GuestHost, maxBytes: number, input: Uint8Array) {
    this.host = host;
    this.#maxBytes = maxBytes;
    this.memory = new Arena(maxBytes);
    this.input = { at: this.memory.store(input), length: input.length };
  }

  /** Bytes the host holds for the guest, besides its own memory. */
  get heldBytes(): number {
    return this.memory.heldBytes + this.memory.besides;
  }

  /** Ends the call: throws through the guest, and is remembered if the guest catches it. */
  end(failure: GuestFailure): never {
    this.ended ??= failure;
    throw failure;
  }

  alloc(length: number): number {
    try {
      return this.memory.alloc(length);
    } catch (error) {
      return this.end(asFailure(error));
    }
  }

  store(bytes: Uint8Array): bigint {
    const at = this.alloc(bytes.length);
    this.memory.block(at)?.set(bytes);
    return BigInt(at);
  }

  /** A copy of a span's bytes. */
  take({ at, length }: Span): Uint8Array {
    if (length === 0) return new Uint8Array(0);
    const block = this.memory.block(at);
    if (block === undefined) return this.end(new GuestFailure('the answer was freed'));
    return block.slice(0, length);
  }

  variable(name: string): Uint8Array | undefined {
    return this.#variables.get(name);
  }

  setVariable(name: string, value: Uint8Array): void {
    this.deleteVariable(name);
    this.memory.besides += name.length * 2 + value.length + VARIABLE_COST;
    if (this.heldBytes > this.#maxBytes) {
      this.end(new GuestOutOfMemory(`more than ${this.#maxBytes} bytes held in the host`));
    }
    this.#variables.set(name, value.slice());
  }

  deleteVariable(name: string): void {
    const old = this.#variables.get(name);
    if (old === undefined) return;
    this.memory.besides -= name.length * 2 + old.length + VARIABLE_COST;
    this.#variables.delete(name);
  }
}

function asFailure(error: unknown): GuestFailure {
  return error instanceof GuestFailure
    ? error
    : new GuestOutOfMemory('the host has no more memory');
}
