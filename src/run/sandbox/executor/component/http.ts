// wasi:http/types and outgoing-handler: a guest's request becomes one `http` request to the daemon,
// made when the guest waits for the answer, and its refusals become error codes.

import type { HostReply, RefusalCode } from '../../host-calls.ts';
import type { GuestHost } from '../engine.ts';
import { absentResource } from './absent-resource.ts';
import { ErrResult } from './err-result.ts';
import { Fields } from './http-fields.ts';
import { BoundedBuffer, InputStream, OutputStream, Pollable } from './io.ts';

/** Bytes of a request body held for the daemon. */
const MAX_BODY = 16 * 1024 * 1024;

interface Tagged {
  readonly tag: string;
  readonly val?: unknown;
}

const METHODS = ['get', 'head', 'post', 'put', 'delete', 'connect', 'options', 'trace', 'patch'];

/** wasi:http/types outgoing-body. */
class OutgoingBody {
  readonly #buffer = new BoundedBuffer(MAX_BODY);
  #taken = false;
  #finished = false;

  write(): OutputStream {
    if (this.#taken) throw new ErrResult(undefined);
    this.#taken = true;
    return new OutputStream(this.#buffer);
  }

  static finish(body: OutgoingBody, trailers: Fields | undefined): void {
    if (trailers !== undefined && trailers.entries().length > 0) {
      throw new ErrResult({ tag: 'internal-error', val: 'trailers are not supported' });
    }
    body.#finished = true;
  }

  static isFinished(body: OutgoingBody): boolean {
    return body.#finished;
  }

  static bytes(body: OutgoingBody): Uint8Array {
    body.#finished = true;
    return body.#buffer.finish();
  }

  [Symbol.dispose](): void {
    this.#finished = true;
  }
}

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

interface FutureSource {
  readonly method: string;
  readonly url: string;
  readonly headers: readonly (readonly [string, string])[];
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

/** wasi:http/types future-trailers: there are none. */
class FutureTrailers {
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

/** wasi:http/types incoming-body. */
class IncomingBody {
  #bytes: Uint8Array | undefined;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  stream(): InputStream {
    if (this.#bytes === undefined) throw new ErrResult(undefined);
    const stream = new InputStream(this.#bytes);
    this.#bytes = undefined;
    return stream;
  }

  static finish(_body: IncomingBody): FutureTrailers {
    return new FutureTrailers();
  }
}

/** wasi:http/types incoming-response. */
class IncomingResponse {
  readonly #status: number;
  readonly #headers: Fields;
  #body: Uint8Array | undefined;

  constructor(status: number, headers: Fields, body: Uint8Array) {
    this.#status = status;
    this.#headers = headers;
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
}

/** wasi:http/types future-incoming-response. */
class FutureIncomingResponse {
  readonly #source: FutureSource;
  readonly #host: GuestHost;
  #outcome: Tagged | undefined;
  #given = false;

  constructor(source: FutureSource, host: GuestHost) {
    this.#source = source;
    this.#host = host;
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
    return this.#outcome !== undefined || body === undefined || OutgoingBody.isFinished(body);
  }

  #run(): Tagged {
    if (this.#outcome !== undefined) return this.#outcome;
    const { method, url, headers, body } = this.#source;
    const bytes = body === undefined ? new Uint8Array() : OutgoingBody.bytes(body);
    const reply = this.#host.request({ op: 'http', method, url, headers, body: bytes });
    if (!reply.ok) this.#host.log('warn', `request refused (${reply.code}): ${reply.message}`);
    this.#outcome = outcomeOf(reply);
    return this.#outcome;
  }
}

const REFUSALS: Readonly<Record<RefusalCode, (message: string) => Tagged>> = {
  denied: () => ({ tag: 'HTTP-request-denied' }),
  limit: () => ({ tag: 'HTTP-response-body-size', val: undefined }),
  'not-found': () => ({ tag: 'destination-not-found' }),
  invalid: () => ({ tag: 'HTTP-request-URI-invalid' }),
  failed: (message) => ({ tag: 'internal-error', val: message }),
};

function outcomeOf(reply: HostReply): Tagged {
  if (!reply.ok) return { tag: 'err', val: REFUSALS[reply.code](reply.message) };
  if (!('status' in reply.value)) throw new Error("the host's answer lacks `status`");
  const { status, headers } = reply.value;
  const response = new IncomingResponse(
    status,
    Fields.received(headers),
    reply.bytes ?? new Uint8Array(),
  );
  return { tag: 'ok', val: response };
}

/** Server-side resources exist by name only: nothing calls into a tool over HTTP. */
const IncomingRequest = absentResource('incoming-request');
const OutgoingResponse = absentResource('outgoing-response');
const ResponseOutparam = absentResource('response-outparam');

/** wasi:http for one call. */
export function makeHttp(host: GuestHost): Record<string, object> {
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
      httpErrorCode: () => undefined,
    },
    'wasi:http/outgoing-handler': {
      handle: (request: OutgoingRequest, _options: RequestOptions | undefined) =>
        new FutureIncomingResponse(OutgoingRequest.send(request), host),
    },
  };
}
