// What `warder mcp` adds for a lease bound to a key: a proof in the `_meta` of each call on its way to the daemon.

import { Duplex } from 'node:stream';
import { isJsonObject, type Json } from '../../base/encoding/json.ts';
import { parseJson } from '../../base/encoding/parse-json.ts';
import { metaKeys } from './meta-keys.ts';

const NEWLINE = 0x0a;
/** Longest line; the daemon takes no longer one either. */
const LINE_MAX = 128 * 1024 * 1024;

/** Signs a proof for one call. */
export type Prove = (tool: string, args: Json | undefined) => Promise<string>;

/**
 * Passes lines on in their order; only `tools/call` requests are changed. What cannot be read or proven goes
 * on as it came, so that the daemon refuses it and its receipt says so.
 */
export function provingStream(prove: Prove): Duplex {
  return Duplex.from(async function* (source: AsyncIterable<Buffer | string>) {
    for await (const { line, ended } of linesOf(source)) {
      yield await proven(line, prove);
      if (ended) yield '\n';
    }
  });
}

async function* linesOf(
  source: AsyncIterable<Buffer | string>,
): AsyncGenerator<{ readonly line: Buffer; readonly ended: boolean }> {
  let held: Buffer[] = [];
  let bytes = 0;
  for await (const part of source) {
    const chunk = typeof part === 'string' ? Buffer.from(part) : part;
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      yield { line: Buffer.concat([...held, chunk.subarray(start, end)]), ended: true };
      held = [];
      bytes = 0;
      start = end + 1;
    }
    const rest = chunk.subarray(start);
    bytes += rest.length;
    if (bytes > LINE_MAX) throw new Error('a line without end');
    if (rest.length > 0) held.push(rest);
  }
  if (held.length > 0) yield { line: Buffer.concat(held), ended: false };
}

async function proven(line: Buffer, prove: Prove): Promise<Buffer | string> {
  let message: Json;
  try {
    message = parseJson(line, { maxBytes: LINE_MAX, maxDepth: 128 });
  } catch {
    return line;
  }
  if (!isJsonObject(message) || message['method'] !== 'tools/call') return line;
  const { params } = message;
  if (!isJsonObject(params)) return line;
  const { name, arguments: args, _meta: meta = {} } = params;
  if (typeof name !== 'string' || !isJsonObject(meta)) return line;
  try {
    const proof = await prove(name, args);
    return JSON.stringify({
      ...message,
      params: { ...params, _meta: { ...meta, [metaKeys.proof]: proof } },
    });
  } catch {
    return line;
  }
}
