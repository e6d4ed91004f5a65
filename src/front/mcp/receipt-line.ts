// The receipt protocol of an agent's socket: one JSON line in, one out. An agent gets what it sent and was given.

import type { Socket } from 'node:net';
import { isJsonObject, type Json } from '../../base/encoding/json.ts';
import { parseJson } from '../../base/encoding/parse-json.ts';
import { type ErrorJson, WarderError } from '../../base/errors/errors.ts';
import { didYouMean, showText } from '../../catalog/names.ts';
import type { AgentDoor } from '../../gate/door.ts';
import type { Disclosure } from '../../trust/verify/disclosure.ts';
import type { Connection } from './connection.ts';
import { serveOneLine } from './one-line.ts';
import { readProofSeconds } from './proof-seconds.ts';
import type { MessageLimits } from './socket-transport.ts';

/** What is told on the reply line. */
export type ReceiptLine =
  { readonly proof: string } | { readonly disclosure: Disclosure } | { readonly error: ErrorJson };

/** The request line. */
export interface ReceiptRequest {
  readonly op: 'proof' | 'disclose';
  /** Of a receipt of the caller's own. */
  readonly id: string;
  /** Of a disclosure: names of commitments. */
  readonly fields?: readonly string[];
  /** How long to wait for the checkpoint that covers it. */
  readonly wait_seconds?: number;
}

const MEMBERS = ['op', 'id', 'fields', 'wait_seconds'];
const DEFAULT_WAIT_SECONDS = 30;

/** Serves one line on `socket`. */
export function serveReceiptLine(
  socket: Socket,
  head: Buffer,
  { receipts }: AgentDoor,
  connection: Connection,
  limits: MessageLimits,
): void {
  serveOneLine(socket, head, limits, async (line, signal): Promise<ReceiptLine> => {
    const { op, id, fields, wait_seconds: seconds } = readLine(line, limits);
    const caller = await connection.reader();
    if (op === 'disclose') return { disclosure: await receipts.disclose(caller, id, fields) };
    const over = AbortSignal.timeout((seconds ?? DEFAULT_WAIT_SECONDS) * 1000);
    return { proof: await receipts.proof(caller, id, AbortSignal.any([signal, over])) };
  });
}

/** Reads a line strictly. @throws WarderError `malformed`. */
function readLine(line: Uint8Array, limits: MessageLimits): ReceiptRequest {
  const json = parseJson(line, { maxBytes: limits.maxBytes, maxDepth: 4 });
  if (!isJsonObject(json)) malformed('it is no object');
  const unknown = Object.keys(json).find((name) => !MEMBERS.includes(name));
  if (unknown !== undefined) {
    const near = didYouMean(unknown, MEMBERS);
    malformed(
      near === undefined
        ? `it has no member \`${showText(unknown)}\`, only ${MEMBERS.join(', ')}`
        : `did you mean \`${near}\`?`,
    );
  }
  const { op, id, fields, wait_seconds: seconds } = json;
  if (op !== 'proof' && op !== 'disclose') malformed('`op` is `proof` or `disclose`');
  if (typeof id !== 'string') malformed('`id` is a text');
  if (fields !== undefined && !isTexts(fields)) malformed('`fields` is a list of texts');
  if (op === 'proof' && fields !== undefined) malformed('a proof has no `fields`');
  return {
    op,
    id,
    ...(fields === undefined ? {} : { fields }),
    ...(seconds === undefined ? {} : { wait_seconds: readProofSeconds(seconds) }),
  };
}

function isTexts(value: Json): value is readonly string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string');
}

function malformed(why: string): never {
  throw new WarderError('malformed', `not a line of the receipt protocol: ${why}`, {
    hint: 'see docs/mcp.md, mode `receipt`',
  });
}
