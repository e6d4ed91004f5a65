// `warder mcp`: a byte relay between stdio and an agent's socket. Imports nothing but node:net.

import { connect, type Socket } from 'node:net';

export interface RelayOptions {
  readonly socketPath: string;
  /** One JSON line sent before the client's bytes, without its newline. */
  readonly preamble?: string;
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
  process.stdin.pipe(socket);
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

function open(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path, allowHalfOpen: true });
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(socket);
    });
    socket.once('error', reject);
  });
}
