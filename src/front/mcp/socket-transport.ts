// An MCP transport over one socket: newline-delimited JSON-RPC, strictly parsed, bounded.

import type { Socket } from 'node:net';
import {
  INVALID_REQUEST,
  type JSONRPCMessage,
  PARSE_ERROR,
  parseJSONRPCMessage,
  type Transport,
} from '@modelcontextprotocol/server';
import { isJsonObject, type Json } from '../../base/encoding/json.ts';
import { parseJson } from '../../base/encoding/parse-json.ts';
import { END_OF_INPUT, HALF_OPEN_MS } from './end-of-input.ts';

const NEWLINE = 0x0a;
/** Most bytes of answers that wait for a peer to read them before it is read on. */
const UNREAD_MAX = 4 * 1024 * 1024;

/** Bounds of one message. */
export interface MessageLimits {
  readonly maxBytes: number;
  readonly maxDepth: number;
}

/**
 * Speaks the stdio binding of MCP over `socket`. A line that is not strict JSON (duplicate
 * members, invalid UTF-8, lone surrogates included) or too long is answered with a JSON-RPC
 * error and dropped; the connection goes on.
 */
export class SocketTransport implements Transport {
  onclose?: (() => void) | undefined;
  onerror?: ((error: Error) => void) | undefined;
  onmessage?: Transport['onmessage'];

  readonly #socket: Socket;
  readonly #limits: MessageLimits;
  readonly #incoming: (message: JSONRPCMessage) => JSONRPCMessage;
  #parts: Buffer[] = [];
  #held = 0;
  #skipping = false;
  #closed = false;
  #ended = false;
  #out = '';
  #waiting = false;
  /** Requests not answered yet: a peer that stopped sending still gets these answers. */
  readonly #pending = new Set<string | number>();

  /** @param incoming looks at each message before anybody else does, and hands on what they may see. */
  constructor(
    socket: Socket,
    limits: MessageLimits,
    head?: Buffer,
    incoming: (message: JSONRPCMessage) => JSONRPCMessage = (message) => message,
  ) {
    this.#socket = socket;
    this.#limits = limits;
    this.#incoming = incoming;
    if (head !== undefined && head.length > 0) this.#parts.push(head);
  }

  async start(): Promise<void> {
    const head = this.#parts.pop();
    this.#socket.on('data', (chunk: Buffer) => this.#take(chunk));
    this.#socket.on('error', (error) => this.onerror?.(error));
    this.#socket.on('close', () => this.#end());
    this.#socket.on('end', () => this.#peerClosed());
    if (head !== undefined) this.#take(head);
    this.#socket.resume();
    return Promise.resolve();
  }

  /** Messages sent in one turn of the loop leave in one write. */
  async send(message: JSONRPCMessage): Promise<void> {
    if (this.#closed) throw new Error('the connection is closed');
    if (!('method' in message) && message.id !== undefined) this.#pending.delete(message.id);
    const line = `${JSON.stringify(message)}\n`;
    if (this.#out === '') {
      this.#out = line;
      queueMicrotask(() => this.#flush());
    } else {
      this.#out += line;
    }
    return Promise.resolve();
  }

  async close(): Promise<void> {
    this.#flush();
    this.#end();
    this.#socket.end();
    return Promise.resolve();
  }

  #flush(): void {
    const out = this.#out;
    this.#out = '';
    if (out !== '' && this.#socket.writable) this.#write(out);
    this.#endWhenAnswered();
  }

  /** Who does not read its answers is not read either, until it does. */
  #write(text: string): void {
    this.#socket.write(text);
    if (this.#socket.writableLength <= UNREAD_MAX || this.#waiting) return;
    this.#waiting = true;
    this.#socket.pause();
    this.#socket.once('drain', () => {
      this.#waiting = false;
      this.#socket.resume();
    });
  }

  #endWhenAnswered(): void {
    if (!this.#ended || this.#pending.size > 0 || this.#closed) return;
    this.#end();
    this.#socket.end();
  }

  #peerClosed(): void {
    const announced = this.#ended;
    this.#ended = true;
    this.#endWhenAnswered();
    if (this.#closed) return;
    // After its announcement the relay closes only by dying.
    const timer = setTimeout(() => this.#abandon(), announced ? 0 : HALF_OPEN_MS);
    timer.unref();
  }

  #abandon(): void {
    this.#end();
    this.#socket.destroy();
  }

  #end(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.onclose?.();
  }

  #take(chunk: Buffer): void {
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(NEWLINE, start);
      if (end === -1) break;
      this.#line(chunk.subarray(start, end));
      start = end + 1;
    }
    const rest = chunk.subarray(start);
    if (rest.length === 0) return;
    this.#held += rest.length;
    if (this.#held > this.#limits.maxBytes) {
      if (!this.#skipping) this.#tooLong();
      this.#skipping = true;
      this.#parts = [];
    } else {
      this.#parts.push(rest);
    }
  }

  #line(last: Buffer): void {
    const skipped = this.#skipping;
    const line = this.#parts.length === 0 ? last : Buffer.concat([...this.#parts, last]);
    this.#parts = [];
    this.#held = 0;
    this.#skipping = false;
    if (skipped) return;
    if (line.length > this.#limits.maxBytes) return this.#tooLong();
    if (line.length === 0 || (line.length === 1 && line[0] === 0x0d)) return;
    if (line.length === END_OF_INPUT.length && line.toString('latin1') === END_OF_INPUT) {
      this.#ended = true;
      this.#endWhenAnswered();
      return;
    }
    let message: JSONRPCMessage;
    try {
      message = this.#incoming(readMessage(parseJson(line, this.#limits)));
    } catch (error) {
      this.#refuse(PARSE_ERROR, `not a JSON-RPC message: ${firstLine(error)}`);
      return;
    }
    if ('method' in message) {
      // A subscription is answered when it ends, so nobody waits for that.
      if ('id' in message) {
        if (message.method !== 'subscriptions/listen') this.#pending.add(message.id);
      } else if (message.method === 'notifications/cancelled') {
        const id = message.params?.['requestId'];
        if (typeof id === 'string' || typeof id === 'number') this.#pending.delete(id);
      }
    }
    this.onmessage?.(message);
  }

  #tooLong(): void {
    this.#refuse(INVALID_REQUEST, `message longer than ${this.#limits.maxBytes} bytes`);
  }

  #refuse(code: number, message: string): void {
    const reply = { jsonrpc: '2.0', id: null, error: { code, message } };
    if (this.#socket.writable) this.#write(`${JSON.stringify(reply)}\n`);
  }
}

/** An ordinary request is told by its few members; whatever else it may be the SDK's schemas decide. */
function readMessage(json: Json): JSONRPCMessage {
  if (isJsonObject(json) && json['jsonrpc'] === '2.0') {
    const { jsonrpc, id, method, params, ...more } = json;
    const plain =
      (typeof id === 'string' || Number.isSafeInteger(id)) &&
      typeof method === 'string' &&
      isJsonObject(params) &&
      Object.keys(more).length === 0;
    if (plain) return { jsonrpc, id, method, params } as JSONRPCMessage;
  }
  return parseJSONRPCMessage(json);
}

function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split('\n', 1)[0]?.slice(0, 200) ?? '';
}
