// Extism plugins in the executor: compiled once, a fresh plugin of the SDK for each call, with the
// SDK's ways out (fetch, stdio, unbounded blocks and variables) replaced by ours.

import { createPlugin, type ExtismPluginOptions } from '@extism/extism';

import { boundModule } from '../../../../catalog/bound-module.ts';
import {
  type Description,
  type GuestAnswer,
  GuestFailure,
  type GuestHost,
  GuestOutOfMemory,
  type LoadedTool,
  type Package,
} from '../engine.ts';
import { isUsedUp } from '../used-up.ts';
import { KeptStdio, type Stdio } from '../stdio.ts';
import { endGuest, guestExit, settleGuest, startGuest } from '../wasi/guest.ts';
import { CallState } from './call-state.ts';
import { describeCommand, isCommand, runCommand, startCommand } from './command.ts';
import { describePlain, isOperation, plainAnswer, plainInput } from './plain.ts';
import { hostFunctions } from './host-functions.ts';
import { httpFunctions } from './http.ts';
import { type HostFunction, kernelFunctions } from './kernel.ts';
import { type CoreModule, wasm } from '../web-assembly.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });
const lenient = new TextDecoder();

/**
 * Compiles a plugin.
 *
 * @throws WarderError `not-admitted` when its memory starts larger than the limit, GuestFailure when
 *   it does not compile.
 */
export function loadExtism(pkg: Extract<Package, { engine: 'extism' }>): LoadedTool {
  const bytes = boundModule(pkg.wasm, { memoryBytes: pkg.maxMemoryBytes });
  let module: CoreModule;
  try {
    module = new wasm.Module(bytes);
  } catch (cause) {
    throw new GuestFailure(`the module does not compile: ${messageOf(cause)}`, { cause });
  }
  return new LoadedPlugin(module, pkg.maxMemoryBytes);
}

class LoadedPlugin implements LoadedTool {
  readonly #module: CoreModule;
  readonly #maxMemoryBytes: number;
  readonly #convention: 'warder' | 'plain' | 'command';
  readonly #functions: ExtismPluginOptions['functions'];
  #running: CallState | undefined;

  constructor(module: CoreModule, maxMemoryBytes: number) {
    this.#module = module;
    this.#maxMemoryBytes = maxMemoryBytes;
    const functions = new Set<string>();
    for (const { kind, name } of wasm.Module.exports(module)) {
      if (kind === 'function') functions.add(name);
    }
    this.#convention = conventionOf(functions);
    const current = (): CallState => {
      if (this.#running === undefined) throw new GuestFailure('no call runs');
      return this.#running;
    };
    this.#functions = {
      'extism:host/env': withoutContext({ ...kernelFunctions(current), ...httpFunctions(current) }),
      'extism:host/user': withoutContext(hostFunctions(current)),
    };
  }

  async describe(host: GuestHost): Promise<Description> {
    switch (this.#convention) {
      case 'plain': {
        // Instantiated all the same: a module that does not link must not be admitted.
        const { exports } = await this.#run(host, NOTHING, undefined);
        return { convention: 'plain', tools: describePlain(exports) };
      }
      case 'command':
        await this.#guarded(host, NOTHING, undefined, () =>
          startCommand(this.#module, this.#functions),
        );
        return { convention: 'command', tools: describeCommand() };
      case 'warder': {
        const { output } = await this.#run(host, NOTHING, 'describe');
        return { convention: 'warder', tools: JSON.parse(decoder.decode(output)) as unknown };
      }
    }
  }

  async call(tool: string, argumentBytes: Uint8Array, host: GuestHost): Promise<GuestAnswer> {
    switch (this.#convention) {
      case 'command':
        return this.#command(host, argumentBytes);
      case 'plain': {
        if (!isOperation(tool)) throw new GuestFailure(`\`${tool}\` is no operation`);
        const ran = await this.#run(host, plainInput(argumentBytes), tool);
        return { bytes: plainAnswer(ran.output), peakMemoryBytes: ran.peakMemoryBytes };
      }
      case 'warder': {
        const ran = await this.#run(host, callInput(tool, argumentBytes), 'call');
        return { bytes: ran.output, peakMemoryBytes: ran.peakMemoryBytes };
      }
    }
  }

  /** Makes a plugin, calls one export of it unless there is none to call, and drops it. */
  async #run(
    host: GuestHost,
    input: Uint8Array,
    name: string | undefined,
  ): Promise<{
    readonly output: Uint8Array;
    readonly exports: Exports;
    readonly peakMemoryBytes: number;
  }> {
    return this.#guarded(host, input, undefined, async (state, track) => {
      const plugin = await createPlugin(
        { wasm: [{ module: this.#module, name: 'main' }] },
        {
          useWasi: true,
          // With it the SDK opens no descriptor for WASI; the class that stands in ignores them.
          enableWasiOutput: true,
          logger: SILENT,
          logLevel: 'silent',
          fetch: noFetch,
          functions: this.#functions,
        },
      );
      const exports = track(await plugin.getInstance());
      if (name !== undefined) await plugin.call(name);
      const output = name === undefined ? NOTHING : outputOf(state);
      settleGuest();
      return { output, exports, peakMemoryBytes: memoryBytes(exports) + state.heldBytes };
    });
  }

  /** Runs a program from its start to its end. */
  #command(host: GuestHost, argumentBytes: Uint8Array): Promise<GuestAnswer> {
    const stdio = new KeptStdio(host, decoder.decode(argumentBytes));
    return this.#guarded(host, NOTHING, stdio, (state, track) => {
      const instance = startCommand(this.#module, this.#functions);
      const exports = track(instance);
      const exitCode = runCommand(instance);
      settleGuest();
      const bytes = encoder.encode(JSON.stringify(stdio.answer(exitCode)));
      return { bytes, peakMemoryBytes: memoryBytes(exports) + state.heldBytes };
    });
  }

  /** Runs one guest; whatever becomes of it, nothing of it is left. */
  async #guarded<T>(
    host: GuestHost,
    input: Uint8Array,
    stdio: Stdio | undefined,
    work: (
      state: CallState,
      track: (instance: { readonly exports: Exports }) => Exports,
    ) => T | Promise<T>,
  ): Promise<T> {
    const state = new CallState(host, this.#maxMemoryBytes, input);
    this.#running = state;
    startGuest(host, stdio);
    let exports: Exports = {};
    try {
      return await work(state, (instance) => (exports = instance.exports));
    } catch (thrown) {
      const memory = memoryBytes(exports);
      const failure = endOf(state) ?? this.#failure(thrown, memory);
      failure.peakMemoryBytes = memory + state.heldBytes;
      throw failure;
    } finally {
      this.#running = undefined;
      endGuest();
    }
  }

  /** A guest that traps with its memory used up ran out of it: its allocator gave up. */
  #failure(thrown: unknown, memory: number): GuestFailure {
    const full = isTrap(thrown) && isUsedUp(memory, this.#maxMemoryBytes);
    return full
      ? new GuestOutOfMemory('the tool used up the memory it may have')
      : asFailure(thrown);
  }
}

function conventionOf(functions: ReadonlySet<string>): 'warder' | 'plain' | 'command' {
  if (functions.has('describe') && functions.has('call')) return 'warder';
  return isCommand(functions) ? 'command' : 'plain';
}

type Exports = Readonly<Record<string, unknown>>;

const NOTHING = new Uint8Array(0);

/** The SDK binds its context in front of the arguments; ours need none, and are called directly. */
function withoutContext(functions: Record<string, HostFunction>): Record<string, () => unknown> {
  for (const host of Object.values(functions)) {
    Object.defineProperty(host, 'bind', { value: () => host });
  }
  return functions;
}

/** How the guest ended itself or was ended; it can catch what is thrown through it. */
function endOf(state: CallState): GuestFailure | undefined {
  return guestExit() ?? state.ended;
}

/** What the call set as its output, or why there is none. */
function outputOf(state: CallState): Uint8Array {
  const end = endOf(state);
  if (end !== undefined) throw end;
  if (state.error !== undefined) throw new GuestFailure(lenient.decode(state.take(state.error)));
  if (state.output === undefined) throw new GuestFailure('the tool ended without an answer');
  return state.take(state.output);
}

/** `{"name":NAME,"arguments":ARGUMENTS}`, the bytes of the arguments untouched. */
function callInput(tool: string, argumentBytes: Uint8Array): Uint8Array {
  const prefix = encoder.encode(`{"name":${JSON.stringify(tool)},"arguments":`);
  const input = new Uint8Array(prefix.length + argumentBytes.length + 1);
  input.set(prefix);
  input.set(argumentBytes, prefix.length);
  input[input.length - 1] = 0x7d;
  return input;
}

/** Each memory once, by whatever names it is exported. */
function memoryBytes(exports: Exports): number {
  let total = 0;
  for (const exported of new Set(Object.values(exports))) {
    if (exported instanceof wasm.Memory) total += exported.buffer.byteLength;
  }
  return total;
}

/** Whatever ended the guest, in words. */
function asFailure(thrown: unknown): GuestFailure {
  if (thrown instanceof GuestFailure) return thrown;
  return new GuestFailure(isTrap(thrown) ? `trap: ${messageOf(thrown)}` : messageOf(thrown), {
    cause: thrown,
  });
}

function isTrap(thrown: unknown): boolean {
  return thrown instanceof wasm.RuntimeError || thrown instanceof RangeError;
}

function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : 'something that is no error was thrown';
}

const nothing = (): void => {};
const SILENT = {
  trace: nothing,
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
} as unknown as Console;

function noFetch(): Promise<Response> {
  throw new GuestFailure('there is no network in the executor');
}
