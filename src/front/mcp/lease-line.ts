// The lease protocol of an agent's socket: one JSON line in, one out. Leases bound to a key are handed out here.

import type { Socket } from 'node:net';
import { isJsonObject, type Json, type JsonObject } from '../../base/encoding/json.ts';
import { parseJson } from '../../base/encoding/parse-json.ts';
import { type ErrorJson, WarderError } from '../../base/errors/errors.ts';
import { didYouMean, showText } from '../../catalog/names.ts';
import type { AgentDoor } from '../../gate/door.ts';
import type { LeaseDescription, LeaseStanding } from '../../gate/leases/lease-door.ts';
import type { ProofChallenge } from '../../trust/lease/lease-reception.ts';
import type { Connection } from './connection.ts';
import { noCredentials } from './credentials.ts';
import { WAIT_MAX_SECONDS } from './lease-tools.ts';
import { serveOneLine } from './one-line.ts';
import type { MessageLimits } from './socket-transport.ts';

/** A standing; with the text of the lease when it is active and bound to a key. */
export type LeaseReply = LeaseStanding & { readonly lease?: string };

/** What is told on the reply line. */
export type LeaseLine =
  | { readonly description: LeaseDescription }
  | {
      readonly preview: {
        readonly verdict: string;
        readonly reason?: string;
        readonly rules?: readonly string[];
        readonly error?: ErrorJson;
      };
    }
  | { readonly standing: LeaseReply }
  | { readonly refreshed: string }
  | { readonly challenge: ProofChallenge }
  | { readonly error: ErrorJson };

/** Members of a line besides `op`; `terms` are those of a request. */
const OPERATIONS: Readonly<Record<string, readonly string[]>> = {
  describe: [],
  preview: ['terms'],
  request: ['terms'],
  poll: ['id', 'wait_seconds'],
  release: ['id'],
  delegate: ['id', 'terms'],
  challenge: [],
  refresh: ['lease', 'proof'],
};
const DEPTH_MAX = 16;

/** Serves one line on `socket`. */
export function serveLeaseLine(
  socket: Socket,
  head: Buffer,
  door: AgentDoor,
  connection: Connection,
  limits: MessageLimits,
): void {
  serveOneLine(socket, head, limits, (line, signal) =>
    leaseLine(door, connection, readLine(line, limits), signal),
  );
}

async function leaseLine(
  { leases }: AgentDoor,
  connection: Connection,
  line: JsonObject,
  signal: AbortSignal,
): Promise<LeaseLine> {
  if (line['op'] === 'challenge') return { challenge: connection.challenge() };
  const { caller } = await connection.viewer(noCredentials);
  const withLease = async (standing: LeaseStanding): Promise<LeaseLine> => {
    if (standing.state !== 'active' || standing.holder !== 'key') return { standing };
    return { standing: { ...standing, lease: await leases.token(caller, standing.id) } };
  };
  switch (line['op']) {
    case 'describe':
      return { description: leases.describe(caller) };
    case 'preview':
      return { preview: previewOf(leases.preview(caller, line['terms'] ?? {})) };
    case 'request':
      return withLease(await leases.request(caller, bound(line['terms'] ?? {})));
    case 'poll': {
      const seconds = waitOf(line['wait_seconds']);
      const over = AbortSignal.any([signal, AbortSignal.timeout(seconds * 1000)]);
      return withLease(
        await leases.poll(caller, textOf(line, 'id'), seconds === 0 ? undefined : over),
      );
    }
    case 'release':
      return { standing: await leases.release(caller, textOf(line, 'id')) };
    case 'delegate':
      return withLease(await leases.delegate(caller, textOf(line, 'id'), line['terms'] ?? {}));
    case 'refresh': {
      const held = { text: textOf(line, 'lease'), proof: textOf(line, 'proof') };
      return { refreshed: await leases.refresh(caller, held) };
    }
    default:
      throw new WarderError('internal', 'an operation that was not told apart');
  }
}

/** The connection ends with the answer, and would take a lease bound to it along. */
function bound(terms: Json): Json {
  if (isJsonObject(terms) && terms['holder_key'] !== undefined) return terms;
  throw new WarderError('malformed', 'a lease asked for here has to be bound to a key', {
    hint: 'give a public key in `holder_key`; over MCP a lease may be bound to the connection',
  });
}

function previewOf(
  preview: ReturnType<AgentDoor['leases']['preview']>,
): Extract<LeaseLine, { preview: object }>['preview'] {
  if (preview.verdict !== 'hard_deny') return preview;
  return { verdict: preview.verdict, error: preview.error.toJSON() };
}

/** Reads a line strictly. @throws WarderError `malformed`. */
function readLine(line: Uint8Array, limits: MessageLimits): JsonObject {
  const json = parseJson(line, { maxBytes: limits.maxBytes * 2, maxDepth: DEPTH_MAX });
  if (!isJsonObject(json)) malformed('it is no object');
  const { op } = json;
  const names = Object.keys(OPERATIONS);
  if (typeof op !== 'string' || !Object.hasOwn(OPERATIONS, op)) {
    const near = typeof op === 'string' ? didYouMean(op, names) : undefined;
    malformed(
      near === undefined ? `\`op\` is one of ${names.join(', ')}` : `did you mean op \`${near}\`?`,
    );
  }
  const known = ['op', ...(OPERATIONS[op] ?? [])];
  const unknown = Object.keys(json).find((name) => !known.includes(name));
  if (unknown !== undefined) {
    malformed(`\`${op}\` has no member \`${showText(unknown)}\`, only ${known.join(', ')}`);
  }
  return json;
}

function textOf(line: JsonObject, name: string): string {
  const value = line[name];
  if (typeof value === 'string') return value;
  return malformed(`\`${name}\` is a text`);
}

function waitOf(value: Json | undefined): number {
  if (value === undefined) return 0;
  const fits = typeof value === 'number' && Number.isSafeInteger(value);
  if (fits && value >= 0 && value <= WAIT_MAX_SECONDS) return value;
  return malformed(`\`wait_seconds\` is a whole number from 0 to ${WAIT_MAX_SECONDS}`);
}

function malformed(why: string): never {
  throw new WarderError('malformed', `not a line of the lease protocol: ${why}`, {
    hint: 'see docs/mcp.md, mode `lease`',
  });
}
