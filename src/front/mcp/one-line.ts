// One JSON line in, one JSON line out, then the end: what the short protocols of an agent's socket have in common.

import type { Socket } from 'node:net';
import { asWarderError, type ErrorJson, WarderError } from '../../base/errors/errors.ts';
import { HALF_OPEN_MS } from './end-of-input.ts';
import type { MessageLimits } from './socket-transport.ts';

const NEWLINE = 0x0a;

/**
 * Serves one line on `socket`; the peer hanging up aborts the signal.
 *
 * @param answer what it throws is the reply `{error}`.
 */
export function serveOneLine<Reply extends object>(
  socket: Socket,
  head: Buffer,
  limits: MessageLimits,
  answer: (line: Uint8Array, signal: AbortSignal) => Promise<Reply>,
): void {
  const hangUp = new AbortController();
  const parts: Buffer[] = [];
  let held = 0;
  const onData = (chunk: Buffer): void => {
    parts.push(chunk);
    held += chunk.length;
    if (chunk.includes(NEWLINE)) begin();
    else if (held > limits.maxBytes * 2) reply({ error: tooLong(limits).toJSON() });
  };
  const begin = (): void => {
    stopReading();
    const bytes = Buffer.concat(parts);
    const end = bytes.indexOf(NEWLINE);
    const line = end === -1 ? bytes : bytes.subarray(0, end);
    // Whatever way it fails, at once or later, it is answered.
    void Promise.try(answer, line, hangUp.signal)
      .catch((error: unknown) => ({ error: asWarderError(error).toJSON() }))
      .then(reply);
  };
  const reply = (value: Reply | { readonly error: ErrorJson }): void => {
    stopReading();
    if (socket.writable) socket.end(`${JSON.stringify(value)}\n`);
  };
  const stopReading = (): void => {
    socket.off('data', onData);
    socket.off('end', begin);
  };
  socket.on('close', () => hangUp.abort());
  socket.on('end', () => setTimeout(() => hangUp.abort(), HALF_OPEN_MS).unref());
  socket.on('data', onData);
  // The end of what is sent ends the line as well.
  socket.on('end', begin);
  socket.resume();
  if (head.length > 0) onData(head);
}

function tooLong(limits: MessageLimits): WarderError {
  return new WarderError('malformed', `the request is longer than ${limits.maxBytes * 2} bytes`, {
    hint: 'arguments are bounded by `limits.argumentBytes` in config.json',
  });
}
