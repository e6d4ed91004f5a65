// wasi:http/types and outgoing-handler: a guest's request is made when the guest waits for the answer, or
// when its body grows large; a refusal becomes an error code.

import type { GuestHost } from '../engine.ts';
import { absentResource } from './absent-resource.ts';
import { ErrResult } from './err-result.ts';
import { FutureTrailers, IncomingBody, OutgoingBody } from './http-bodies.ts';
import {
  type Answered,
  ask,
  HttpExchange,
  HttpFailure,
  type RequestHead,
  type Tagged,
} from './http-exchange.ts';
import { Fields } from './http-fields.ts';
import { IoError, Pollable, type Source, WholeBytes } from './io.ts';

/** Responses whose bodies are read in parts at a time; the host keeps no more. */
const MAX_OPEN = 8;
const NOTHING = new Uint8Array(0);

const METHODS = ['get', 'head', 'post', 'put', 'delete', 'connect', 'options', 'trace', 'patch'];

/** wasi:http/types outgoing-request. */
class OutgoingRequest {
  readonly #headers: Fields;
  #method: Tagged = { tag: 'get' };
  #scheme: Tagged | undefined;
  #authority: string | undefined;
  #path: string | undefined;
  #body: OutgoingBody | undefined;

  constructor(headers: Fields) {
    this.#headers = headers;
  }

  body(): OutgoingBody {
    if (this.#body !== undefined) throw new ErrResult(undefined);
    this.#body = new OutgoingBody();
    return this.#body;
  }

  method(): Tagged {
    return this.#method;
  }

  setMethod(method: Tagged): void {
    const valid = method.tag === 'other' ? isToken(method.val) : METHODS.includes(method.tag);
    if (!valid) throw new ErrResult(undefined);
    this.#method = method;
  }

  pathWithQuery(): string | undefined {
    return this.#path;
  }

  setPathWithQuery(path: string | undefined): void {
    this.#path = path;
  }

  scheme(): Tagged | undefined {
    return this.#scheme;
  }

  setScheme(scheme: Tagged | undefined): void {
    this.#scheme = scheme;
  }

  authority(): string | undefined {
    return this.#authority;
  }

  setAuthority(authority: string | undefined): void {
    if (authority !== undefined && /[/?#\\\s@]/.test(authority)) throw new ErrResult(undefined);
    this.#authority = authority;
  }

  headers(): Fields {
    return this.#headers;
  }

  static send(request: OutgoingRequest): FutureSource {
    const scheme = request.#scheme?.tag === 'HTTP' ? 'http' : 'https';
    if (request.#scheme?.tag === 'other') throw new ErrResult({ tag: 'HTTP-protocol-error' });
    if (request.#authority === undefined) throw new ErrResult({ tag: 'HTTP-request-URI-invalid' });
    const path = request.#path ?? '/';
    const { tag, val } = request.#method;
    return {
      method: tag === 'other' ? String(val) : tag.toUpperCase(),
      url: `${scheme}://${request.#authority}${path.startsWith('/') ? '' : '/'}${path}`,
      headers: Fields.seal(request.#headers),
      body: request.#body,
    };
  }
}

interface FutureSource extends RequestHead {
  readonly body: OutgoingBody | undefined;
}

function isToken(value: unknown): boolean {
  return typeof value === 'string' && /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$/.test(value);
}

/** wasi:http/types request-options: times are the daemon's to keep; values are only remembered. */
class RequestOptions {
  #connect: bigint | undefined;
  #firstByte: bigint | undefined;
  #betweenBytes: bigint | undefined;

  connectTimeout(): bigint | undefined {
    return this.#connect;
  }

  setConnectTimeout(duration: bigint | undefined): void {
    this.#connect = duration;
  }

  firstByteTimeout(): bigint | undefined {
    return this.#firstByte;
  }

  setFirstByteTimeout(duration: bigint | undefined): void {
    this.#firstByte = duration;
  }

  betweenBytesTimeout(): bigint | undefined {
    return this.#betweenBytes;
  }

  setBetweenBytesTimeout(duration: bigint | undefined): void {
    this.#betweenBytes = duration;
  }
}

/** wasi:http/types incoming-response. */
class IncomingResponse {
  readonly #status: number;
  readonly #headers: Fields;
  #body: Source | undefined;

  constructor({ status, headers, body }: Answered) {
    this.#status = status;
    this.#headers = Fields.received(headers);
    this.#body = body;
  }

  status(): number {
    return this.#status;
  }

  headers(): Fields {
    return this.#headers;
  }

  consume(): IncomingBody {
    if (this.#body === undefined) throw new ErrResult(undefined);
    const body = new IncomingBody(this.#body);
    this.#body = undefined;
    return body;
  }

  [Symbol.dispose](): void {
    this.#body?.close?.();
  }
}

/** The requests of one call, as the host is asked for them. */
class Requests {
  readonly #host: GuestHost;
  #open = 0;

  constructor(host: GuestHost) {
    this.#host = host;
  }

  begin(head: RequestHead): HttpExchange {
    const exchange = new HttpExchange(this.#host, head, () => (this.#open -= 1));
    this.#open += 1;
    return exchange;
  }

  /** For a request whose body was not sent in parts. */
  answer(head: RequestHead, body: Uint8Array): Answered {
    const { method, url, headers: sent } = head;
    // A body is sent whole, so that its length is told and a redirect can repeat it.
    const without = method === 'GET' && body.length === 0;
    if (without && this.#open < MAX_OPEN) return this.begin(head).finish();
    const reply = ask(this.#host, { op: 'http', method, url, headers: sent, body });
    if (!('status' in reply.value)) throw new Error("the host's answer lacks `status`");
    const { status, headers } = reply.value;
    return { status, headers, body: new WholeBytes(reply.bytes ?? NOTHING) };
  }
}

/** wasi:http/types future-incoming-response. */
class FutureIncomingResponse {
  readonly #source: FutureSource;
  readonly #requests: Requests;
  #outcome: Tagged | undefined;
  #given = false;

  constructor(source: FutureSource, requests: Requests) {
    this.#source = source;
    this.#requests = requests;
    const { body } = source;
    if (body !== undefined) OutgoingBody.handOver(body, () => requests.begin(source));
  }

  subscribe(): Pollable {
    return new Pollable({
      remaining: () => (this.#ready() ? 0n : 1n),
      force: () => {
        this.#run();
      },
    });
  }

  get(): Tagged | undefined {
    if (!this.#ready()) return undefined;
    if (this.#given) return { tag: 'err' };
    this.#given = true;
    return { tag: 'ok', val: this.#run() };
  }

  /** A guest may write its body after it asked for the response: wait until it is finished. */
  #ready(): boolean {
    const { body } = this.#source;
    return this.#outcome !== undefined || body === undefined || OutgoingBody.isSettled(body);
  }

  #run(): Tagged {
    this.#outcome ??= this.#perform();
    return this.#outcome;
  }

  #perform(): Tagged {
    try {
      return { tag: 'ok', val: new IncomingResponse(this.#answer()) };
    } catch (thrown) {
      if (thrown instanceof HttpFailure) return { tag: 'err', val: thrown.code };
      throw thrown;
    }
  }

  #answer(): Answered {
    const { body } = this.#source;
    if (body === undefined) return this.#requests.answer(this.#source, NOTHING);
    const { rest, exchange } = OutgoingBody.settle(body);
    if (exchange === undefined) return this.#requests.answer(this.#source, rest);
    if (rest.length > 0) exchange.write(rest);
    return exchange.finish();
  }
}

/** Server-side resources exist by name only: nothing calls into a tool over HTTP. */
const IncomingRequest = absentResource('incoming-request');
const OutgoingResponse = absentResource('outgoing-response');
const ResponseOutparam = absentResource('response-outparam');

/** wasi:http for one call. */
export function makeHttp(host: GuestHost): Record<string, object> {
  const requests = new Requests(host);
  return {
    'wasi:http/types': {
      Fields,
      FutureIncomingResponse,
      FutureTrailers,
      IncomingBody,
      IncomingRequest,
      IncomingResponse,
      OutgoingBody,
      OutgoingRequest,
      OutgoingResponse,
      RequestOptions,
      ResponseOutparam,
      httpErrorCode: (error: IoError) => {
        const cause = IoError.causeOf(error);
        return cause instanceof HttpFailure ? cause.code : undefined;
      },
    },
    'wasi:http/outgoing-handler': {
      handle: (request: OutgoingRequest, _options: RequestOptions | undefined) =>
        new FutureIncomingResponse(OutgoingRequest.send(request), requests),
    },
  };
}
