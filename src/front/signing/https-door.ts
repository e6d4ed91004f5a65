// The signer over the network: HTTPS to clients who have a certificate of the one CA the operator named.

import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { parseJson } from '../../base/encoding/parse-json.ts';
import { asWarderError, WarderError } from '../../base/errors/errors.ts';
import { readPrivateFile } from '../../trust/signer/file/private-file.ts';
import { MESSAGE_DEPTH, MESSAGE_MAX, refusalJson } from '../../trust/signer/remote/protocol.ts';
import type { Door, DoorParts } from './door.ts';
import type { TlsFiles } from './signer-config.ts';

const CONNECTIONS_MAX = 64;
const HEADER_MAX = 8 * 1024;
/** How long a handshake, a head, a whole request may take to come, milliseconds. */
const HANDSHAKE_MS = 5_000;
const HEAD_MS = 5_000;
const REQUEST_MS = 15_000;
/** An idle connection is kept this long: a daemon asks seldom at night. */
const IDLE_MS = 600_000;
const KEY_MAX = 64 * 1024;

/** @throws WarderError `unavailable` when a certificate cannot be used, or it cannot listen. */
export async function openHttpsDoor(
  { host, port }: { readonly host: string; readonly port: number },
  tls: TlsFiles,
  parts: DoorParts,
): Promise<Door> {
  const server = createServer(
    {
      ...readTls(tls),
      minVersion: 'TLSv1.3',
      requestCert: true,
      rejectUnauthorized: true,
      handshakeTimeout: HANDSHAKE_MS,
      maxHeaderSize: HEADER_MAX,
      headersTimeout: HEAD_MS,
      requestTimeout: REQUEST_MS,
      keepAliveTimeout: IDLE_MS,
      connectionsCheckingInterval: 1_000,
    },
    (request, response) => {
      void answer(request, response, parts, () => isClosing);
    },
  );
  let isClosing = false;
  server.maxConnections = CONNECTIONS_MAX;
  server.on('tlsClientError', (error, { authorizationError }) => {
    // A text, whatever its type says; of a client whose certificate is not taken there is nothing else.
    const why = (authorizationError as unknown as string | undefined) ?? error.message;
    parts.note(`a client was turned away: ${why}`);
  });
  server.on('clientError', (_error, socket) => (socket as Socket).destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => {
      reject(
        new WarderError('unavailable', `cannot listen on \`https://${host}:${port}\``, {
          cause,
          hint: 'is the port taken? see `listen` in signer.json',
        }),
      );
    });
    server.listen({ host: host.replace(/^\[(.*)\]$/, '$1'), port }, resolve);
  });
  const bound = (server.address() as AddressInfo).port;
  return {
    address: `https://${host}:${bound}`,
    close: () =>
      new Promise((resolve) => {
        isClosing = true;
        server.close(() => resolve());
        server.closeIdleConnections();
      }),
  };
}

function readTls({ cert, key, ca }: TlsFiles): Readonly<Record<'cert' | 'key' | 'ca', Buffer>> {
  try {
    return {
      cert: readFileSync(cert),
      key: Buffer.from(readPrivateFile(key, 'TLS key', KEY_MAX)),
      ca: readFileSync(ca),
    };
  } catch (cause) {
    if (cause instanceof WarderError) throw cause;
    throw new WarderError('unavailable', 'a certificate of the signer cannot be read', {
      cause,
      hint: '`tls` in signer.json names three PEM files',
    });
  }
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { desk, note }: DoorParts,
  isClosing: () => boolean,
): Promise<void> {
  response.on('error', () => {});
  let status = 200;
  let body: unknown;
  try {
    if (request.method !== 'POST' || request.url !== '/v1') {
      throw new WarderError('usage', 'a signer is asked with POST /v1');
    }
    const json = parseJson(await readBody(request), {
      maxBytes: MESSAGE_MAX,
      maxDepth: MESSAGE_DEPTH,
    });
    body = await desk.answer(json);
  } catch (thrown) {
    const error = asWarderError(thrown);
    note(`refused: ${error.message}`);
    const refusal = refusalJson(error);
    status = STATUS[new WarderError(refusal.code, '').exitCode] ?? 503;
    body = { error: refusal };
  }
  if (response.destroyed) return;
  const text = JSON.stringify(body);
  // What is left of a body that was refused is not read; a connection that stays keeps the door from closing.
  if (!request.complete || isClosing()) response.setHeader('connection', 'close');
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}

async function readBody(request: IncomingMessage): Promise<Uint8Array> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request) {
    size += (part as Buffer).length;
    if (size > MESSAGE_MAX) {
      throw new WarderError('malformed', `a request is over ${MESSAGE_MAX} bytes`);
    }
    parts.push(part as Buffer);
  }
  return Buffer.concat(parts);
}

/** HTTP status by exit code of the error. */
const STATUS: Readonly<Record<number, number>> = { 2: 400, 3: 429, 6: 403, 7: 503 };
