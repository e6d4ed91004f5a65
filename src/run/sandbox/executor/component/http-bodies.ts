// wasi:http/types outgoing-body, incoming-body and future-trailers.

import { ErrResult } from './err-result.ts';
import type { Fields } from './http-fields.ts';
import { HttpExchange, HttpFailure, type Tagged } from './http-exchange.ts';
import { closed, failed, InputStream, OutputStream, Pollable, type Source } from './io.ts';

/** Bytes of a request's body held until the request is handed over. */
const MAX_HELD = 16 * 1024 * 1024;
/** A body that grows to so much before it is finished is sent in parts. */
const PART = 256 * 1024;

/** wasi:http/types outgoing-body. */
export class OutgoingBody {
  #parts: Uint8Array[] = [];
  #size = 0;
  #taken = false;
  #state: 'open' | 'finished' | 'dropped' = 'open';
  /** Known once the request is handed over. */
  #begin: (() => HttpExchange) | undefined;
  #exchange: HttpExchange | undefined;
  #failure: HttpFailure | undefined;

  write(): OutputStream {
    if (this.#taken) throw new ErrResult(undefined);
    this.#taken = true;
    return new OutputStream({ write: (bytes) => this.#write(bytes) });
  }

  static finish(body: OutgoingBody, trailers: Fields | undefined): void {
    if (trailers !== undefined && trailers.entries().length > 0) {
      throw new ErrResult({ tag: 'internal-error', val: 'trailers are not supported' });
    }
    if (body.#state === 'open') body.#state = 'finished';
  }

  /** Its request is handed over: from now on what is written can be sent. */
  static handOver(body: OutgoingBody, begin: () => HttpExchange): void {
    body.#begin = begin;
  }

  /** Whether nothing more is written. */
  static isSettled(body: OutgoingBody): boolean {
    return body.#state !== 'open' || body.#failure !== undefined;
  }

  /**
   * What was not sent yet, and the exchange if there is one.
   *
   * @throws HttpFailure when it was not finished, or could not be sent.
   */
  static settle(body: OutgoingBody): {
    readonly rest: Uint8Array;
    readonly exchange: HttpExchange | undefined;
  } {
    if (body.#failure !== undefined) throw body.#failure;
    if (body.#state !== 'finished') {
      body.#state = 'dropped';
      body.#exchange?.close();
      const val = 'the body of the request was not finished';
      throw new HttpFailure({ tag: 'internal-error', val }, val);
    }
    return { rest: body.#take(), exchange: body.#exchange };
  }

  [Symbol.dispose](): void {
    if (this.#state === 'open') this.#state = 'dropped';
  }

  #write(bytes: Uint8Array): void {
    if (OutgoingBody.isSettled(this)) throw closed();
    if (this.#size + bytes.length > MAX_HELD) throw failed(`more than ${MAX_HELD} bytes written`);
    // The glue's bytes are a view of guest memory.
    this.#parts.push(bytes.slice());
    this.#size += bytes.length;
    if (this.#size >= PART && this.#begin !== undefined) this.#send(this.#begin);
  }

  #send(begin: () => HttpExchange): void {
    try {
      this.#exchange ??= begin();
      this.#exchange.write(this.#take());
    } catch (thrown) {
      if (!(thrown instanceof HttpFailure)) throw thrown;
      this.#failure = thrown;
      throw failed(thrown.message, thrown);
    }
  }

  #take(): Uint8Array {
    const whole = new Uint8Array(this.#size);
    let at = 0;
    for (const part of this.#parts) {
      whole.set(part, at);
      at += part.length;
    }
    this.#parts = [];
    this.#size = 0;
    return whole;
  }
}

/** wasi:http/types future-trailers: there are none. */
export class FutureTrailers {
  #given = false;

  subscribe(): Pollable {
    return new Pollable();
  }

  get(): Tagged {
    if (this.#given) return { tag: 'err' };
    this.#given = true;
    return { tag: 'ok', val: { tag: 'ok', val: undefined } };
  }
}

/** wasi:http/types incoming-body. What is dropped unread is not fetched. */
export class IncomingBody {
  readonly #source: Source;
  #taken = false;

  constructor(source: Source) {
    this.#source = source;
  }

  stream(): InputStream {
    if (this.#taken) throw new ErrResult(undefined);
    this.#taken = true;
    return new InputStream(this.#source);
  }

  static finish(body: IncomingBody): FutureTrailers {
    body[Symbol.dispose]();
    return new FutureTrailers();
  }

  [Symbol.dispose](): void {
    this.#source.close?.();
  }
}
