// One call in the broker: its rules, its connections, its open exchanges.

import type { Readable } from 'node:stream';
import type { Served } from '../../../base/process/serve-broker.ts';
import type { Address } from '../../../catalog/address.ts';
import type { Headers } from '../headers.ts';
import type { BrokerAnswer, BrokerSettings, HopMessage } from '../messages.ts';
import { EgressRefusal } from '../refusal.ts';
import type { NetRules } from '../rules.ts';
import { parseTarget, type Target } from '../target.ts';
import type { Abandon } from './abandon.ts';
import { addressesOf, assertNotOwn, checkAddresses, type Resolve, tried } from './addresses.ts';
import type { BodyBounds } from './body.ts';
import { Connections } from './connections.ts';
import { Flight } from './flight.ts';
import { Mask } from './mask.ts';
import { Outgoing } from './outgoing.ts';

/** Bytes of a streamed body that may wait to be read. */
const WAITING = 64 << 10;
/** URLs remembered as good. */
const MAX_CHECKED = 256;

export type Answered = Served<BrokerAnswer>;

interface Checked {
  readonly target: Target;
  readonly addresses: readonly Address[];
}

interface Exchange {
  readonly flight: Flight;
  readonly outgoing: Outgoing | undefined;
}

export class BrokerCall {
  readonly #settings: BrokerSettings;
  readonly #rules: NetRules;
  readonly #resolve: Resolve;
  readonly #connections: Connections;
  readonly #exchanges = new Map<number, Exchange>();
  /** What names stood for when the call first asked; asked once. */
  readonly #hosts = new Map<string, Promise<readonly Address[]>>();
  /** What was found good before: the rules and a name's addresses stay the same for the call. */
  readonly #checked = new Map<string, Checked>();
  readonly #mask = new Mask();

  constructor(settings: BrokerSettings, rules: NetRules, resolve: Resolve) {
    this.#settings = settings;
    this.#rules = rules;
    this.#resolve = resolve;
    this.#connections = new Connections(settings.trusted);
  }

  async fetch(hop: HopMessage, body: Uint8Array, abandon: Abandon): Promise<Answered> {
    const bounds = { waiting: Number.POSITIVE_INFINITY, limit: hop.limit };
    let flight: Flight | undefined;
    try {
      flight = await this.#send(hop, body.length === 0 ? null : body, bounds, abandon);
      const sent = flight;
      abandon.on = (): void => sent.abort(over());
      const head = await flight.head;
      if (head.location !== undefined) {
        const { location, status } = head;
        this.#noSecretIn(flight);
        flight.abort(over());
        return { answer: { state: 'answered', status, location, ...this.#counts(flight.fields) } };
      }
      const bytes = await flight.body.whole();
      const { status, headers } = head;
      return {
        answer: { state: 'answered', status, headers, ...this.#counts(flight.used) },
        bytes,
      };
    } catch (thrown) {
      return { answer: this.#failed(thrown, flight) };
    }
  }

  async start(
    number: number,
    hop: HopMessage,
    withBody: boolean,
    abandon: Abandon,
  ): Promise<Answered> {
    const outgoing = withBody ? new Outgoing() : undefined;
    try {
      const bounds = { waiting: WAITING, limit: hop.limit };
      const flight = await this.#send(hop, outgoing?.stream ?? null, bounds, abandon);
      // The server may answer, or go, before it has taken the body.
      flight.head.catch((reason: unknown) => outgoing?.stop(reason as Error));
      this.#exchanges.set(number, { flight, outgoing });
      return { answer: { state: flight.state } };
    } catch (thrown) {
      return { answer: this.#failed(thrown, undefined) };
    }
  }

  async write(number: number, part: Uint8Array): Promise<Answered> {
    return this.#with(number, async ({ flight, outgoing }) => {
      await outgoing?.write(part);
      return { answer: { state: flight.state } };
    });
  }

  async finish(number: number): Promise<Answered> {
    return this.#with(number, async ({ flight, outgoing }) => {
      outgoing?.finish();
      const head = await flight.head;
      const { status, headers, location } = head;
      if (location !== undefined) {
        this.#noSecretIn(flight);
        flight.abort(over());
        this.#exchanges.delete(number);
        const counts = this.#counts(flight.fields);
        return { answer: { state: 'answered', status, location, ...counts } };
      }
      return { answer: { state: 'answered', status, headers, ...this.#counts(flight.fields) } };
    });
  }

  async read(number: number, length: number): Promise<Answered> {
    return this.#with(number, async ({ flight }) => {
      const { bytes, end } = await flight.body.read(length);
      if (end) this.#exchanges.delete(number);
      return { answer: { state: 'answered', end, ...this.#counts(bytes.length) }, bytes };
    });
  }

  closeExchange(number: number): Answered {
    const exchange = this.#exchanges.get(number);
    this.#exchanges.delete(number);
    exchange?.flight.abort(over());
    exchange?.outgoing?.stop();
    return { answer: { state: exchange?.flight.state ?? 'not-sent' } };
  }

  /** Ends everything of it, on the wire as well. */
  close(): void {
    for (const number of this.#exchanges.keys()) this.closeExchange(number);
    this.#connections.close();
  }

  async #with(number: number, work: (exchange: Exchange) => Promise<Answered>): Promise<Answered> {
    const exchange = this.#exchanges.get(number);
    if (exchange === undefined) {
      return { answer: refused(new EgressRefusal('invalid', 'there is no such exchange')) };
    }
    try {
      return await work(exchange);
    } catch (thrown) {
      this.closeExchange(number);
      return { answer: this.#failed(thrown, exchange.flight) };
    }
  }

  /** Checks the request once more, and where it goes; then it is on its way. */
  async #send(
    hop: HopMessage,
    body: Uint8Array | Readable | null,
    bounds: BodyBounds,
    abandon: Abandon,
  ): Promise<Flight> {
    const { method } = hop;
    const began = performance.now();
    const { target, addresses } =
      this.#checked.get(`${method} ${hop.url}`) ?? (await this.#check(hop, abandon));
    if (hop.forbidden !== undefined) assertNotOwn(addresses, target, hop.forbidden);
    const secrets = hop.secrets ?? [];
    for (const { value } of secrets) this.#mask.add(value);
    const headers: Headers = [
      ...hop.headers.filter(([name]) => !secrets.some(({ header }) => header === name)),
      ...secrets.map(({ header, field }) => [header, field] as const),
    ];
    const connection = this.#connections.take(target, tried(addresses));
    return new Flight(connection, {
      method,
      target,
      headers,
      body,
      bounds,
      connectMs: this.#settings.connectMs,
      headersMs: this.#settings.headersMs,
      timeoutMs: Math.max(1, hop.timeoutMs - (performance.now() - began)),
      mask: this.#mask.inUse,
      landed: (reusable) => this.#connections.giveBack(connection, reusable),
    });
  }

  async #check({ method, url, timeoutMs }: HopMessage, abandon: Abandon): Promise<Checked> {
    const target = parseTarget(url);
    if (!this.#rules.coversRequest(method, target)) {
      throw new EgressRefusal('denied', `\`${method} ${target.url}\` is outside of the rules`);
    }
    const addresses = await within(this.#addressesOf(target), timeoutMs, abandon);
    checkAddresses(addresses, method, target, this.#rules);
    const checked = { target, addresses };
    if (this.#checked.size < MAX_CHECKED) this.#checked.set(`${method} ${url}`, checked);
    return checked;
  }

  #addressesOf(target: Target): Promise<readonly Address[]> {
    const known = this.#hosts.get(target.host);
    if (known !== undefined) return known;
    const found = addressesOf(target, this.#resolve);
    this.#hosts.set(target.host, found);
    // A look-up that failed may be tried again.
    found.catch(() => this.#hosts.delete(target.host));
    return found;
  }

  /** What came back is masked already: where a secret stood in a redirect, none is followed. */
  #noSecretIn(flight: Flight): void {
    if (flight.maskedLocation) {
      throw new EgressRefusal('denied', 'the redirect would carry a secret on');
    }
  }

  #counts(used: number): Pick<BrokerAnswer, 'used' | 'masked'> {
    const masked = this.#mask.takeHits();
    return masked === 0 ? { used } : { used, masked };
  }

  #failed(thrown: unknown, flight: Flight | undefined): BrokerAnswer {
    const state = flight?.state ?? 'refused';
    return { ...refused(thrown), state, ...this.#counts(flight?.used ?? 0) };
  }
}

/** Codes of node:net, node:tls and undici, without their text: it names addresses. */
function refused(thrown: unknown): BrokerAnswer {
  if (thrown instanceof EgressRefusal) {
    const { code, message } = thrown;
    return { refused: { code, message } };
  }
  const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : 'unknown error';
  return { refused: { code: 'failed', message: `the request failed (${code})` } };
}

function over(): EgressRefusal {
  return new EgressRefusal('failed', 'the request was given up');
}

/** A look-up cannot be stopped; it is no longer waited for. */
function within<T>(work: Promise<T>, ms: number, abandon: Abandon): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new EgressRefusal('limit', `the request took longer than ${ms} ms`)),
      ms,
    );
    if (abandon.happened) reject(over());
    abandon.on = (): void => reject(over());
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
