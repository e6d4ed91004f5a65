// `warder mcp` over bare pipes: sends any bytes, and fails the test when stdout holds anything but protocol.

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import type { TestHome } from './warder.ts';

export interface RpcMessage {
  readonly jsonrpc: '2.0';
  readonly id?: string | number | null;
  readonly method?: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly code: number; readonly message: string };
}

/** A relay and the messages that came out of it. */
export interface RawMcp {
  readonly pid: number;
  /** Everything received, in order. */
  readonly received: readonly RpcMessage[];
  /** Sends raw bytes as they are. */
  write(bytes: string | Uint8Array): void;
  /** Sends one message as one line. */
  send(message: object): void;
  request(id: number, method: string, params?: object): Promise<RpcMessage>;
  /** The first message, received already or to come, that fits. */
  until(fits: (message: RpcMessage) => boolean): Promise<RpcMessage>;
  /** The 2025 opening. */
  initialize(): Promise<RpcMessage>;
  endInput(): void;
  kill(signal: NodeJS.Signals): void;
  readonly exited: Promise<number>;
}

/** Starts `warder mcp`. */
export function openRawMcp(home: TestHome, ...more: readonly string[]): RawMcp {
  const { command, args, env } = home.mcp(...more);
  const child: ChildProcessWithoutNullStreams = spawn(command, args, {
    env,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const received: RpcMessage[] = [];
  const waiting = new Set<() => void>();
  let fault: Error | undefined;
  const wake = (): void => {
    for (const look of waiting) look();
  };
  let held = '';
  child.stdout.setEncoding('utf8');
  child.stdout.on('data', (part: string) => {
    held += part;
    const lines = held.split('\n');
    held = lines.pop() ?? '';
    for (const line of lines) {
      try {
        received.push(asMessage(line));
      } catch (cause) {
        fault = new Error(`stdout holds something that is no message: ${line.slice(0, 200)}`, {
          cause,
        });
      }
    }
    wake();
  });
  const exited = new Promise<number>((resolve) => {
    child.once('close', (code) => {
      fault ??= new Error('the relay ended');
      resolve(code ?? 128);
      wake();
    });
  });
  child.stdin.on('error', () => {});
  const until: RawMcp['until'] = (fits) =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const found = received.find(fits);
        if (found === undefined && fault === undefined) return;
        waiting.delete(look);
        if (found === undefined) reject(fault ?? new Error('nothing came'));
        else resolve(found);
      };
      waiting.add(look);
      look();
    });
  const write = (bytes: string | Uint8Array): void => void child.stdin.write(bytes);
  const send = (message: object): void => write(`${JSON.stringify(message)}\n`);
  const request: RawMcp['request'] = (id, method, params = {}) => {
    send({ jsonrpc: '2.0', id, method, params });
    return until((message) => message.id === id && message.method === undefined);
  };
  return {
    pid: child.pid ?? 0,
    received,
    write,
    send,
    request,
    until,
    initialize: async () => {
      const clientInfo = { name: 'raw', version: '1.0.0' };
      const params = { protocolVersion: '2025-06-18', capabilities: {}, clientInfo };
      const answer = await request(1, 'initialize', params);
      send({ jsonrpc: '2.0', method: 'notifications/initialized' });
      return answer;
    },
    endInput: () => void child.stdin.end(),
    kill: (signal) => void child.kill(signal),
    exited,
  };
}

function asMessage(line: string): RpcMessage {
  const value: unknown = JSON.parse(line);
  if (typeof value !== 'object' || value === null || !('jsonrpc' in value)) {
    throw new Error('not a JSON-RPC message');
  }
  return value as RpcMessage;
}
