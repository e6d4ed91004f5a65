// Components in the executor: core modules compiled once, the glue evaluated once, a fresh instance
// per call.

import { limitMemory } from '../../../../catalog/limit-memory.ts';
import type { Shape } from '../../transpile/shape.ts';
import {
  GuestFailure,
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
 * @throws WarderError `not-admitted` when a memory starts larger than the limit, GuestFailure when the
 *   glue or a core module cannot be compiled.
 */
export async function loadComponent(
  pkg: Extract<Package, { engine: 'component' }>,
): Promise<LoadedTool> {
  const modules = new Map<string, CoreModule>();
  for (const [name, bytes] of pkg.cores) {
    modules.set(name, compile(name, limitMemory(bytes, pkg.maxMemoryBytes)));
  }
  const instantiate = await evaluateGlue(pkg.glue);
  const shape = JSON.parse(pkg.shape) as Shape;
  return new LoadedComponent(modules, instantiate, shape);
}

function compile(name: string, bytes: Uint8Array): CoreModule {
  try {
    return new wasm.Module(bytes);
  } catch (cause) {
    throw new GuestFailure(`the core module \`${name}\` does not compile`, { cause });
  }
}

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

class LoadedComponent implements LoadedTool {
  readonly #modules: ReadonlyMap<string, CoreModule>;
  readonly #instantiate: Instantiate;
  readonly #shape: Shape;

  constructor(
    modules: ReadonlyMap<string, CoreModule>,
    instantiate: Instantiate,
    shape: Shape,
  ) {
    this.#modules = modules;
    this.#instantiate = instantiate;
    this.#shape = shape;
  }

  describe(host: GuestHost): { readonly convention: 'warder' | 'wit'; readonly tools: unknown } {
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
      throw asFailure(thrown);
    } finally {
      end();
    }
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
  if (thrown instanceof wasm.RuntimeError)
    return new GuestFailure(`trap: ${thrown.message}`);
  if (thrown instanceof RangeError) return new GuestFailure(`trap: ${thrown.message}`);
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
