// Components in the executor: core modules compiled once, the glue evaluated once, a fresh instance
// per call.

import { limitMemory } from '../../../../catalog/limit-memory.ts';
import { readModule } from '../../../../catalog/read-module.ts';
import type { Shape } from '../../transpile/shape.ts';
import {
  GuestFailure,
  GuestOutOfMemory,
  type Description,
  type GuestAnswer,
  type GuestHost,
  type LoadedTool,
  type Package,
} from '../engine.ts';
import { callExports, describeExports, type ComponentExports } from './conventions.ts';
import { GuestExit } from './err-result.ts';
import { evaluateGlue, type Instantiate } from './glue.ts';
import { makeImports } from './imports.ts';
import { wasm, type CoreMemory, type CoreModule } from './web-assembly.ts';

/**
 * Compiles a transpiled component.
 *
 * @throws GuestOutOfMemory when its memories start larger than the limit, GuestFailure when the glue
 *   or a core module cannot be compiled.
 */
export async function loadComponent(
  pkg: Extract<Package, { engine: 'component' }>,
): Promise<LoadedTool> {
  const instantiate = await evaluateGlue(pkg.glue);
  const shape = JSON.parse(pkg.shape) as Shape;
  return new LoadedComponent(compileCores(pkg), instantiate, shape, pkg.maxMemoryBytes);
}

/**
 * Compiles the cores so that all their memories together stay below the limit: what is left of it
 * goes to each in proportion to the size it starts with (linkers add empty ones).
 */
function compileCores(
  pkg: Extract<Package, { engine: 'component' }>,
): ReadonlyMap<string, CoreModule> {
  const starts = new Map<string, number>();
  let memories = 0;
  for (const [name, bytes] of pkg.cores) {
    const own = readModule(bytes).memories;
    memories += own.length;
    if (own.length > 0) {
      starts.set(name, own.length * PAGE * Math.max(...own.map(({ minimum }) => minimum)));
    }
  }
  const started = sum([...starts.values()]);
  const room = pkg.maxMemoryBytes - started;
  if (room < 0) {
    throw new GuestOutOfMemory('the component starts with more memory than its limit allows');
  }
  const modules = new Map<string, CoreModule>();
  for (const [name, bytes] of pkg.cores) {
    const start = starts.get(name) ?? 0;
    const part = started === 0 ? 1 / memories : start / started;
    modules.set(name, compile(name, limitMemory(bytes, start + room * part)));
  }
  return modules;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function compile(name: string, bytes: Uint8Array): CoreModule {
  try {
    return new wasm.Module(bytes);
  } catch (cause) {
    throw new GuestFailure(`the core module \`${name}\` does not compile`, { cause });
  }
}

const PAGE = 65_536;
/** Allocators ask for many pages at once; so much below the limit counts as full. */
const FULL_MARGIN = 32 * PAGE;

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

class LoadedComponent implements LoadedTool {
  readonly #modules: ReadonlyMap<string, CoreModule>;
  readonly #instantiate: Instantiate;
  readonly #shape: Shape;
  readonly #maxMemoryBytes: number;

  constructor(
    modules: ReadonlyMap<string, CoreModule>,
    instantiate: Instantiate,
    shape: Shape,
    maxMemoryBytes: number,
  ) {
    this.#modules = modules;
    this.#instantiate = instantiate;
    this.#shape = shape;
    this.#maxMemoryBytes = maxMemoryBytes;
  }

  describe(host: GuestHost): Description {
    const tools = this.#run(host, (instantiate) => describeExports(this.#shape, instantiate)).value;
    return { convention: this.#shape.convention, tools };
  }

  call(tool: string, argumentBytes: Uint8Array, host: GuestHost): GuestAnswer {
    const text = decoder.decode(argumentBytes);
    const { value, peakMemoryBytes } = this.#run(host, (instantiate) =>
      callExports(this.#shape, tool, text, instantiate),
    );
    return { bytes: encoder.encode(JSON.stringify(value)), peakMemoryBytes };
  }

  #run(
    host: GuestHost,
    work: (instantiate: () => ComponentExports) => unknown,
  ): { readonly value: unknown; readonly peakMemoryBytes: number } {
    const memories = new Set<CoreMemory>();
    const { imports, end } = makeImports(host);
    try {
      const value = work(() =>
        this.#instantiate(
          (name) => this.#module(name),
          imports,
          (module, importObject) => {
            const instance = new wasm.Instance(module, importObject);
            for (const exported of Object.values(instance.exports)) {
              if (exported instanceof wasm.Memory) memories.add(exported);
            }
            return instance;
          },
        ),
      );
      return { value, peakMemoryBytes: totalBytes(memories) };
    } catch (thrown) {
      throw this.#failure(thrown, totalBytes(memories));
    } finally {
      end();
    }
  }

  /** A guest that traps with its memory used up ran out of it: its allocator gave up. */
  #failure(thrown: unknown, memoryBytes: number): GuestFailure {
    const trapped = thrown instanceof wasm.RuntimeError || thrown instanceof RangeError;
    const full = memoryBytes > this.#maxMemoryBytes - FULL_MARGIN;
    const failure =
      trapped && full
        ? new GuestOutOfMemory('the tool used up the memory it may have')
        : asFailure(thrown);
    failure.peakMemoryBytes = memoryBytes;
    return failure;
  }

  #module(name: string): CoreModule {
    const module = this.#modules.get(name);
    if (module === undefined) throw new GuestFailure(`the core module \`${name}\` is missing`);
    return module;
  }
}

function totalBytes(memories: Iterable<CoreMemory>): number {
  let total = 0;
  for (const memory of memories) total += memory.buffer.byteLength;
  return total;
}

/** Whatever ended the guest, in words. */
function asFailure(thrown: unknown): GuestFailure {
  if (thrown instanceof GuestFailure) return thrown;
  if (thrown instanceof GuestExit) return new GuestFailure(thrown.message);
  if (thrown instanceof wasm.RuntimeError || thrown instanceof RangeError) {
    return new GuestFailure(`trap: ${thrown.message.replace(/^wasm trap: /, '')}`);
  }
  if (thrown instanceof Error) {
    // The error case of an exported function, as the glue throws it.
    if (Object.hasOwn(thrown, 'payload')) {
      return new GuestFailure(payloadText((thrown as Error & { payload: unknown }).payload));
    }
    return new GuestFailure(`${thrown.name}: ${thrown.message}`);
  }
  return new GuestFailure(payloadText(thrown));
}

function payloadText(payload: unknown): string {
  if (typeof payload === 'string') return payload;
  const text = JSON.stringify(payload, (_, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value,
  ) as string | undefined;
  return text ?? 'an error without a message';
}
