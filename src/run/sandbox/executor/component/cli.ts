// wasi:cli: granted environment; arguments and streams as the call has them; no terminal. Exit ends the
// call and nothing else.

import type { GuestHost } from '../engine.ts';
import type { Stdio } from '../stdio.ts';
import { absentResource } from './absent-resource.ts';
import { GuestExit } from './err-result.ts';
import { InputStream, OutputStream, WholeBytes } from './io.ts';

const TerminalInput = absentResource('terminal-input');
const TerminalOutput = absentResource('terminal-output');

/** The wasi:cli interfaces for one call. */
export function makeCli(host: GuestHost, stdio: Stdio): Record<string, object> {
  const input = new WholeBytes(stdio.input);
  return {
    'wasi:cli/environment': {
      getEnvironment: () => Object.entries(host.env),
      getArguments: () => stdio.args,
      initialCwd: () => undefined,
    },
    'wasi:cli/exit': {
      exit: (status: { readonly tag: string }) => {
        throw new GuestExit(status.tag === 'ok' ? 0 : 1);
      },
      exitWithCode: (status: number) => {
        throw new GuestExit(status);
      },
    },
    'wasi:cli/stdin': { getStdin: () => new InputStream(input) },
    'wasi:cli/stdout': {
      getStdout: () => new OutputStream({ write: (bytes) => stdio.writeOutput(bytes) }),
    },
    'wasi:cli/stderr': {
      getStderr: () => new OutputStream({ write: (bytes) => stdio.writeError(bytes) }),
    },
    'wasi:cli/terminal-input': { TerminalInput },
    'wasi:cli/terminal-output': { TerminalOutput },
    'wasi:cli/terminal-stdin': { getTerminalStdin: () => undefined },
    'wasi:cli/terminal-stdout': { getTerminalStdout: () => undefined },
    'wasi:cli/terminal-stderr': { getTerminalStderr: () => undefined },
  };
}
