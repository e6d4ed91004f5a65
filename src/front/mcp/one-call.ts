// The one-call protocol of `warder call`: one JSON line in, one JSON line out, then the end.

import type { Socket } from 'node:net';
import { parseJson } from '../../base/encoding/parse-json.ts';
import { asWarderError, WarderError } from '../../base/errors/errors.ts';
import { answerToJson, type OneCallReply, previewToJson } from '../../gate/answer-json.ts';
import type { AgentDoor, Caller, CallRequest } from '../../gate/door.ts';
import { HALF_OPEN_MS } from './end-of-input.ts';
import type { MessageLimits } from './socket-transport.ts';

/** The request line. */
export interface OneCallRequest {
  readonly tool: string;
  /** JSON text, as the user gave it: parsed strictly by the daemon. */
  readonly arguments: string;
  readonly approval?: string;
  readonly dryRun?: boolean;
}

/** Serves one call on `socket`; the caller hanging up cancels it. */
export function serveOneCall(
  socket: Socket,
  head: Buffer,
  door: AgentDoor,
  caller: Caller,
  limits: MessageLimits,
): void {
  const hangUp = new AbortController();
  socket.on('close', () => hangUp.abort());
  socket.on('end', () => setTimeout(() => hangUp.abort(), HALF_OPEN_MS).unref());
  const parts = [head];
  let held = head.length;
  const onData = (chunk: Buffer): void => {
    parts.push(chunk);
    held += chunk.length;
    if (held > limits.maxBytes * 2) return void answer({ error: tooLong(limits).toJSON() });
    if (chunk.includes(0x0a)) begin();
  };
  const begin = (): void => {
    socket.off('data', onData);
    const bytes = Buffer.concat(parts);
    void oneCall(door, caller, bytes.subarray(0, bytes.indexOf(0x0a)), limits, hangUp.signal)
      .catch((error: unknown): OneCallReply => ({ error: asWarderError(error).toJSON() }))
      .then(answer);
  };
  const answer = (reply: OneCallReply): void => {
    socket.off('data', onData);
    if (socket.writable) socket.end(`${JSON.stringify(reply)}\n`);
  };
  socket.on('data', onData);
  socket.resume();
  if (head.includes(0x0a)) begin();
}

async function oneCall(
  door: AgentDoor,
  caller: Caller,
  line: Uint8Array,
  limits: MessageLimits,
  signal: AbortSignal,
): Promise<OneCallReply> {
  const asked = parseRequest(line, limits);
  const request: CallRequest = {
    tool: asked.tool,
    arguments: asked.arguments,
    signal,
    ...(asked.approval === undefined ? {} : { approval: asked.approval }),
  };
  if (asked.dryRun === true) {
    return { preview: previewToJson(await door.preview(caller, request)) };
  }
  return answerToJson(await door.call(caller, request));
}

/** Narrows a request line. Throws WarderError `malformed`. */
export function parseRequest(line: Uint8Array, limits: MessageLimits): OneCallRequest {
  const json = parseJson(line, { maxBytes: limits.maxBytes * 2, maxDepth: 8 });
  const { tool, arguments: args, approval, dryRun, ...unknown } = json as Record<string, unknown>;
  const fits =
    typeof tool === 'string' &&
    typeof args === 'string' &&
    (approval === undefined || typeof approval === 'string') &&
    (dryRun === undefined || typeof dryRun === 'boolean') &&
    Object.keys(unknown).length === 0;
  if (!fits) throw new WarderError('malformed', 'the request line is not a call');
  return {
    tool,
    arguments: args,
    ...(approval === undefined ? {} : { approval }),
    ...(dryRun === undefined ? {} : { dryRun }),
  };
}

function tooLong(limits: MessageLimits): WarderError {
  return new WarderError('malformed', `the request is longer than ${limits.maxBytes * 2} bytes`, {
    hint: 'arguments are bounded by `limits.argumentBytes` in config.json',
  });
}
