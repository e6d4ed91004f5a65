// The lease tools of MCP: an agent asks for leases as it calls tools. No answer ever holds a token.

import type { CallToolResult } from '@modelcontextprotocol/server';
import type { JsonObject } from '../../base/encoding/json.ts';
import { asWarderError, type WarderError } from '../../base/errors/errors.ts';
import type { ToolDefinition } from '../../catalog/installation.ts';
import { checkArguments } from '../../catalog/schemas.ts';
import { parseToolCall } from '../../decide/request/parse-tool-call.ts';
import type { Caller, Preview } from '../../gate/door.ts';
import type { LeaseDoor, LeaseStanding } from '../../gate/leases/lease-door.ts';
import { metaKeys } from './meta-keys.ts';

/** Longest wait for a decision in one call, seconds. */
export const WAIT_MAX_SECONDS = 60;
/** How often somebody who waits is told so, milliseconds. */
const PROGRESS_MS = 5000;

const HANDLE: JsonObject = {
  type: 'string',
  pattern: '^lreq_[0-9A-Z]{26}$',
  description: 'the id of the request: the handle of its lease',
};
const LIMITS: JsonObject = {
  ttl_seconds: { type: 'integer', minimum: 1, maximum: 86_400 },
  max_uses: { type: 'integer', minimum: 1, description: 'at most this many calls' },
  max_bytes: { type: 'integer', minimum: 1, description: 'at most this many bytes in all' },
  rate: {
    type: 'object',
    description: 'at most `uses` calls in any `seconds`',
    properties: {
      uses: { type: 'integer', minimum: 1 },
      seconds: { type: 'integer', minimum: 1, maximum: 86_400 },
    },
    required: ['uses', 'seconds'],
    additionalProperties: false,
  },
  max_exp: {
    type: 'integer',
    minimum: 1,
    description: 'seconds since 1970: the latest end it may have when it is signed anew',
  },
  delegatable: { type: 'boolean' },
  max_depth: {
    type: 'integer',
    minimum: 0,
    maximum: 4,
    description: 'how many levels of narrower leases may be made below it; 0 when absent',
  },
};
const CAPABILITIES: JsonObject = {
  type: 'array',
  minItems: 1,
  maxItems: 64,
  description: 'RFC 9396 objects, e.g. {"type":"tool.call","tools":["echo"]}',
  items: {
    type: 'object',
    properties: {
      type: {
        enum: [
          'tool.call',
          'fs.read',
          'fs.write',
          'http.call',
          'spend',
          'credential',
          'lease.refresh',
        ],
      },
    },
    required: ['type'],
  },
};
const TASK: JsonObject = { type: 'string', minLength: 1, maxLength: 256 };
const REASON: JsonObject = { ...TASK, description: 'why, for whoever decides' };
const HOLDER: JsonObject = {
  type: 'object',
  description: 'public JWK (P-256 or Ed25519) of the holder',
};

type Answer = Preview | LeaseStanding | ReturnType<LeaseDoor['describe']>;

interface LeaseTool {
  readonly definition: ToolDefinition;
  serve(door: LeaseDoor, caller: Caller, args: JsonObject, wait: Waiting): Promise<Answer> | Answer;
}

/** How a call is waited for. */
export interface Waiting {
  readonly signal: AbortSignal;
  report(message: string): void;
}

const TOOLS: readonly LeaseTool[] = [
  {
    definition: tool(
      'lease_describe',
      'What your leases may say, and where your requests stand.',
      {},
    ),
    serve: (door, caller) => door.describe(caller),
  },
  {
    definition: tool(
      'lease_preview',
      'What would become of a request: auto_approve, route_to_approver or hard_deny. Writes nothing.',
      {
        task: TASK,
        capabilities: CAPABILITIES,
        reason: REASON,
        holder_key: HOLDER,
        ...LIMITS,
      },
      ['capabilities', 'ttl_seconds'],
    ),
    serve: (door, caller, args) => door.preview(caller, args),
  },
  {
    definition: tool(
      'lease_request',
      'Ask for a lease for a task. It is granted at once, waits for a person, or is denied; the ' +
        'answer holds a handle. Calls over this connection then run under it.',
      {
        task: { ...TASK, description: 'what it is for, in a word or an id: stands on receipts' },
        capabilities: CAPABILITIES,
        reason: REASON,
        holder_key: HOLDER,
        ...LIMITS,
      },
      ['task', 'capabilities', 'ttl_seconds', 'reason'],
      false,
    ),
    serve: (door, caller, args) => door.request(caller, args),
  },
  {
    definition: tool(
      'lease_poll',
      'Where a request stands; with `wait_seconds`, once it was decided or that time is over.',
      {
        id: HANDLE,
        wait_seconds: { type: 'integer', minimum: 0, maximum: WAIT_MAX_SECONDS },
      },
      ['id'],
    ),
    serve: async (door, caller, args, wait) => {
      const handle = handleOf(args);
      const seconds = Number(args['wait_seconds'] ?? 0);
      if (seconds === 0) return door.poll(caller, handle);
      using _ = told(wait, `${handle} waits for a decision`);
      const over = AbortSignal.any([wait.signal, AbortSignal.timeout(seconds * 1000)]);
      return await door.poll(caller, handle, over);
    },
  },
  {
    definition: tool(
      'lease_release',
      'Give a lease back, or take a request back that still waits.',
      { id: HANDLE },
      ['id'],
      false,
    ),
    serve: (door, caller, args) => door.release(caller, handleOf(args)),
  },
  {
    definition: tool(
      'lease_delegate',
      'Make a narrower lease from one that was granted, for the holder of a key. The answer holds a ' +
        'handle; the holder of the key fetches the lease itself.',
      {
        id: HANDLE,
        capabilities: CAPABILITIES,
        holder_key: HOLDER,
        reason: REASON,
        ...LIMITS,
      },
      ['id', 'holder_key'],
      false,
    ),
    serve: (door, caller, args) => {
      const { id: _, ...terms } = args;
      return door.delegate(caller, handleOf(args), terms);
    },
  },
];

/** What an agent is shown. */
export const leaseTools: readonly ToolDefinition[] = TOOLS.map(({ definition }) => definition);

export function isLeaseTool(name: string): boolean {
  return leaseTools.some((definition) => definition.name === name);
}

/** Serves one call of a lease tool. Arguments go the way of every tool's. */
export async function callLeaseTool(
  door: LeaseDoor,
  caller: Caller,
  request: { readonly name: string; readonly arguments: unknown },
  wait: Waiting,
): Promise<CallToolResult> {
  try {
    const found = TOOLS.find(({ definition }) => definition.name === request.name);
    if (found === undefined) throw new TypeError('no lease tool');
    const { arguments: args } = parseToolCall(request.name, { parsed: request.arguments ?? {} });
    checkArguments(found.definition, args);
    return toResult(await found.serve(door, caller, args, wait));
  } catch (thrown) {
    const error = asWarderError(thrown);
    return {
      content: [{ type: 'text', text: explain(error) }],
      isError: true,
      _meta: { [metaKeys.error]: error.toJSON() },
    };
  }
}

/** The schema says that it is a text. */
function handleOf({ id }: JsonObject): string {
  return typeof id === 'string' ? id : '';
}

/** What could go wrong is told in the words of the gate. */
function explain({ code, message, hint }: WarderError): string {
  return `${code}: ${message}${hint === undefined ? '' : `\nhint: ${hint}`}`;
}

function toResult(answer: Answer): CallToolResult {
  const structured = { ...answer, ...errorOf(answer) };
  return {
    content: [{ type: 'text', text: inWords(answer) }],
    structuredContent: structured,
  };
}

function errorOf(answer: Answer): object {
  return 'error' in answer ? { error: answer.error.toJSON() } : {};
}

function inWords(answer: Answer): string {
  if ('verdict' in answer) {
    if (answer.verdict === 'hard_deny') return `hard_deny: ${explain(answer.error)}`;
    return answer.verdict === 'auto_approve'
      ? answer.verdict
      : `${answer.verdict}: ${answer.reason}`;
  }
  if ('state' in answer) {
    const why = answer.reason === undefined ? '' : `: ${answer.reason}`;
    const until =
      answer.state === 'pending' || answer.state === 'active' ? ` to ${answer.until}` : '';
    return `${answer.id} is ${answer.state}${until}${why}`;
  }
  return JSON.stringify(answer);
}

/** Tells somebody who waits that they still do. */
function told(wait: Waiting, message: string): Disposable {
  wait.report(message);
  const timer = setInterval(() => wait.report(message), PROGRESS_MS);
  timer.unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

function tool(
  name: string,
  description: string,
  properties: JsonObject,
  required: readonly string[] = [],
  readOnly = true,
): ToolDefinition {
  return {
    name,
    description,
    inputSchema: {
      type: 'object',
      properties,
      required: [...required],
      additionalProperties: false,
    },
    annotations: { readOnlyHint: readOnly, destructiveHint: false, openWorldHint: false },
  };
}
