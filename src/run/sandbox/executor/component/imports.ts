// Everything a component may import, for one call. Nothing here reaches the machine but through GuestHost.

import type { GuestHost } from '../engine.ts';
import { GuestClocks } from '../guest-clocks.ts';
import type { Stdio } from '../stdio.ts';
import { makeCli } from './cli.ts';
import { makeClocks, random } from './clocks.ts';
import { makeFilesystem } from './filesystem.ts';
import { makeHttp } from './http.ts';
import { InputStream, IoError, OutputStream, Pollable, poll } from './io.ts';
import { sockets } from './sockets.ts';
import { makeWarderHost } from './warder-host.ts';

const io: Record<string, object> = {
  'wasi:io/error': { Error: IoError },
  'wasi:io/poll': { Pollable, poll },
  'wasi:io/streams': { InputStream, OutputStream },
};

/** The import object for the glue, by interface name without version. */
export function makeImports(
  host: GuestHost,
  stdio: Stdio,
): {
  readonly imports: Readonly<Record<string, object>>;
  /**
   * The guest ended well: files it left open are put in place.
   *
   * @throws FileError when something it wrote is lost.
   */
  finish(): void;
} {
  const clocks = new GuestClocks(host);
  const filesystem = makeFilesystem(host, clocks);
  const imports = Object.assign(
    Object.create(null) as Record<string, object>,
    io,
    makeCli(host, stdio),
    makeClocks(clocks),
    random,
    filesystem.imports,
    makeHttp(host),
    sockets,
    makeWarderHost(host),
  );
  return { imports, finish: filesystem.finish };
}
