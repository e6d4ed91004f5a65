// wasi:cli: granted environment, no arguments, an empty stdin, output into the call's log, no
// terminal; exit ends the call and nothing else.

import type { GuestHost, LogLevel } from '../engine.ts';
import { absentResource } from './absent-resource.ts';
import { GuestExit } from './err-result.ts';
import { InputStream, OutputStream, type Sink } from './io.ts';

/** Bytes of one log line; a longer one is split. */
const MAX_LINE = 8192;

/** Turns what a guest prints into log lines. */
class LineLog implements Sink {
  readonly #host: GuestHost;
  readonly #level: LogLevel;
  readonly #decoder = new TextDecoder();
  #line = '';

  constructor(host: GuestHost, level: LogLevel) {
    this.#host = host;
    this.#level = level;
  }

  write(bytes: Uint8Array): void {
    this.#line += this.#decoder.decode(bytes, { stream: true });
    const lines = this.#line.split('\n');
    this.#line = lines.pop() ?? '';
    for (const line of lines) this.#host.log(this.#level, line);
    if (this.#line.length > MAX_LINE) this.end();
  }

  /** Logs what stands without a line end. */
  end(): void {
    if (this.#line === '') return;
    this.#host.log(this.#level, this.#line);
    this.#line = '';
  }
}

const TerminalInput = absentResource('terminal-input');
const TerminalOutput = absentResource('terminal-output');

/** The wasi:cli interfaces for one call; `end` logs unfinished lines. */
export function makeCli(host: GuestHost): {
  readonly imports: Record<string, object>;
  end(): void;
} {
  const out = new LineLog(host, 'info');
  const err = new LineLog(host, 'warn');
  const imports = {
    'wasi:cli/environment': {
      getEnvironment: () => Object.entries(host.env),
      getArguments: () => [],
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
    'wasi:cli/stdin': { getStdin: () => new InputStream(new Uint8Array()) },
    'wasi:cli/stdout': { getStdout: () => new OutputStream(out) },
    'wasi:cli/stderr': { getStderr: () => new OutputStream(err) },
    'wasi:cli/terminal-input': { TerminalInput },
    'wasi:cli/terminal-output': { TerminalOutput },
    'wasi:cli/terminal-stdin': { getTerminalStdin: () => undefined },
    'wasi:cli/terminal-stdout': { getTerminalStdout: () => undefined },
    'wasi:cli/terminal-stderr': { getTerminalStderr: () => undefined },
  };
  return {
    imports,
    end: () => {
      out.end();
      err.end();
    },
  };
}
