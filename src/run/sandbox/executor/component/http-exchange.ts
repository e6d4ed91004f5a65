// A request whose bodies travel in parts, as the executor's side of it: bytes are sent on as they gather
// and asked for as they are read.

import type { HostReply, HostRequest, RefusalCode } from '../../host-calls.ts';
import type { GuestHost } from '../engine.ts';
import { failed, type Source } from './io.ts';

/** A variant of wasi:http, as the glue has it. */
export interface Tagged {
  readonly tag: string;
  readonly val?: unknown;
}

/** What a request says before its body. */
export interface RequestHead {
  readonly method: string;
  readonly url: string;
  readonly headers: readonly (readonly [string, string])[];
}

/** The response, its body to be read. */
export interface Answered {
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Source;
}

type Granted = Extract<HostReply, { ok: true }>;

const REFUSALS: Readonly<Record<RefusalCode, (message: string) => Tagged>> = {
  denied: () => ({ tag: 'HTTP-request-denied' }),
  limit: () => ({ tag: 'HTTP-response-body-size', val: undefined }),
  'not-found': () => ({ tag: 'destination-not-found' }),
  invalid: () => ({ tag: 'HTTP-request-URI-invalid' }),
  failed: (message) => ({ tag: 'internal-error', val: message }),
};

/** Why a request failed, as a wasi:http error-code. */
export class HttpFailure extends Error {
  override readonly name = 'HttpFailure';
  readonly code: Tagged;

  constructor(code: Tagged, message: string = code.tag) {
    super(message);
    this.code = code;
  }
}

/** @throws HttpFailure when the host refuses; the operator finds why in the log. */
export function ask(host: GuestHost, request: HostRequest): Granted {
  const reply = host.request(request);
  if (reply.ok) return reply;
  host.log('warn', `request refused (${reply.code}): ${reply.message}`);
  throw new HttpFailure(REFUSALS[reply.code](reply.message), reply.message);
}

/** One request at the host. */
export class HttpExchange {
  readonly #host: GuestHost;
  readonly #number: number;
  readonly #ended: () => void;
  #open = true;

  /** @param ended called once, when it is not open at the host any more. */
  constructor(host: GuestHost, { method, url, headers }: RequestHead, ended: () => void) {
    const { value } = ask(host, { op: 'http-open', method, url, headers });
    if (!('exchange' in value)) throw new Error("the host's answer lacks `exchange`");
    this.#host = host;
    this.#number = value.exchange;
    this.#ended = ended;
  }

  write(data: Uint8Array): void {
    this.#ask({ op: 'http-write', exchange: this.#number, data });
  }

  /** Ends the request's body and waits for the response. */
  finish(): Answered {
    const { value } = this.#ask({ op: 'http-finish', exchange: this.#number });
    if (!('status' in value)) throw new Error("the host's answer lacks `status`");
    const body: Source = { read: (length) => this.#read(length), close: () => this.close() };
    return { status: value.status, headers: value.headers, body };
  }

  close(): void {
    if (!this.#open) return;
    this.#over();
    this.#host.request({ op: 'http-close', exchange: this.#number });
  }

  #read(length: number): Uint8Array {
    try {
      while (this.#open) {
        const reply = this.#ask({ op: 'http-read', exchange: this.#number, length });
        if ('end' in reply.value && reply.value.end) this.#over();
        if (reply.bytes !== undefined && reply.bytes.length > 0) return reply.bytes;
      }
      return new Uint8Array(0);
    } catch (thrown) {
      if (thrown instanceof HttpFailure) throw failed(thrown.message, thrown);
      throw thrown;
    }
  }

  /** The host closes what it refuses. */
  #ask(request: HostRequest): Granted {
    try {
      return ask(this.#host, request);
    } catch (thrown) {
      this.#over();
      throw thrown;
    }
  }

  #over(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#ended();
  }
}
