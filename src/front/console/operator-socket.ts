// operator.sock: HTTP with JSON bodies, one route per operation. Whoever can open it is the operator; where
// proofs are asked for, what changes something needs one besides.

import { chmodSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { parseJson } from '../../base/encoding/parse-json.ts';
import { asWarderError, WarderError } from '../../base/errors/errors.ts';
import { checkInput } from './check-input.ts';
import type { OperationName, ProofDesk } from './operator-proof.ts';
import type { OperationHandlers, StreamHandlers } from './operations.ts';

/** Largest request body: a package of 64 MiB in base64, and some. */
const BODY_MAX = 96 * 1024 * 1024;
const PROOF_MAX = 8 * 1024;

export interface OperatorSocket {
  close(): Promise<void>;
}

/**
 * Listens on `path`: 0600, or 0660 where proofs are asked for.
 *
 * @param proofs of this operator; without it none are asked for.
 */
export async function listenForOperator(
  path: string,
  operations: OperationHandlers,
  streams: StreamHandlers,
  proofs?: ProofDesk,
): Promise<OperatorSocket> {
  const server: Server = createServer((request, response) => {
    void route(request, response, operations, streams, proofs).catch((error: unknown) => {
      fail(response, error);
    });
  });
  server.requestTimeout = 0;
  rmSync(path, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  chmodSync(path, proofs === undefined ? 0o600 : 0o660);
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
        setTimeout(() => server.closeAllConnections(), 500).unref();
      }),
  };
}

async function route(
  request: IncomingMessage,
  response: ServerResponse,
  operations: OperationHandlers,
  streams: StreamHandlers,
  proofs: ProofDesk | undefined,
): Promise<void> {
  const name = request.url?.startsWith('/v1/') ? request.url.slice(4) : '';
  if (request.method !== 'POST') {
    throw new WarderError('usage', 'operations are called with POST', { hint: 'POST /v1/NAME' });
  }
  if (name === 'proof' && proofs !== undefined) {
    const given = passphraseOf(await readBody(request, PROOF_MAX));
    const proof = await proofs.prove(request.socket, given);
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(proof));
    return;
  }
  // Before anything is read of what may be large.
  if (Object.hasOwn(operations, name) || Object.hasOwn(streams, name)) {
    proofs?.demand(request.socket, name as OperationName);
  }
  const body = await readBody(request, BODY_MAX);
  if (Object.hasOwn(operations, name)) {
    const operation = name as keyof OperationHandlers;
    const output = await operations[operation](checkInput(operation, body));
    const text = JSON.stringify(output);
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(text);
    return;
  }
  if (Object.hasOwn(streams, name)) {
    const stream = name as keyof StreamHandlers;
    const input = checkInput(stream, body);
    return writeStream(response, (signal) => streams[stream](input, signal));
  }
  throw new WarderError('not-found', `there is no operation \`${name.slice(0, 64)}\``, {
    hint: 'the command and the daemon may be of different versions; run `warder stop`',
  });
}

async function writeStream(
  response: ServerResponse,
  open: (signal: AbortSignal) => AsyncIterable<unknown>,
): Promise<void> {
  const hangUp = new AbortController();
  response.on('close', () => hangUp.abort());
  response.writeHead(200, { 'content-type': 'application/x-ndjson' });
  response.flushHeaders();
  try {
    for await (const item of open(hangUp.signal)) {
      if (hangUp.signal.aborted) break;
      if (!response.write(`${JSON.stringify(item)}\n`)) {
        await new Promise((resolve) => {
          response.once('drain', resolve);
          response.once('close', resolve);
        });
      }
    }
  } catch (error) {
    if (!hangUp.signal.aborted) {
      response.write(`${JSON.stringify({ error: asWarderError(error).toJSON() })}\n`);
    }
  }
  response.end();
}

function passphraseOf(body: unknown): string {
  const { passphrase, ...more } = (body ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof passphrase === 'string' && Object.keys(more).length === 0) return passphrase;
  throw new WarderError('usage', 'that is no proof', { hint: 'send `{"passphrase": TEXT}`' });
}

async function readBody(request: IncomingMessage, most: number): Promise<unknown> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request) {
    size += (part as Buffer).length;
    if (size > most) throw new WarderError('malformed', `the body is over ${most} bytes`);
    parts.push(part as Buffer);
  }
  return parseJson(Buffer.concat(parts), { maxBytes: most, maxDepth: 32 });
}

function fail(response: ServerResponse, thrown: unknown): void {
  const error = asWarderError(thrown);
  if (response.headersSent) {
    response.end();
    return;
  }
  response.writeHead(STATUS[error.exitCode] ?? 500, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ error: error.toJSON() }));
}

/** HTTP status by exit code of the error. */
const STATUS: Readonly<Record<number, number>> = { 2: 400, 3: 403, 4: 202, 5: 422, 6: 422, 7: 503 };
