// The one-call protocol of `warder call`: one JSON line in, one JSON line out, then the end.

import type { Socket } from 'node:net';
import { parseJson } from '../../base/encoding/parse-json.ts';
import { asWarderError, WarderError } from '../../base/errors/errors.ts';
import { answerToJson, type OneCallReply, previewToJson } from '../../gate/answer-json.ts';
import type { AgentDoor, Caller, CallRequest } from '../../gate/door.ts';
import { HALF_OPEN_MS } from './end-of-input.ts';
import type { MessageLimits } from './socket-transport.ts';

const NEWLINE = 0x0a;

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
  const parts: Buffer[] = [];
  let held = 0;
  const onData = (chunk: Buffer): void => {
    parts.push(chunk);
    held += chunk.length;
    if (chunk.includes(NEWLINE)) begin();
    else if (held > limits.maxBytes * 2) answer({ error: tooLong(limits).toJSON() });
  };
  const begin = (): void => {
    stopReading();
    const bytes = Buffer.concat(parts);
    const end = bytes.indexOf(NEWLINE);
    const line = end === -1 ? bytes : bytes.subarray(0, end);
    void oneCall(door, caller, line, limits, hangUp.signal)
      .catch((error: unknown): OneCallReply => ({ error: asWarderError(error).toJSON() }))
      .then(answer);
  };
  const answer = (reply: OneCallReply): void => {
    stopReading();
    if (socket.writable) socket.end(`${JSON.stringify(reply)}\n`);
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
function parseRequest(line: Uint8Array, limits: MessageLimits): OneCallRequest {
  const json = parseJson(line, { maxBytes: limits.maxBytes * 2, maxDepth: 8 });
  if (typeof json !== 'object' || json === null) throw notACall();
  const { tool, arguments: args, approval, dryRun, ...unknown } = json as Record<string, unknown>;
  const fits =
    typeof tool === 'string' &&
    typeof args === 'string' &&
    (approval === undefined || typeof approval === 'string') &&
    (dryRun === undefined || typeof dryRun === 'boolean') &&
    Object.keys(unknown).length === 0;
  if (!fits) throw notACall();
  return {
    tool,
    arguments: args,
    ...(approval === undefined ? {} : { approval }),
    ...(dryRun === undefined ? {} : { dryRun }),
  };
}

function notACall(): WarderError {
  return new WarderError('malformed', 'the request line is not a call', {
    hint: 'it is `{"tool":NAME,"arguments":JSON-TEXT,"approval":ID?,"dryRun":true?}`',
  });
}

function tooLong(limits: MessageLimits): WarderError {
  return new WarderError('malformed', `the request is longer than ${limits.maxBytes * 2} bytes`, {
    hint: 'arguments are bounded by `limits.argumentBytes` in config.json',
  });
}
