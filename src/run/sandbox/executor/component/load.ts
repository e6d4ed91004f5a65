// Components in the executor: core modules compiled once, the glue evaluated once, a fresh instance
// per call.

import { boundModule, startSizes } from '../../../../catalog/bound-module.ts';
import { CAPS } from '../../../../catalog/module-caps.ts';
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
import { FileError } from '../files/file-error.ts';
import { KeptStdio, loggedStdio, type Stdio } from '../stdio.ts';
import { isUsedUp } from '../used-up.ts';
import { callExports, describeExports, runProgram, type ComponentExports } from './conventions.ts';
import { GuestExit } from './err-result.ts';
import { evaluateGlue, type Instantiate } from './glue.ts';
import { makeImports } from './imports.ts';
import { wasm, type CoreMemory, type CoreModule } from '../web-assembly.ts';

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

interface Cores {
  readonly modules: ReadonlyMap<string, CoreModule>;
  /** Those with a memory or a table: a second instance in a call would take as much once more. */
  readonly owners: ReadonlySet<CoreModule>;
}

/**
 * Compiles the cores so that all their memories together stay below the limit: what is left of it
 * goes to each in proportion to the size it starts with (linkers add empty ones). Tables share theirs
 * equally.
 */
function compileCores(pkg: Extract<Package, { engine: 'component' }>): Cores {
  const facts = [...pkg.cores].map(([name, bytes]) => ({ name, bytes, ...startSizes(bytes) }));
  const started = sum(facts.map(({ memoryBytes }) => memoryBytes));
  const memories = sum(facts.map((each) => each.memories));
  const tables = sum(facts.map((each) => each.tables));
  const room = pkg.maxMemoryBytes - started;
  if (room < 0) {
    throw new GuestOutOfMemory('the component starts with more memory than its limit allows');
  }
  const elements = CAPS.tableElements - sum(facts.map(({ tableElements }) => tableElements));
  if (elements < 0) throw new GuestFailure('the component starts with too large tables');
  const modules = new Map<string, CoreModule>();
  const owners = new Set<CoreModule>();
  for (const each of facts) {
    const part = started === 0 ? each.memories / memories : each.memoryBytes / started;
    const bounded = boundModule(each.bytes, {
      memoryBytes: each.memoryBytes + (each.memories === 0 ? 0 : room * part),
      tableElements:
        each.tableElements + Math.floor((elements * each.tables) / Math.max(1, tables)),
    });
    const module = compile(each.name, bounded);
    modules.set(each.name, module);
    if (each.memories + each.tables > 0) owners.add(module);
  }
  return { modules, owners };
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

/** Core instances of one call: components inside components multiply. */
const MAX_INSTANCES = 256;

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

interface Ran {
  readonly value: unknown;
  readonly peakMemoryBytes: number;
}

class LoadedComponent implements LoadedTool {
  readonly #cores: Cores;
  readonly #instantiate: Instantiate;
  readonly #shape: Shape;
  readonly #maxMemoryBytes: number;

  constructor(cores: Cores, instantiate: Instantiate, shape: Shape, maxMemoryBytes: number) {
    this.#cores = cores;
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
    const { value, peakMemoryBytes } = this.#answer(tool, text, host);
    return { bytes: encoder.encode(JSON.stringify(value)), peakMemoryBytes };
  }

  #answer(tool: string, text: string, host: GuestHost): Ran {
    const shape = this.#shape;
    if (shape.convention !== 'command') {
      return this.#run(host, (instantiate) => callExports(shape, tool, text, instantiate));
    }
    const stdio = new KeptStdio(host, text);
    const work = (instantiate: () => ComponentExports): object =>
      stdio.answer(runProgram(shape.instance, instantiate));
    return this.#run(host, work, stdio);
  }

  #run(
    host: GuestHost,
    work: (instantiate: () => ComponentExports) => unknown,
    stdio: Stdio = loggedStdio(host),
  ): Ran {
    const memories = new Set<CoreMemory>();
    const instantiated = new Set<CoreModule>();
    let instances = 0;
    const { imports, finish } = makeImports(host, stdio);
    try {
      const value = work(() =>
        this.#instantiate(
          (name) => this.#module(name),
          imports,
          (module, importObject) => {
            instances += 1;
            if (instances > MAX_INSTANCES) throw new GuestFailure('too many instances');
            if (instantiated.has(module) && this.#cores.owners.has(module)) {
              throw new GuestFailure(
                'a core module with a memory or a table is instantiated twice',
              );
            }
            instantiated.add(module);
            const instance = new wasm.Instance(module, importObject);
            for (const exported of Object.values(instance.exports)) {
              if (exported instanceof wasm.Memory) memories.add(exported);
            }
            return instance;
          },
        ),
      );
      finish();
      return { value, peakMemoryBytes: totalBytes(memories) };
    } catch (thrown) {
      throw this.#failure(thrown, totalBytes(memories));
    } finally {
      stdio.end();
    }
  }

  /** A guest that traps with its memory used up ran out of it: its allocator gave up. */
  #failure(thrown: unknown, memoryBytes: number): GuestFailure {
    const trapped = thrown instanceof wasm.RuntimeError || thrown instanceof RangeError;
    const failure =
      trapped && isUsedUp(memoryBytes, this.#maxMemoryBytes)
        ? new GuestOutOfMemory('the tool used up the memory it may have')
        : asFailure(thrown);
    failure.peakMemoryBytes = memoryBytes;
    return failure;
  }

  #module(name: string): CoreModule {
    const module = this.#cores.modules.get(name);
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
  if (thrown instanceof FileError) {
    return new GuestFailure(`a file the tool left open could not be written: ${thrown.message}`);
  }
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
