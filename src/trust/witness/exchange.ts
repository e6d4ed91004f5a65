// One HTTP request to a witness: bounded in size and time, nowhere else than to its URL.

import { Agent as HttpAgent, type IncomingMessage, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { WitnessFailure } from './witness-trouble.ts';

/** What a witness answered. */
export interface WitnessReply {
  readonly status: number;
  /** Without parameters, in lower case; empty when it has none. */
  readonly contentType: string;
  readonly body: Uint8Array;
}

/** What to ask: a GET without a body, else a POST. */
export interface WitnessRequest {
  readonly url: string;
  readonly body?: string;
}

/** Room for a note with many post-quantum signatures. */
const BODY_MAX = 256 * 1024;
const HEADERS_MAX = 8 * 1024;
const IDLE_MS = 60_000;

/** Connections to witnesses, kept open between requests. */
export class WitnessConnections {
  readonly #http = new HttpAgent({ keepAlive: true, maxSockets: 2, timeout: IDLE_MS });
  readonly #https = new HttpsAgent({ keepAlive: true, maxSockets: 2, timeout: IDLE_MS });

  /**
   * Sends a request and reads the whole answer. Redirects are answers like others: nothing follows them.
   *
   * @throws WitnessFailure `slow` when `signal` ends it, `unreachable` when the connection fails, `garbled`
   *   when the answer is too long.
   */
  async exchange({ url, body }: WitnessRequest, signal: AbortSignal): Promise<WitnessReply> {
    try {
      return await this.#exchange(new URL(url), body, signal);
    } catch (cause) {
      if (cause instanceof WitnessFailure) throw cause;
      if (signal.aborted) throw new WitnessFailure('slow', 'it did not answer in time', { cause });
      // Which library says what of a broken connection is no part of the message.
      const { code } = cause as NodeJS.ErrnoException;
      const why = code === undefined || !/^[A-Z0-9_]{2,40}$/.test(code) ? '' : ` (${code})`;
      throw new WitnessFailure('unreachable', `it cannot be reached${why}`, { cause });
    }
  }

  close(): void {
    this.#http.destroy();
    this.#https.destroy();
  }

  async #exchange(url: URL, body: string | undefined, signal: AbortSignal): Promise<WitnessReply> {
    const secure = url.protocol === 'https:';
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const options = { signal, maxHeaderSize: HEADERS_MAX };
    const request = secure
      ? httpsRequest(url, { ...options, ...shape(body), agent: this.#https })
      : httpRequest(url, { ...options, ...shape(body), agent: this.#http });
    request.once('response', resolve);
    request.once('error', reject);
    request.end(body);
    const response = await promise;
    try {
      return {
        status: response.statusCode ?? 0,
        contentType: mediaType(response.headers['content-type']),
        body: await readAll(response),
      };
    } finally {
      // What is left of an answer nobody reads on.
      if (!response.complete) response.destroy();
    }
  }
}

function shape(body: string | undefined): {
  readonly method: string;
  readonly headers: Readonly<Record<string, string | number>>;
} {
  if (body === undefined) return { method: 'GET', headers: {} };
  return {
    method: 'POST',
    headers: {
      'content-type': 'text/plain; charset=utf-8',
      'content-length': Buffer.byteLength(body),
    },
  };
}

function mediaType(header: string | undefined): string {
  return (header ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

async function readAll(response: IncomingMessage): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of response as AsyncIterable<Uint8Array>) {
    length += part.length;
    if (length > BODY_MAX) throw new WitnessFailure('garbled', 'its answer is too long');
    parts.push(part);
  }
  return Buffer.concat(parts);
}
