// `warder mcp`: a byte relay between stdio and an agent's socket. Imports next to nothing, so that it starts fast.

import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { END_OF_INPUT } from './end-of-input.ts';

const PARENT_POLL_MS = 250;

export interface RelayOptions {
  readonly socketPath: string;
  /** One JSON line sent before the client's bytes, without its newline. */
  readonly preamble?: string;
  /** What the client's bytes go through on their way; they go as they are when absent. */
  readonly through?: Duplex;
  /** Starts a daemon and waits until it answers; called only when none does. */
  readonly startDaemon: () => Promise<void>;
}

/**
 * Relays until either side ends. Nothing but the peer's bytes goes to stdout.
 *
 * @returns the process exit code.
 */
export async function relay(options: RelayOptions): Promise<number> {
  let socket: Socket;
  try {
    socket = await open(options.socketPath);
  } catch {
    await options.startDaemon();
    socket = await open(options.socketPath);
  }
  if (options.preamble !== undefined) socket.write(`${options.preamble}\n`);
  const { through } = options;
  const client = through === undefined ? process.stdin : process.stdin.pipe(through);
  client.on('error', () => socket.destroy());
  client.pipe(socket, { end: false });
  client.once('end', () => {
    socket.write(`\n${END_OF_INPUT}\n`);
    endWithParent(socket);
  });
  socket.pipe(process.stdout);
  process.stdout.on('error', () => socket.destroy());
  return new Promise((resolve) => {
    socket.on('error', () => resolve(7));
    socket.on('close', () => {
      process.stdin.destroy();
      resolve(0);
    });
  });
}

/** A client that was killed also ends our stdin; then nobody waits for the answers. */
function endWithParent(socket: Socket): void {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid !== parent) socket.destroy();
  }, PARENT_POLL_MS);
  timer.unref();
}

function open(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(socket);
    });
    socket.once('error', reject);
  });
}
