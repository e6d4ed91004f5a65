// One request and its answer over a connection of its own, within the call's byte budget.

import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { Client } from 'undici';
import type { Address } from './address.ts';
import { pinnedConnector } from './connect.ts';
import { answerHeaders, headerOf, type Headers } from './headers.ts';
import type { NetBudget } from './net-budget.ts';
import { EgressRefusal } from './refusal.ts';
import type { Target } from './target.ts';

export interface HopRequest {
  readonly method: string;
  readonly target: Target;
  readonly headers: Headers;
  readonly body: Uint8Array;
}

export interface HopAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Uint8Array;
  /** Where a redirect leads; its body was not read. */
  readonly location: string | undefined;
}

export interface HopOptions {
  /** Checked addresses. */
  readonly addresses: readonly Address[];
  readonly budget: NetBudget;
  /** Ends the request, whatever it is doing. */
  readonly signal: AbortSignal;
  readonly connectMs: number;
  readonly trusted?: string | undefined;
  /** Told as the request gets further; `sent` from when bytes may have left. */
  readonly reached: (state: 'sent' | 'answered') => void;
}

const REDIRECTS = new Set([301, 302, 303, 307, 308]);
/** Statuses without a body, whatever the fields say (RFC 9110, 6.4.1). */
const BODILESS = new Set([204, 205, 304]);
const MAX_ANSWER_HEADERS = 16 << 10;

/**
 * Sends one request and reads its whole answer, decompressed. Follows nothing.
 *
 * @throws EgressRefusal `limit` when the budget runs out, and whatever undici and zlib throw.
 */
export async function exchange(request: HopRequest, options: HopOptions): Promise<HopAnswer> {
  const { method, target, headers, body } = request;
  const { budget, signal, reached } = options;
  const client = new Client(target.origin, {
    connect: pinnedConnector(target, {
      addresses: options.addresses,
      timeoutMs: options.connectMs,
      trusted: options.trusted,
      opened: () => reached('sent'),
    }),
    pipelining: 1,
    maxHeaderSize: MAX_ANSWER_HEADERS,
    // The signal bounds the whole.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  try {
    const answer = await client.request({
      method,
      path: target.path + target.query,
      headers: [...headers, ...hostHeaders(headers)].flat(),
      body: body.length === 0 ? null : body,
      signal,
      responseHeaders: 'raw',
      // No connection outlives its request: none is shared between calls, permits or rules.
      reset: true,
    });
    reached('answered');
    const fields = pairs(answer.headers as unknown as readonly string[]);
    const size = fields.reduce((sum, [name, value]) => sum + name.length + value.length, 0);
    if (!budget.take(size)) throw overBudget(budget);
    const status = answer.statusCode;
    const location = REDIRECTS.has(status) ? headerOf(fields, 'location') : undefined;
    if (location !== undefined) {
      return { status, headers: [], body: new Uint8Array(), location };
    }
    const coding =
      method === 'HEAD' || BODILESS.has(status) ? undefined : headerOf(fields, 'content-encoding');
    const decoder = coding === undefined ? undefined : decoderFor(coding);
    const read = await readBody(answer.body, decoder, budget);
    const seen = answerHeaders(fields, decoder !== undefined);
    return { status, headers: seen, body: read, location: undefined };
  } finally {
    client.destroy().catch(() => undefined);
  }
}

/** Bytes a request takes from the budget, near enough: request line, fields, body. */
export function requestSize({ method, target, headers, body }: HopRequest): number {
  const fields = headers.reduce((sum, [name, value]) => sum + name.length + value.length + 4, 0);
  return method.length + target.url.length + fields + body.length;
}

function hostHeaders(headers: Headers): Headers {
  // A range is one of encoded bytes: ask for the plain ones.
  const coding = headerOf(headers, 'range') === undefined ? 'gzip, deflate, br' : 'identity';
  const agent = headerOf(headers, 'user-agent') === undefined ? [['user-agent', 'warder']] : [];
  return [['accept-encoding', coding], ...agent] as unknown as Headers;
}

function pairs(raw: readonly string[]): Headers {
  const fields: (readonly [string, string])[] = [];
  for (let at = 0; at + 1 < raw.length; at += 2) {
    fields.push([String(raw[at]).toLowerCase(), String(raw[at + 1])]);
  }
  return fields;
}

/** Undefined for a coding the guest may undo itself: its bytes pass as they are. */
function decoderFor(coding: string): NodeJS.ReadWriteStream | undefined {
  switch (coding.trim().toLowerCase()) {
    case 'gzip':
    case 'x-gzip':
      return createGunzip();
    case 'deflate':
      return createInflate();
    case 'br':
      return createBrotliDecompress();
    default:
      return undefined;
  }
}

/** Reads a body chunk by chunk; the first that does not fit ends the connection. */
async function readBody(
  body: Readable,
  decoder: NodeJS.ReadWriteStream | undefined,
  budget: NetBudget,
): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  const collect = async (source: AsyncIterable<Uint8Array>): Promise<void> => {
    for await (const chunk of source) {
      if (!budget.take(chunk.length)) throw overBudget(budget);
      parts.push(chunk);
    }
  };
  if (decoder === undefined) {
    await pipeline(body, collect);
  } else {
    // Also the compressed bytes are bounded: empty blocks inflate to nothing, for ever.
    let left = budget.remaining;
    const count = async function* (source: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
      for await (const chunk of source) {
        left -= chunk.length;
        if (left < 0) throw overBudget(budget);
        yield chunk;
      }
    };
    await pipeline(body, count, decoder, collect);
  }
  return Buffer.concat(parts);
}

function overBudget(budget: NetBudget): EgressRefusal {
  return new EgressRefusal(
    'limit',
    `the call may move ${budget.limit} bytes over the network; the operator can allow more with ` +
      '`warder tool grant NAME --max-net SIZE`',
  );
}
