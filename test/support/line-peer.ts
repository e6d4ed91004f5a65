// A peer on a Unix socket that speaks lines.

import { connect, type Socket } from 'node:net';

export interface LinePeer {
  readonly socket: Socket;
  /** Lines received, in order. */
  readonly lines: string[];
  send(...values: readonly unknown[]): void;
  write(bytes: string | Uint8Array): void;
  /** Waits until `count` lines came. */
  received(count: number): Promise<readonly string[]>;
  /** Closes the sending side only. */
  endInput(): void;
  /** Resolves when the other side has ended. */
  readonly ended: Promise<void>;
}

export async function dial(path: string): Promise<LinePeer> {
  const socket = connect({ path, allowHalfOpen: true });
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  let held = '';
  let over = false;
  const wake = (): void => {
    for (const look of waiting) look();
  };
  socket.setEncoding('utf8');
  socket.on('data', (part: string) => {
    held += part;
    const whole = held.split('\n');
    held = whole.pop() ?? '';
    lines.push(...whole);
    wake();
  });
  const ended = new Promise<void>((resolve) => {
    const end = (): void => {
      over = true;
      resolve();
      wake();
    };
    socket.once('end', end);
    socket.once('close', end);
  });
  socket.on('error', () => {});
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  return {
    socket,
    lines,
    send: (...values) =>
      void socket.write(values.map((value) => `${JSON.stringify(value)}\n`).join('')),
    write: (bytes) => void socket.write(bytes),
    received: (count) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (lines.length >= count) resolve(lines);
          else if (over) reject(new Error(`only ${lines.length} lines came`));
          else return;
          waiting.delete(look);
        };
        waiting.add(look);
        look();
      }),
    endInput: () => void socket.end(),
    ended,
  };
}
