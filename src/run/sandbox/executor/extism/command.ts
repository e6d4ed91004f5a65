// Programs of WASI preview 1: modules that export `_start` and nothing else to call. One operation:
// arguments and standard input in, what they print and their exit code out.

import { commandDefinition } from '../command-definition.ts';
import { GuestFailure } from '../engine.ts';
import { bindMemory, GuestExit, guestExit } from '../wasi/guest.ts';
import { wasiImports } from '../wasi/index.ts';
import { isOperation } from './plain.ts';
import { type CoreInstance, type CoreModule, wasm } from '../web-assembly.ts';

const START = '_start';

/** Whether a module with these exported functions is a program. */
export function isCommand(functions: ReadonlySet<string>): boolean {
  return functions.has(START) && ![...functions].some(isOperation);
}

/** The operation a program is. */
export function describeCommand(): readonly object[] {
  return [commandDefinition];
}

/** Makes an instance whose WASI calls are answered. */
export function startCommand(module: CoreModule, functions: object | undefined): CoreInstance {
  const instance = new wasm.Instance(module, {
    ...functions,
    wasi_snapshot_preview1: wasiImports,
  });
  bindMemory(instance.exports);
  return instance;
}

/**
 * Runs a program to its end.
 *
 * @returns its exit code.
 * @throws GuestFailure when it did not exit but was ended, whatever it does with what it is told.
 */
export function runCommand({ exports }: CoreInstance): number {
  const start = exports[START];
  if (typeof start !== 'function') throw new GuestFailure('the module exports no `_start`');
  try {
    (start as () => void)();
  } catch (thrown) {
    if (guestExit() === undefined) throw thrown;
  }
  const end = guestExit();
  if (end === undefined) return 0;
  if (end instanceof GuestExit && end.code !== undefined) return end.code;
  throw end;
}
