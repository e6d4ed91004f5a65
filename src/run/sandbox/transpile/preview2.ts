// Stands in for the package `@bytecodealliance/preview2-shim` when jco's own component is loaded:
// the shim starts a worker and opens the machine; this gives a component nothing.

import type { GuestHost } from '../executor/engine.ts';
import { makeImports } from '../executor/component/imports.ts';
import { loggedStdio } from '../executor/stdio.ts';

const nothing: GuestHost = {
  request: () => ({ ok: false, code: 'denied', message: 'nothing is granted here' }),
  log: () => undefined,
  env: {},
  config: {},
  roots: [],
};

const { imports } = makeImports(nothing, loggedStdio(nothing));

function part(name: string): object {
  const found = imports[name];
  if (found === undefined) throw new Error(`no interface ${name}`);
  return found;
}

export const environment: object = part('wasi:cli/environment');
export const exit: object = part('wasi:cli/exit');
export const stdin: object = part('wasi:cli/stdin');
export const stdout: object = part('wasi:cli/stdout');
export const stderr: object = part('wasi:cli/stderr');
export const terminalInput: object = part('wasi:cli/terminal-input');
export const terminalOutput: object = part('wasi:cli/terminal-output');
export const terminalStdin: object = part('wasi:cli/terminal-stdin');
export const terminalStdout: object = part('wasi:cli/terminal-stdout');
export const terminalStderr: object = part('wasi:cli/terminal-stderr');
export const monotonicClock: object = part('wasi:clocks/monotonic-clock');
export const wallClock: object = part('wasi:clocks/wall-clock');
export const preopens: object = part('wasi:filesystem/preopens');
export const types: object = part('wasi:filesystem/types');
export const error: object = part('wasi:io/error');
export const poll: object = part('wasi:io/poll');
export const streams: object = part('wasi:io/streams');
export const random: object = part('wasi:random/random');
