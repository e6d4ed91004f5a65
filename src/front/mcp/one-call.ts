// The one-call protocol of `warder call`: one JSON line in, one JSON line out, then the end.

import type { Socket } from 'node:net';
import type { Json } from '../../base/encoding/json.ts';
import { parseJson } from '../../base/encoding/parse-json.ts';
import { WarderError } from '../../base/errors/errors.ts';
import { answerToJson, type OneCallReply, previewToJson } from '../../gate/answer-json.ts';
import type { AwaitedProof } from '../../gate/awaited-proof.ts';
import type { AgentDoor, CallRequest } from '../../gate/door.ts';
import type { Connection } from './connection.ts';
import { type Credentials, LINE_NAMES, readCredentials } from './credentials.ts';
import { serveOneLine } from './one-line.ts';
import { awaitProof, readProofSeconds } from './proof-seconds.ts';
import type { ProofChallenge } from '../../trust/lease/lease-reception.ts';
import type { MessageLimits } from './socket-transport.ts';

/** The reply line; with a proof, or why there is none yet, when one was asked for. */
export type OneCallLine =
  (OneCallReply & Partial<AwaitedProof>) | { readonly challenge: ProofChallenge };

/** The request line. */
export interface OneCallRequest {
  readonly tool: string;
  /** JSON text, as the user gave it: parsed strictly by the daemon. */
  readonly arguments: string;
  readonly approval?: string;
  readonly dryRun?: boolean;
  /** Ask for the challenge of a proof for this call; nothing else is done. */
  readonly challenge?: boolean;
  /** Answer with the proof of the receipt, when it is there within so many seconds. */
  readonly waitProof?: number;
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
  serveOneLine(socket, head, limits, (line, signal) =>
    oneCall(door, connection, line, limits, signal),
  );
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
  const answer = await door.call(caller, request);
  const reply = answerToJson(answer);
  if (asked.waitProof === undefined) return reply;
  const { id } = answer.receipt;
  return { ...reply, ...(await awaitProof(door.receipts, caller, id, asked.waitProof, signal)) };
}

/** Narrows a request line. Throws WarderError `malformed`. */
function parseRequest(line: Uint8Array, limits: MessageLimits): OneCallRequest {
  const json = parseJson(line, { maxBytes: limits.maxBytes * 2, maxDepth: 8 });
  if (typeof json !== 'object' || json === null) throw notACall();
  const fields = json as Record<string, unknown>;
  const { tool, arguments: args, approval, dryRun, challenge, waitProof, ...rest } = fields;
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
    ...(waitProof === undefined ? {} : { waitProof: readProofSeconds(waitProof as Json) }),
    credentials: readCredentials({ lease, proof, identity }, LINE_NAMES),
  };
}

function notACall(): WarderError {
  return new WarderError('malformed', 'the request line is not a call', {
    hint: 'it is `{"tool":NAME,"arguments":JSON-TEXT,"approval":ID?,"dryRun":true?,"waitProof":SECONDS?,"lease":TOKEN?,"proof":JWT?}`',
  });
}
