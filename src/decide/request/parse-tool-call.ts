// Turns what a caller sent into a ToolCall: one strict reading, one set of bytes, one digest.

import { hash } from 'node:crypto';
import { canonicalJson } from '../../base/encoding/jcs.ts';
import { parseJson } from '../../base/encoding/parse-json.ts';
import { WarderError } from '../../base/errors/errors.ts';
import { sealArguments } from './seal-arguments.ts';
import type { ToolCall } from './tool-call.ts';

/** JSON text or UTF-8 bytes, parsed strictly here; or a value another parser made, walked again. */
export type ArgumentsInput = string | Uint8Array | { readonly parsed: unknown };

/** Bounds of one request. */
export interface RequestLimits {
  /** Most bytes of the arguments, as sent and in canonical form; 1 MiB when absent. */
  readonly argumentBytes?: number;
  /** Deepest nesting of arrays and objects; 64 when absent. */
  readonly argumentDepth?: number;
  /** Most members and items together; 100,000 when absent. */
  readonly argumentValues?: number;
}

const MIB = 1024 * 1024;
const TOOL_NAME = /^[A-Za-z0-9_./-]{1,64}$/;

const encoder = new TextEncoder();

/**
 * Parses one call. Nothing but the operation's name and its arguments gets in: `_meta` of a request
 * stands beside the arguments and is never handed here, so tokens reach neither digest nor guest.
 *
 * @throws WarderError `malformed` when the name or the arguments cannot be read in exactly one way;
 *   `limit-reached` when they are too large.
 */
export function parseToolCall(
  tool: string,
  input: ArgumentsInput,
  limits: RequestLimits = {},
): ToolCall {
  if (typeof tool !== 'string' || !TOOL_NAME.test(tool)) {
    throw new WarderError('malformed', 'that cannot be the name of a tool', {
      hint: 'names match `^[A-Za-z0-9_./-]{1,64}$`; list what there is with `tools/list`',
    });
  }
  const maxBytes = limits.argumentBytes ?? MIB;
  const maxDepth = limits.argumentDepth ?? 64;
  const args = sealArguments(readValue(input, maxBytes, maxDepth), {
    maxBytes,
    maxDepth,
    maxValues: limits.argumentValues ?? 100_000,
  });
  const text = canonicalJson(args);
  const bytes = encoder.encode(text);
  if (bytes.length > maxBytes) throw tooLarge(maxBytes);
  const digest = hash('sha256', `{"arguments":${text},"tool":${JSON.stringify(tool)}}`, 'hex');
  return Object.freeze({
    tool,
    arguments: args,
    // A copy each time: typed arrays cannot be frozen, and the digest must stay true of them.
    get argumentBytes(): Uint8Array {
      return bytes.slice();
    },
    digest,
  });
}

function readValue(input: ArgumentsInput, maxBytes: number, maxDepth: number): unknown {
  if (typeof input !== 'string' && !(input instanceof Uint8Array)) {
    // Absent arguments are no arguments (MCP leaves them out).
    return input.parsed === undefined ? {} : input.parsed;
  }
  // UTF-8 is never shorter than UTF-16 units; parse-json checks the exact bytes.
  if (input.length > maxBytes) throw tooLarge(maxBytes);
  return parseJson(input, { maxBytes, maxDepth });
}

function tooLarge(maxBytes: number): WarderError {
  return new WarderError('limit-reached', `the arguments are longer than ${maxBytes} bytes`, {
    hint: 'send less in one call; the operator sets `limits.argumentBytes` in config.json',
    data: { limit: maxBytes },
  });
}
