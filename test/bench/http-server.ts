// A keep-alive HTTP server in a process of its own, for figures of requests.

import { fork } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const ANSWER = 'x'.repeat(1024);

export interface BenchServer {
  readonly url: string;
  stop(): void;
}

export async function benchServer(): Promise<BenchServer> {
  const child = fork(import.meta.filename, { execArgv: ['--disable-sigusr1', '--no-warnings'] });
  const port = await new Promise<number>((resolve, reject) => {
    child.once('message', (message) => resolve(Number(message)));
    child.once('exit', () => reject(new Error('the server ended')));
  });
  return { url: `http://127.0.0.1:${port}/`, stop: () => void child.kill() };
}

if (process.send !== undefined && process.argv[1] === import.meta.filename) {
  const server = createServer((_, response) => {
    response.setHeader('content-type', 'text/plain');
    response.end(ANSWER);
  });
  server.keepAliveTimeout = 60_000;
  server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
}
