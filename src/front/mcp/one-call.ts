// The one-call protocol of `warder call`: one JSON line in, one JSON line out, then the end.

import type { Socket } from 'node:net';
import { parseJson } from '../../base/encoding/parse-json.ts';
import { asWarderError, WarderError } from '../../base/errors/errors.ts';
import { answerToJson, type OneCallReply, previewToJson } from '../../gate/answer-json.ts';
import type { AgentDoor, CallRequest } from '../../gate/door.ts';
import type { Connection } from './connection.ts';
import { type Credentials, LINE_NAMES, readCredentials } from './credentials.ts';
import { HALF_OPEN_MS } from './end-of-input.ts';
import type { ProofChallenge } from '../../trust/lease/lease-reception.ts';
import type { MessageLimits } from './socket-transport.ts';

const NEWLINE = 0x0a;

/** The reply line. */
export type OneCallLine = OneCallReply | { readonly challenge: ProofChallenge };

/** The request line. */
export interface OneCallRequest {
  readonly tool: string;
  /** JSON text, as the user gave it: parsed strictly by the daemon. */
  readonly arguments: string;
  readonly approval?: string;
  readonly dryRun?: boolean;
  /** Ask for the challenge of a proof for this call; nothing else is done. */
  readonly challenge?: boolean;
  readonly credentials: Credentials;
}

/** Serves one call on `socket`; the caller hanging up cancels it. */
export function serveOneCall(
  socket: Socket,
  head: Buffer,
  door: AgentDoor,
  connection: Connection,
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
    void oneCall(door, connection, line, limits, hangUp.signal)
      .catch((error: unknown): OneCallLine => ({ error: asWarderError(error).toJSON() }))
      .then(answer);
  };
  const answer = (reply: OneCallLine): void => {
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
  connection: Connection,
  line: Uint8Array,
  limits: MessageLimits,
  signal: AbortSignal,
): Promise<OneCallLine> {
  const asked = parseRequest(line, limits);
  const request: CallRequest = {
    tool: asked.tool,
    arguments: asked.arguments,
    signal,
    ...(asked.approval === undefined ? {} : { approval: asked.approval }),
  };
  if (asked.challenge === true) {
    const { caller } = await connection.viewer(asked.credentials);
    return { challenge: connection.challenge(door.digestOf(caller, asked.tool)) };
  }
  const caller = await connection.caller(asked.credentials);
  if (asked.dryRun === true) {
    return { preview: previewToJson(await door.preview(caller, request)) };
  }
  return answerToJson(await door.call(caller, request));
}

/** Narrows a request line. Throws WarderError `malformed`. */
function parseRequest(line: Uint8Array, limits: MessageLimits): OneCallRequest {
  const json = parseJson(line, { maxBytes: limits.maxBytes * 2, maxDepth: 8 });
  if (typeof json !== 'object' || json === null) throw notACall();
  const fields = json as Record<string, unknown>;
  const { tool, arguments: args, approval, dryRun, challenge, ...rest } = fields;
  const { lease, proof, identity, ...unknown } = rest;
  const fits =
    typeof tool === 'string' &&
    typeof args === 'string' &&
    (approval === undefined || typeof approval === 'string') &&
    (dryRun === undefined || typeof dryRun === 'boolean') &&
    (challenge === undefined || typeof challenge === 'boolean') &&
    Object.keys(unknown).length === 0;
  if (!fits) throw notACall();
  return {
    tool,
    arguments: args,
    ...(approval === undefined ? {} : { approval }),
    ...(dryRun === undefined ? {} : { dryRun }),
    ...(challenge === undefined ? {} : { challenge }),
    credentials: readCredentials({ lease, proof, identity }, LINE_NAMES),
  };
}

function notACall(): WarderError {
  return new WarderError('malformed', 'the request line is not a call', {
    hint: 'it is `{"tool":NAME,"arguments":JSON-TEXT,"approval":ID?,"dryRun":true?,"lease":TOKEN?,"proof":JWT?}`',
  });
}

function tooLong(limits: MessageLimits): WarderError {
  return new WarderError('malformed', `the request is longer than ${limits.maxBytes * 2} bytes`, {
    hint: 'arguments are bounded by `limits.argumentBytes` in config.json',
  });
}
