// An agent's socket: MCP by default; one JSON preamble line selects credentials or one of the one-line protocols.

import { chmodSync, rmSync } from 'node:fs';
import { createServer, type Server as NetServer, type Socket } from 'node:net';
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import { parseJson } from '../../base/encoding/parse-json.ts';
import { asWarderError, WarderError } from '../../base/errors/errors.ts';
import type { AgentDoor } from '../../gate/door.ts';
import { CHAIN_MAX } from '../../trust/lease/chain.ts';
import type { Connection } from './connection.ts';
import {
  CredentialDesk,
  type Credentials,
  LINE_NAMES,
  noCredentials,
  readCredentials,
} from './credentials.ts';
import { HALF_OPEN_MS } from './end-of-input.ts';
import { serveLeaseLine } from './lease-line.ts';
import { serveOneCall } from './one-call.ts';
import { serveReceiptLine } from './receipt-line.ts';
import { createAgentServer } from './server.ts';
import { type MessageLimits, SocketTransport } from './socket-transport.ts';

/** How a connection's first line may differ from MCP; see docs/mcp.md. */
export interface Preamble {
  readonly mode: 'mcp' | 'call' | 'lease' | 'receipt';
  /** A lease of the agent's own, or a JWT that says who it is; for the whole connection. */
  readonly credentials: Credentials;
}

export interface AgentSocketOptions {
  readonly path: string;
  /** Whether the group of its directory may open it, besides the daemon's user. */
  readonly shared?: boolean;
  readonly door: AgentDoor;
  readonly version: string;
  readonly limits: MessageLimits;
  /** Opens a new connection. Rejects with WarderError to turn it away. */
  readonly connect: (preamble: Preamble) => Promise<Connection>;
  readonly onError: (error: Error) => void;
}

/** A listening agent socket. */
export interface AgentSocket {
  /** Connections open now. */
  count(): number;
  close(): Promise<void>;
}

/** The longest lease there is, and the line around it. */
const PREAMBLE_MAX = CHAIN_MAX + 1024;
const PREAMBLE_START = '{"warder":';

/** Listens on `path` (0600, shared 0660). A socket file left by a dead daemon is replaced. */
export async function listenForAgent(options: AgentSocketOptions): Promise<AgentSocket> {
  const sockets = new Set<Socket>();
  const server: NetServer = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    socket.setNoDelay(true);
    readPreamble(socket, (preamble, head) => void accept(options, socket, preamble, head));
  });
  rmSync(options.path, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.path, resolve);
  });
  chmodSync(options.path, options.shared === true ? 0o660 : 0o600);
  return {
    count: () => sockets.size,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroySoon();
      }),
  };
}

async function accept(
  options: AgentSocketOptions,
  socket: Socket,
  preamble: Preamble,
  head: Buffer,
): Promise<void> {
  let connection: Connection;
  try {
    connection = await options.connect(preamble);
  } catch (error) {
    turnAway(socket, error);
    return;
  }
  if (socket.destroyed) {
    connection.close();
    return;
  }
  socket.on('close', () => connection.close());
  if (preamble.mode === 'call') {
    serveOneCall(socket, head, options.door, connection, options.limits);
    return;
  }
  if (preamble.mode === 'lease') {
    serveLeaseLine(socket, head, options.door, connection, options.limits);
    return;
  }
  if (preamble.mode === 'receipt') {
    serveReceiptLine(socket, head, options.door, connection, options.limits);
    return;
  }
  const desk = new CredentialDesk((credentials) => connection.bind(credentials));
  const transport = new SocketTransport(socket, options.limits, head, (message) =>
    desk.strip(message),
  );
  serveStdio(() => createAgentServer(options.door, connection, desk, options.version), {
    transport,
    onerror: options.onError,
  });
}

function readPreamble(socket: Socket, done: (preamble: Preamble, head: Buffer) => void): void {
  let held: Buffer = Buffer.alloc(0);
  const onData = (chunk: Buffer): void => {
    held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    const start = held.subarray(0, PREAMBLE_START.length).toString('latin1');
    if (!PREAMBLE_START.startsWith(start))
      return finish({ mode: 'mcp', credentials: noCredentials }, held);
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
    const { mode = 'mcp', lease, identity, ...unknown } = inner as Record<string, unknown>;
    const credentials = readCredentials({ lease, identity }, LINE_NAMES);
    const fits =
      (mode === 'mcp' || mode === 'call' || mode === 'lease' || mode === 'receipt') &&
      credentials.fault === undefined &&
      Object.keys(unknown).length === 0;
    if (fits) return { mode, credentials };
  }
  throw new WarderError('malformed', 'the first line is not a warder preamble', {
    hint: 'it is `{"warder":{"mode":"mcp"|"call"|"lease"|"receipt","lease":TOKEN?,"identity":JWT?}}`, or leave it out',
  });
}
