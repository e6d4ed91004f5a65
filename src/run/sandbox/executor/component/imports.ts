// Everything a component may import, for one call. Nothing here reaches the machine but through GuestHost.

import type { GuestHost } from '../engine.ts';
import { makeCli } from './cli.ts';
import { clocks, random } from './clocks.ts';
import { filesystem } from './filesystem.ts';
import { makeHttp } from './http.ts';
import { InputStream, IoError, OutputStream, Pollable, poll } from './io.ts';
import { makeWarderHost } from './warder-host.ts';

const io: Record<string, object> = {
  'wasi:io/error': { Error: IoError },
  'wasi:io/poll': { Pollable, poll },
  'wasi:io/streams': { InputStream, OutputStream },
};

/** The import object for the glue, by interface name without version, and what to do when the call ends. */
export function makeImports(host: GuestHost): {
  readonly imports: Readonly<Record<string, object>>;
  end(): void;
} {
  const cli = makeCli(host);
  const imports = Object.assign(
    Object.create(null) as Record<string, object>,
    io,
    cli.imports,
    clocks,
    random,
    filesystem,
    makeHttp(host),
    makeWarderHost(host),
  );
  return { imports, end: cli.end };
}
