// An agent's socket: MCP by default; one JSON preamble line selects a lease or the one-call protocol.

import { chmodSync, rmSync } from 'node:fs';
import { createServer, type Server as NetServer, type Socket } from 'node:net';
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import { parseJson } from '../../base/encoding/parse-json.ts';
import { asWarderError, WarderError } from '../../base/errors/errors.ts';
import type { AgentDoor, Caller } from '../../gate/door.ts';
import { HALF_OPEN_MS } from './end-of-input.ts';
import { serveOneCall } from './one-call.ts';
import { createAgentServer } from './server.ts';
import { type MessageLimits, SocketTransport } from './socket-transport.ts';

/** How a connection's first line may differ from MCP; see docs/mcp.md. */
export interface Preamble {
  readonly mode: 'mcp' | 'call';
  /** A lease token of the agent's own. */
  readonly lease?: string;
}

/** One accepted connection: who it is, and what to do when it ends. */
export interface Connection {
  readonly caller: Caller;
  close(): void;
}

export interface AgentSocketOptions {
  readonly path: string;
  readonly door: AgentDoor;
  readonly version: string;
  readonly limits: MessageLimits;
  /** Makes the caller of a new connection. Throws WarderError to turn it away. */
  readonly connect: (preamble: Preamble) => Connection;
  readonly onError: (error: Error) => void;
}

/** A listening agent socket. */
export interface AgentSocket {
  /** Connections open now. */
  count(): number;
  close(): Promise<void>;
}

const PREAMBLE_MAX = 64 * 1024;
const PREAMBLE_START = '{"warder":';

/** Listens on `path` (0600). A socket file left by a dead daemon is replaced. */
export async function listenForAgent(options: AgentSocketOptions): Promise<AgentSocket> {
  const sockets = new Set<Socket>();
  const server: NetServer = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    socket.setNoDelay(true);
    readPreamble(socket, (preamble, head) => accept(options, socket, preamble, head));
  });
  rmSync(options.path, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.path, resolve);
  });
  chmodSync(options.path, 0o600);
  return {
    count: () => sockets.size,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroySoon();
      }),
  };
}

function accept(
  options: AgentSocketOptions,
  socket: Socket,
  preamble: Preamble,
  head: Buffer,
): void {
  let connection: Connection;
  try {
    connection = options.connect(preamble);
  } catch (error) {
    turnAway(socket, error);
    return;
  }
  socket.on('close', () => connection.close());
  const { caller } = connection;
  if (preamble.mode === 'call') {
    serveOneCall(socket, head, options.door, caller, options.limits);
    return;
  }
  const transport = new SocketTransport(socket, options.limits, head);
  serveStdio(() => createAgentServer(options.door, caller, options.version), {
    transport,
    onerror: options.onError,
  });
}

function readPreamble(socket: Socket, done: (preamble: Preamble, head: Buffer) => void): void {
  let held: Buffer = Buffer.alloc(0);
  const onData = (chunk: Buffer): void => {
    held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    const start = held.subarray(0, PREAMBLE_START.length).toString('latin1');
    if (!PREAMBLE_START.startsWith(start)) return finish({ mode: 'mcp' }, held);
    const end = held.indexOf(0x0a);
    if (end === -1 && held.length <= PREAMBLE_MAX) return;
    let preamble: Preamble;
    try {
      preamble = parsePreamble(end === -1 ? held : held.subarray(0, end));
    } catch (error) {
      stop();
      turnAway(socket, error);
      return;
    }
    finish(preamble, held.subarray(end + 1));
  };
  // Who leaves before saying what it wants is let go: half-open sockets do not end by themselves.
  const onEnd = (): void => void socket.end();
  const stop = (): void => {
    socket.off('data', onData);
    socket.off('end', onEnd);
  };
  const finish = (preamble: Preamble, head: Buffer): void => {
    stop();
    socket.pause();
    done(preamble, head);
  };
  socket.on('data', onData);
  socket.on('end', onEnd);
}

/** Says why, reads on without listening so that the line arrives, and waits only so long for the end. */
function turnAway(socket: Socket, error: unknown): void {
  socket.end(`${JSON.stringify({ error: asWarderError(error).toJSON() })}\n`);
  socket.resume();
  const timer = setTimeout(() => socket.destroy(), HALF_OPEN_MS);
  socket.once('close', () => clearTimeout(timer));
}

function parsePreamble(line: Uint8Array): Preamble {
  const json = parseJson(line, { maxBytes: PREAMBLE_MAX, maxDepth: 4 });
  const inner = typeof json === 'object' && json !== null && 'warder' in json ? json.warder : null;
  if (typeof inner === 'object' && inner !== null && !Array.isArray(inner)) {
    const { mode = 'mcp', lease, ...unknown } = inner as Record<string, unknown>;
    const fits =
      (mode === 'mcp' || mode === 'call') &&
      (lease === undefined || typeof lease === 'string') &&
      Object.keys(unknown).length === 0;
    if (fits) return { mode, ...(lease === undefined ? {} : { lease }) };
  }
  throw new WarderError('malformed', 'the first line is not a warder preamble', {
    hint: 'it is `{"warder":{"mode":"mcp"|"call","lease":TOKEN?}}`, or leave it out',
  });
}
