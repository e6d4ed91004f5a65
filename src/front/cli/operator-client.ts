// The CLI's end of the operator socket: one HTTP request per operation, JSON both ways.

import { Agent, type IncomingMessage, request, type RequestOptions } from 'node:http';
import { errorFromJson, WarderError } from '../../base/errors/errors.ts';
import { needsProof } from '../console/operator-proof.ts';
import type { Operations } from '../console/operations.ts';

/** Calls operations of the operator API by name. */
export interface OperatorClient {
  call<Name extends keyof Operations>(
    name: Name,
    input: Operations[Name]['input'],
  ): Promise<Operations[Name]['output']>;
  /** Operations that answer with a stream of JSON lines. */
  stream(name: string, input: object, signal: AbortSignal): AsyncIterable<unknown>;
}

/**
 * A client on `socketPath`; throws WarderError `unavailable` when nobody listens.
 *
 * @param passphrase gives the operator's, where changes need a proof.
 */
export function createOperatorClient(
  socketPath: string,
  passphrase?: () => Promise<string>,
): OperatorClient {
  // A proof holds for its connection: everything goes over that one.
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  let proven = false;
  return {
    call: async (name, input) => {
      if (passphrase !== undefined && !proven && needsProof(name)) {
        const proof = await send(
          socketPath,
          'proof',
          { passphrase: await passphrase() },
          { agent },
        );
        const answer = await readDocument(proof);
        if (proof.statusCode !== 200) throw errorOf(answer);
        proven = true;
      }
      const response = await send(socketPath, name, input, { agent });
      const body = await readDocument(response);
      if (response.statusCode !== 200) throw errorOf(body);
      return body as never;
    },
    stream: (name, input, signal) => lines(socketPath, name, input, signal),
  };
}

async function* lines(
  socketPath: string,
  name: string,
  input: object,
  signal: AbortSignal,
): AsyncGenerator<unknown> {
  const response = await send(socketPath, name, input, { signal });
  if (response.statusCode !== 200) throw errorOf(await readDocument(response));
  let held = '';
  response.setEncoding('utf8');
  try {
    for await (const part of response) {
      held += part as string;
      const whole = held.split('\n');
      held = whole.pop() ?? '';
      for (const line of whole) {
        const value: unknown = JSON.parse(line);
        if (typeof value === 'object' && value !== null && 'error' in value) throw errorOf(value);
        yield value;
      }
    }
    if (held !== '') throw new Error('the last line is cut');
  } catch (error) {
    if (!signal.aborted) throw error instanceof WarderError ? error : hungUp(error);
  }
}

async function readDocument(response: IncomingMessage): Promise<unknown> {
  const parts: Buffer[] = [];
  try {
    for await (const part of response) parts.push(part as Buffer);
    return JSON.parse(Buffer.concat(parts).toString('utf8'));
  } catch (error) {
    throw hungUp(error);
  }
}

function errorOf(body: unknown): WarderError {
  return errorFromJson((body as { readonly error?: unknown } | null)?.error);
}

function hungUp(cause: unknown): WarderError {
  return new WarderError('unavailable', 'the daemon hung up before it had answered', {
    cause,
    hint: 'see `warder status`; what was done is in `warder receipts list`',
  });
}

function send(
  socketPath: string,
  name: string,
  input: object,
  options: Pick<RequestOptions, 'agent' | 'signal'>,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        socketPath,
        method: 'POST',
        path: `/v1/${name}`,
        headers: { 'content-type': 'application/json', host: 'operator' },
        ...options,
      },
      resolve,
    );
    outgoing.on('error', (cause) => {
      reject(
        new WarderError('unavailable', 'the daemon does not answer on its operator socket', {
          cause,
          hint: 'see `warder status`; start it with `warder serve`',
        }),
      );
    });
    outgoing.end(JSON.stringify(input));
  });
}
