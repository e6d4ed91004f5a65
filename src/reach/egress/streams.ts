// Requests whose bodies travel in parts. The budget is charged as bytes flow, before they are asked for.

import { type Broker, BrokerGone } from '../../base/process/broker.ts';
import type { Told } from './call-broker.ts';
import type { StreamReply, StreamStep } from './egress.ts';
import { assertCarries, type Hop } from './hops.ts';
import type { BrokerAnswer } from './messages.ts';
import { EgressRefusal } from './refusal.ts';
import { refusalOf } from './refusal-of.ts';
import type { GuestSession } from './session.ts';
import type { Trace } from './trace.ts';

/** Open at once, in one call. */
const MAX_OPEN = 8;
/** Given in answer to one read. */
const MAX_READ = 1 << 20;

interface Exchange {
  hop: Hop;
  readonly trace: Trace;
  readonly before: number;
  /** What the guest may do next. */
  phase: 'begin' | 'write' | 'read';
  redirects: number;
  /** Set while the broker knows of it. */
  line: { readonly broker: Broker; readonly number: number } | undefined;
}

export class Streams {
  readonly #session: GuestSession;
  readonly #open = new Map<number, Exchange>();
  #numbers = 0;

  constructor(session: GuestSession) {
    this.#session = session;
  }

  async step(step: StreamStep, signal: AbortSignal): Promise<StreamReply> {
    if (step.op === 'http-open') return this.#begin(step, signal);
    const exchange = this.#open.get(step.exchange);
    if (exchange === undefined) {
      if (step.op === 'http-close') return { ok: true, value: {} };
      return { ok: false, code: 'invalid', message: 'there is no such exchange' };
    }
    try {
      switch (step.op) {
        case 'http-write':
          return await this.#write(exchange, step.data, signal);
        case 'http-finish':
          return await this.#finish(exchange, signal);
        case 'http-read':
          return await this.#read(step.exchange, exchange, step.length, signal);
        case 'http-close':
          this.#end(step.exchange, exchange);
          return { ok: true, value: {} };
      }
    } catch (thrown) {
      const { code, message } = refusalOf(thrown, signal);
      this.#session.settle(exchange.trace, exchange.trace.failed(code));
      this.#end(step.exchange, exchange);
      return { ok: false, code, message };
    }
  }

  #begin(step: StreamStep & { readonly op: 'http-open' }, signal: AbortSignal): StreamReply {
    const session = this.#session;
    const trace = session.begin(step);
    try {
      if (this.#open.size >= MAX_OPEN) {
        throw new EgressRefusal('limit', `a call may have ${MAX_OPEN} requests open at once`);
      }
      const hop = session.first({ ...step, body: undefined });
      trace.restart(hop.method, hop.target.url);
      session.assertCovered(hop);
      trace.reach('not-sent');
      const number = (this.#numbers += 1);
      const before = session.deadline();
      this.#open.set(number, { hop, trace, before, phase: 'begin', redirects: 0, line: undefined });
      return { ok: true, value: { exchange: number } };
    } catch (thrown) {
      const { code, message } = refusalOf(thrown, signal);
      session.settle(trace, trace.failed(code));
      return { ok: false, code, message };
    }
  }

  async #write(exchange: Exchange, data: Uint8Array, signal: AbortSignal): Promise<StreamReply> {
    const session = this.#session;
    if (exchange.phase === 'read') throw new EgressRefusal('invalid', 'the body is complete');
    if (data.length === 0) return { ok: true, value: {} };
    if (exchange.phase === 'begin') {
      assertCarries(exchange.hop.method);
      await this.#start(exchange, true, signal);
      exchange.phase = 'write';
    }
    if (!session.parts.budget.take(data.length)) throw session.overBudget();
    exchange.trace.count(data.length);
    await this.#ask(exchange, 'stream-write', {}, signal, data);
    return { ok: true, value: {} };
  }

  async #finish(exchange: Exchange, signal: AbortSignal): Promise<StreamReply> {
    if (exchange.phase === 'read') throw new EgressRefusal('invalid', 'the body is complete');
    const streamed = exchange.phase === 'write';
    exchange.phase = 'read';
    if (!streamed) await this.#start(exchange, false, signal);
    const { budget } = this.#session.parts;
    for (;;) {
      const { answer } = await this.#ask(exchange, 'stream-finish', {}, signal);
      if (!budget.take(answer.used ?? 0)) throw this.#session.overBudget();
      if (answer.location === undefined) {
        const { status = 0, headers = [] } = answer;
        return { ok: true, value: { status, headers } };
      }
      await this.#follow(exchange, answer, streamed, signal);
    }
  }

  async #follow(
    exchange: Exchange,
    answer: BrokerAnswer,
    streamed: boolean,
    signal: AbortSignal,
  ): Promise<void> {
    const { hop, trace, redirects } = exchange;
    exchange.hop = this.#session.redirect(hop, answer, trace, redirects, streamed);
    exchange.redirects += 1;
    exchange.line = undefined;
    trace.restart(exchange.hop.method, exchange.hop.target.url);
    await this.#start(exchange, false, signal);
  }

  async #read(
    number: number,
    exchange: Exchange,
    length: number,
    signal: AbortSignal,
  ): Promise<StreamReply> {
    const session = this.#session;
    if (exchange.phase !== 'read') throw new EgressRefusal('invalid', 'nothing was sent yet');
    const held = session.parts.budget.reserve(Math.min(length, MAX_READ));
    const told = await this.#ask(exchange, 'stream-read', { length: held.bytes }, signal);
    held.settle(told.bytes.length);
    const end = told.answer.end === true;
    // Nothing is left to pay for what waits there.
    if (!end && held.bytes === 0 && length > 0) throw session.overBudget();
    if (end) {
      exchange.line = undefined;
      this.#end(number, exchange);
    }
    return { ok: true, value: { end }, bytes: told.bytes };
  }

  async #start(exchange: Exchange, body: boolean, signal: AbortSignal): Promise<void> {
    const { parts } = this.#session;
    exchange.trace.reach('refused');
    const admitted = await this.#session.admit(exchange.hop, exchange.trace, exchange.before);
    const broker = await parts.broker.current();
    signal.throwIfAborted();
    exchange.trace.reach('sent');
    const number = (this.#numbers += 1);
    exchange.line = { broker, number };
    const hop = { ...admitted, limit: parts.budget.remaining };
    const message = { op: 'stream-start', exchange: number, hop, body } as const;
    const told = await parts.broker.ask(broker, message, undefined, signal);
    this.#session.learn(told, exchange.trace);
  }

  async #ask(
    { line, trace }: Exchange,
    op: 'stream-write' | 'stream-finish' | 'stream-read',
    more: { readonly length?: number },
    signal: AbortSignal,
    body?: Uint8Array,
  ): Promise<Told> {
    const { parts } = this.#session;
    if (line?.broker.usable !== true) throw new BrokerGone('the exchange went with its broker');
    const message = { op, exchange: line.number, length: 0, ...more };
    const told = await parts.broker.ask(line.broker, message, body, signal);
    this.#session.learn(told, trace);
    return told;
  }

  #end(number: number, exchange: Exchange): void {
    this.#open.delete(number);
    const { line, trace } = exchange;
    this.#session.settle(trace, trace.effect());
    if (line?.broker.usable !== true) return;
    const message = { op: 'stream-close', exchange: line.number } as const;
    this.#session.parts.broker.ask(line.broker, message).catch(() => undefined);
  }
}
