// What `warder mcp` adds for a lease bound to a key: a proof in the `_meta` of each call on its way to the daemon.

import { Transform, type TransformCallback } from 'node:stream';
import { isJsonObject, type Json } from '../../base/encoding/json.ts';
import { parseJson } from '../../base/encoding/parse-json.ts';
import { metaKeys } from './meta-keys.ts';

const NEWLINE = 0x0a;
/** Lines beyond this go on as they are; the daemon refuses them. */
const LINE_MAX = 128 * 1024 * 1024;

/** Signs a proof for one call. */
export type Prove = (tool: string, args: Json | undefined) => Promise<string>;

/**
 * Passes lines on in their order; only `tools/call` requests are changed. What cannot be read or proven goes
 * on as it came, so that the daemon refuses it and its receipt says so.
 */
export class ProvingStream extends Transform {
  readonly #prove: Prove;
  #held: Buffer[] = [];
  #bytes = 0;

  constructor(prove: Prove) {
    super();
    this.#prove = prove;
  }

  override _transform(chunk: Buffer, _: BufferEncoding, done: TransformCallback): void {
    this.#lines(chunk).then(
      () => done(),
      (error: unknown) => done(error instanceof Error ? error : new Error(String(error))),
    );
  }

  override _flush(done: TransformCallback): void {
    this.push(Buffer.concat(this.#held));
    done();
  }

  async #lines(chunk: Buffer): Promise<void> {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      const line = Buffer.concat([...this.#held, chunk.subarray(start, end)]);
      this.#held = [];
      this.#bytes = 0;
      start = end + 1;
      this.push(await this.#proven(line));
      this.push('\n');
    }
    const rest = chunk.subarray(start);
    this.#bytes += rest.length;
    if (this.#bytes > LINE_MAX) throw new Error('a line without end');
    if (rest.length > 0) this.#held.push(rest);
  }

  async #proven(line: Buffer): Promise<Buffer | string> {
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
      const proof = await this.#prove(name, args);
      return JSON.stringify({
        ...message,
        params: { ...params, _meta: { ...meta, [metaKeys.proof]: proof } },
      });
    } catch {
      return line;
    }
  }
}
