// What holds for everything that admission lets through, looked at with V8's eyes rather than its own.

import { type Admitted, admit } from '../../src/catalog/admit.ts';
import { boundModule, isMeasuredMemory } from '../../src/catalog/bound-module.ts';
import { coreImportType } from '../../src/catalog/import-allowlist.ts';
import { readModule } from '../../src/catalog/read-module.ts';
import { WarderError } from '../../src/base/errors/errors.ts';
import { Finding } from './target.ts';

interface Described {
  readonly name: string;
  readonly kind: string;
}
interface Growable {
  grow(by: number): number;
}
interface WebAssemblyApi {
  readonly Module: {
    new (bytes: Uint8Array): object;
    imports(module: object): readonly (Described & { readonly module: string })[];
    exports(module: object): readonly Described[];
  };
  readonly Instance: new (
    module: object,
    imports: object,
  ) => { readonly exports: Readonly<Record<string, unknown>> };
  readonly Memory: new (...given: never[]) => Growable;
  readonly Table: new (...given: never[]) => Growable;
}
const wasm = (globalThis as unknown as { readonly WebAssembly: WebAssemblyApi }).WebAssembly;

const PAGE = 65_536;
const MEMORY_PAGES = 16;
const TABLE_ELEMENTS = 262_144;
/** So much reading no file of the corpus needs; a busy machine may stall now and then. */
const MS_PER_MIB = 2000;

/** Undefined for bytes that are refused. @throws Finding when admission does anything but admit or refuse. */
export function admitOrRefuse(bytes: Uint8Array): Admitted | undefined {
  const start = process.cpuUsage();
  const admitted = tryToAdmit(bytes);
  const { user, system } = process.cpuUsage(start);
  if ((user + system) / 1000 > MS_PER_MIB * (1 + bytes.length / 1024 ** 2)) {
    throw new Finding('admission took too long', bytes);
  }
  return admitted;
}

function tryToAdmit(bytes: Uint8Array): Admitted | undefined {
  try {
    return admit(bytes);
  } catch (error) {
    if (error instanceof WarderError && error.code === 'not-admitted') return undefined;
    throw new Finding('admission threw something else than a refusal', bytes, { cause: error });
  }
}

/**
 * Compares an admitted module with what V8 makes of it.
 *
 * @returns whether V8 compiles it at all
 */
export function compareWithV8(bytes: Uint8Array): boolean {
  let bounded: Uint8Array;
  try {
    bounded = boundModule(bytes, { memoryBytes: MEMORY_PAGES * PAGE });
  } catch (error) {
    if (error instanceof WarderError) return false;
    throw new Finding('bounding an admitted module failed', bytes, { cause: error });
  }
  let module: object;
  try {
    module = new wasm.Module(bounded);
  } catch {
    return false;
  }
  for (const { module: from, name, kind } of wasm.Module.imports(module)) {
    if (kind !== 'function' || coreImportType(from, name) === undefined) {
      throw new Finding(`V8 sees the import \`${from} ${name}\``, bytes);
    }
  }
  const facts = readModule(bytes);
  const [seen, read] = [wasm.Module.exports(module), facts.exports].map((exports) =>
    JSON.stringify(
      exports.filter(({ name }) => !isMeasuredMemory(name)).map(({ name, kind }) => [name, kind]),
    ),
  );
  if (seen !== read) throw new Finding('V8 sees other exports', bytes);
  if (!facts.hasStart) tryToGrow(module, bytes);
  return true;
}

function tryToGrow(module: object, bytes: Uint8Array): void {
  const imports: Record<string, Record<string, unknown>> = {};
  for (const { module: from, name } of wasm.Module.imports(module)) {
    imports[from] ??= {};
    imports[from][name] = () => 0;
  }
  let exports: Readonly<Record<string, unknown>>;
  try {
    ({ exports } = new wasm.Instance(module, imports));
  } catch {
    // Its segments do not fit, or V8 takes no memory of that size.
    return;
  }
  for (const exported of Object.values(exports)) {
    const room = exported instanceof wasm.Memory ? MEMORY_PAGES : TABLE_ELEMENTS;
    if (!(exported instanceof wasm.Memory || exported instanceof wasm.Table)) continue;
    let grown = false;
    try {
      exported.grow(room + 1);
      grown = true;
    } catch {
      // As it should be.
    }
    if (grown) throw new Finding('a memory or table grows past its bound', bytes);
  }
}
