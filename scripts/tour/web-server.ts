// A web server on this machine with a public and an administrative part; it counts who came where.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface WebServer {
  readonly port: number;
  /** Requests for paths that start with `prefix`. */
  requests(prefix: string): number;
  close(): Promise<void>;
}

const PUBLIC_PAGE = `<!doctype html>
<html lang="en"><head><title>Opening hours</title></head>
<body><main><h1>Opening hours</h1><p>The reading room is open from nine to five.</p></main></body></html>
`;

/** Listens on a free loopback port. */
export async function startWebServer(): Promise<WebServer> {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    seen.push(path);
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.end(path.startsWith('/admin') ? '<p>all accounts deleted</p>' : PUBLIC_PAGE);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    requests: (prefix) => seen.filter((path) => path.startsWith(prefix)).length,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
