// One request over one connection, and its answer as it arrives: times and sizes are kept here.

import type { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import { answerHeaders, headerOf, type Headers } from '../headers.ts';
import { EgressRefusal } from '../refusal.ts';
import type { Target } from '../target.ts';
import type { EgressState } from '../trace.ts';
import { Body, type BodyBounds, type Flow, overLimit } from './body.ts';
import type { Connection } from './connections.ts';
import { type Deadline, deadline } from './deadlines.ts';
import { ACCEPTED_CODINGS, decoderFor, type Sink } from './decode.ts';
import type { Mask } from './mask.ts';

export interface FlightPlan {
  readonly method: string;
  readonly target: Target;
  /** As the guest and its secrets have it; what the host sets comes in addition. */
  readonly headers: Headers;
  readonly body: Uint8Array | Readable | null;
  readonly bounds: BodyBounds;
  readonly connectMs: number;
  readonly headersMs: number;
  readonly timeoutMs: number;
  /** Masks secrets of the call in the answer, if it has any. */
  readonly mask: Mask | undefined;
  /** The connection is free again, or spoilt. Called once. */
  readonly landed: (reusable: boolean) => void;
}

export interface AnswerHead {
  readonly status: number;
  readonly headers: Headers;
  /** Where a redirect leads. */
  readonly location: string | undefined;
}

const WHOLE = 'the request took longer than';
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
/** Statuses without a body, whatever the fields say (RFC 9110, 6.4.1). */
const BODILESS = new Set([204, 205, 304]);

export class Flight implements Dispatcher.DispatchHandler {
  readonly #plan: FlightPlan;
  readonly #head: PromiseWithResolvers<AnswerHead>;
  readonly body: Body;
  #sink: Sink;
  #controller: Dispatcher.DispatchController | undefined;
  #state: EgressState = 'refused';
  readonly #deadline: Deadline;
  /** Monotonic milliseconds at which the whole must be over. */
  readonly #end: number;
  /** What is waited for, and how long. */
  #phase: readonly [what: string, ms: number] = ['', 0];
  /** Fields, of interim answers as well. */
  #fields = 0;
  /** Body bytes before decompression. */
  #wire = 0;
  #over = false;
  #maskedLocation = false;

  constructor(connection: Connection, plan: FlightPlan) {
    this.#plan = plan;
    this.#head = Promise.withResolvers();
    this.#head.promise.catch(() => undefined);
    const flow: Flow = {
      pause: () => this.#flow.pause(),
      resume: () => this.#flow.resume(),
      abort: (reason) => this.#flow.abort(reason),
    };
    this.body = new Body(plan.bounds, flow);
    this.#sink = this.body;
    this.#flow = {
      // Once the answer is over the connection is somebody else's.
      pause: () => this.#over || this.#controller?.pause(),
      resume: () => this.#over || this.#controller?.resume(),
      abort: (reason) => this.abort(reason),
    };
    this.#end = performance.now() + plan.timeoutMs;
    this.#deadline = deadline(() => this.abort(slow(...this.#phase)));
    this.#await('there was no connection within', plan.connectMs);
    connection.client.dispatch(
      {
        method: plan.method,
        path: plan.target.path + plan.target.query,
        headers: flat(plan.headers),
        body: plan.body,
      },
      this,
    );
  }

  /** What stops and starts whoever feeds the body: the connection, or a decoder before it. */
  #flow: Flow;

  get head(): Promise<AnswerHead> {
    return this.#head.promise;
  }

  get state(): EgressState {
    return this.#state;
  }

  /** Bytes of the answer so far, as they count for the call. */
  get used(): number {
    return this.body.used;
  }

  get fields(): number {
    return this.#fields;
  }

  /** Whether a secret stood in where the redirect leads. */
  get maskedLocation(): boolean {
    return this.#maskedLocation;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.#over) {
      controller.abort(new Error('over'));
      return;
    }
    this.#controller = controller;
    this.#state = 'sent';
    this.#await('there was no answer within', this.#plan.headersMs);
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    const fields = fieldsOf(controller.rawHeaders);
    let size = 0;
    for (const [name, value] of fields) size += name.length + value.length;
    this.#fields += size;
    if (!this.body.charge(size)) {
      this.abort(overLimit());
      return;
    }
    if (status < 200) return;
    this.#await(WHOLE, Number.POSITIVE_INFINITY);
    this.#state = 'answered';
    const { mask, method } = this.#plan;
    const coding =
      method === 'HEAD' || BODILESS.has(status) ? undefined : headerOf(fields, 'content-encoding');
    const plain: Sink = mask === undefined ? this.body : mask.sink(this.body);
    const decoder =
      coding === undefined || coding === 'identity'
        ? undefined
        : decoderFor(coding, this.#flow, plain);
    if (coding !== undefined && decoder === undefined && mask !== undefined) {
      this.abort(new EgressRefusal('failed', 'the answer has a coding that hides what is in it'));
      return;
    }
    if (decoder !== undefined) this.#flow = decoder;
    this.#sink = decoder ?? plain;
    const seen = answerHeaders(fields, decoder !== undefined || mask !== undefined);
    const shown = mask === undefined ? seen : mask.headers(seen);
    const location = REDIRECTS.has(status) ? headerOf(shown, 'location') : undefined;
    this.#maskedLocation = location !== undefined && location !== headerOf(seen, 'location');
    this.#head.resolve({ status, headers: shown, location });
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Uint8Array): void {
    this.#wire += chunk.length;
    // Also the compressed bytes are bounded: empty blocks inflate to nothing, for ever.
    if (this.#wire > this.#plan.bounds.limit) this.abort(overLimit());
    else this.#sink.push(chunk);
  }

  onResponseEnd(): void {
    if (this.#over) return;
    this.#finish(true);
    this.#sink.end();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.abort(error);
  }

  /** Ends it now, on the wire as well. Nothing happens once it is over. */
  abort(reason: Error): void {
    // First of all the reason: closing the connection gives others.
    this.#head.reject(reason);
    this.#sink.fail(reason);
    if (!this.#over) this.#finish(false);
  }

  #finish(reusable: boolean): void {
    this.#over = true;
    this.#deadline.clear();
    this.#plan.landed(reusable);
  }

  /** The next thing must happen within `ms`, or by the end of the whole. */
  #await(what: string, ms: number): void {
    const left = this.#end - performance.now();
    this.#phase = ms < left ? [what, ms] : [WHOLE, this.#plan.timeoutMs];
    this.#deadline.set(Math.min(ms, left));
  }
}

function slow(what: string, ms: number): EgressRefusal {
  return new EgressRefusal('limit', `${what} ${ms} ms`);
}

/** Names and values in turn, those the host sets behind them. */
function flat(headers: Headers): string[] {
  const fields: string[] = [];
  // A range is one of encoded bytes: ask for the plain ones.
  let coding = ACCEPTED_CODINGS;
  let agent = false;
  for (const [name, value] of headers) {
    fields.push(name, value);
    if (name === 'range') coding = 'identity';
    if (name === 'user-agent') agent = true;
  }
  fields.push('accept-encoding', coding);
  if (!agent) fields.push('user-agent', 'warder');
  return fields;
}

/** Fields as undici hands them on: names and values in turn, or (HTTP/2) as an object. */
function fieldsOf(raw: Dispatcher.DispatchController['rawHeaders']): Headers {
  const fields: (readonly [string, string])[] = [];
  if (Array.isArray(raw)) {
    for (let at = 0; at + 1 < raw.length; at += 2) {
      fields.push([latin1(raw[at]).toLowerCase(), latin1(raw[at + 1])]);
    }
    return fields;
  }
  for (const [name, value] of Object.entries(raw ?? {})) {
    if (name.startsWith(':')) continue;
    for (const one of Array.isArray(value) ? value : [value]) {
      fields.push([name.toLowerCase(), String(one)]);
    }
  }
  return fields;
}

function latin1(value: Buffer | string | undefined): string {
  return typeof value === 'string' ? value : (value?.toString('latin1') ?? '');
}
