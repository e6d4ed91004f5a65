// WASI preview 1 for the guests of an executor, in the place where the Extism SDK expects `node:wasi`:
// args, granted environment, clocks, random, stdio into the log, granted directories through the
// daemon. Everything else is refused. node:wasi itself is no sandbox and never reaches a guest.

import { Descriptors } from './descriptors.ts';
import { fileFunctions } from './file-functions.ts';
import { GuestMemory } from './guest-memory.ts';
import { currentHost, whenGuestEnds } from './guest.ts';
import { processFunctions } from './process-functions.ts';
import { Errno, WasiError } from './errno.ts';
import { GuestFailure } from '../engine.ts';

/** The state of one guest, made when it first calls. */
export interface Guest {
  readonly memory: GuestMemory;
  readonly descriptors: Descriptors;
}

/** A WASI function before errors become numbers. */
export type WasiFunction = (...values: never[]) => Errno | void;

/** Refused wherever they are called. */
const REFUSED = [
  'path_create_directory',
  'path_filestat_set_times',
  'path_link',
  'path_remove_directory',
  'path_rename',
  'path_symlink',
  'path_unlink_file',
  'path_readlink',
  'fd_filestat_set_times',
  'fd_fdstat_set_rights',
  'fd_allocate',
];
/** There are no sockets. */
const ABSENT = ['sock_accept', 'sock_recv', 'sock_send', 'sock_shutdown'];

interface Instance {
  readonly exports: Readonly<Record<string, unknown>>;
}

/** The guest that runs, once its memory is known. One runs at a time, so the imports are made once. */
let bound: Guest | undefined;
const imports = makeImports(() => {
  if (bound === undefined) throw new GuestFailure('trap: a WASI call before the memory is known');
  return bound;
});

/** Of the shape of `node:wasi`'s class, as far as the SDK uses it. */
export class WASI {
  readonly wasiImport: WasiImports = imports;

  constructor() {
    bound = undefined;
  }

  /** Takes a reactor's memory and lets it initialise itself. */
  initialize({ exports }: Instance): void {
    bind(exports);
    const { _initialize } = exports;
    if (typeof _initialize === 'function') (_initialize as () => void)();
  }

  /** Takes a command's memory; the SDK hands in a `_start` that does nothing. */
  start({ exports }: Instance): void {
    bind(exports);
    const { _start } = exports;
    if (typeof _start === 'function') (_start as () => void)();
  }
}

export type WasiImports = Readonly<Record<string, (...values: never[]) => Errno>>;

function bind(exports: Readonly<Record<string, unknown>>): void {
  const memory = exports['memory'] as ConstructorParameters<typeof GuestMemory>[0];
  const descriptors = new Descriptors(currentHost());
  bound = { memory: new GuestMemory(memory), descriptors };
  whenGuestEnds(() => {
    bound = undefined;
    descriptors.end();
  });
}

function makeImports(guest: () => Guest): WasiImports {
  const functions: Record<string, WasiFunction> = {
    ...processFunctions(guest),
    ...fileFunctions(guest),
  };
  for (const name of REFUSED) functions[name] = () => Errno.notcapable;
  for (const name of ABSENT) functions[name] = () => Errno.nosys;
  const made: Record<string, (...values: never[]) => Errno> = {};
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
    throw error;
  }
}
