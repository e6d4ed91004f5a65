// WASI preview 1 for the guests of an executor, in the place where the Extism SDK expects `node:wasi`:
// args, granted environment, clocks, random, stdio, granted directories through the daemon. node:wasi
// itself is no sandbox and never reaches a guest.

import { GuestFailure } from '../engine.ts';
import { FileError } from '../files/file-error.ts';
import { descriptorFunctions } from './descriptor-functions.ts';
import { Errno, ERRNO_OF, WasiError } from './errno.ts';
import { bindMemory, endWith } from './guest.ts';
import { ioFunctions } from './io-functions.ts';
import { pathFunctions } from './path-functions.ts';
import { processFunctions } from './process-functions.ts';

/** A WASI function before errors become numbers. */
export type WasiFunction = (...values: never[]) => Errno | void;

export type WasiImports = Readonly<Record<string, (...values: never[]) => Errno>>;

/** One guest runs at a time, so the imports are made once. */
export const wasiImports: WasiImports = makeImports();

interface Instance {
  readonly exports: Readonly<Record<string, unknown>>;
}

/** Of the shape of `node:wasi`'s class, as far as the SDK uses it. */
export class WASI {
  readonly wasiImport: WasiImports = wasiImports;

  /** Takes a reactor's memory and lets it initialise itself. */
  initialize({ exports }: Instance): void {
    bindMemory(exports);
    const { _initialize } = exports;
    if (typeof _initialize === 'function') (_initialize as () => void)();
  }

  /** Takes a command's memory; the SDK hands in a `_start` that does nothing. */
  start({ exports }: Instance): void {
    bindMemory(exports);
    const { _start } = exports;
    if (typeof _start === 'function') (_start as () => void)();
  }
}

function makeImports(): WasiImports {
  const functions: Record<string, WasiFunction> = {
    ...processFunctions,
    ...ioFunctions,
    ...descriptorFunctions,
    ...pathFunctions,
  };
  const made = Object.create(null) as Record<string, (...values: never[]) => Errno>;
  for (const [name, serve] of Object.entries(functions)) {
    made[name] = (...values) => numbered(serve, values);
  }
  return made;
}

function numbered(serve: WasiFunction, values: never[]): Errno {
  try {
    return serve(...values) ?? Errno.success;
  } catch (error) {
    if (error instanceof WasiError) return error.errno;
    if (error instanceof FileError) return ERRNO_OF[error.code];
    if (error instanceof GuestFailure) return endWith(error);
    throw error;
  }
}
