// HTTP servers on loopback that count who connects to them.

import { createServer, type RequestListener } from 'node:http';
import { createServer as createSecureServer, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';

export interface LoopbackServer extends AsyncDisposable {
  readonly port: number;
  /** Connections accepted, whether or not anything was sent over them. */
  connections(): number;
}

export async function loopbackServer(
  answer: RequestListener,
  options: { readonly host?: string; readonly port?: number; readonly tls?: ServerOptions } = {},
): Promise<LoopbackServer> {
  const server =
    options.tls === undefined ? createServer(answer) : createSecureServer(options.tls, answer);
  let connections = 0;
  server.on('connection', () => {
    connections += 1;
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, options.host ?? '127.0.0.1', resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => connections,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}
