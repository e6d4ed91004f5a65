// One running call's requests: each hop is judged here, by the call's permit, budget and clock, before
// a broker is asked to send it.

import type { Clock } from '../../base/clock/clock.ts';
import type { Broker } from '../../base/process/broker.ts';
import type { Permit } from '../../decide/policy/permit.ts';
import type { CallBroker, Told } from './call-broker.ts';
import type {
  EgressReply,
  EgressRequest,
  EgressSession,
  StreamReply,
  StreamStep,
} from './egress.ts';
import { type Asked, firstHop, type Hop, nextHop, requestSize } from './hops.ts';
import type { BrokerAnswer, HopMessage, Listener } from './messages.ts';
import type { NetBudget } from './net-budget.ts';
import { EgressRefusal } from './refusal.ts';
import { refusalOf } from './refusal-of.ts';
import { rulesOf } from './rules.ts';
import { secretFields, secretsFor, type SecretSource } from './secrets.ts';
import { Streams } from './streams.ts';
import { type EgressEffect, Trace } from './trace.ts';

export interface SessionParts {
  readonly permit: Permit;
  readonly record: (effect: EgressEffect) => void;
  readonly clock: Clock;
  readonly budget: NetBudget;
  readonly broker: CallBroker;
  readonly secrets: SecretSource | undefined;
  readonly forbidden: () => readonly Listener[];
  readonly totalMs: number;
  /** Bytes of an answer given in one piece at most. */
  readonly wholeAnswer: number;
}

const MAX_REDIRECTS = 5;
/** A broker keeps the time itself; one that does not is ended this much later. */
const GRACE_MS = 2_000;

export class GuestSession implements EgressSession {
  readonly parts: SessionParts;
  readonly #traces = new Set<Trace>();
  readonly #streams: Streams;
  #ended = false;
  #masked = 0;

  constructor(parts: SessionParts) {
    this.parts = parts;
    this.#streams = new Streams(this);
  }

  get masked(): number {
    return this.#masked;
  }

  async fetch(request: EgressRequest, signal: AbortSignal): Promise<EgressReply> {
    const trace = this.begin(request);
    try {
      const before = this.deadline();
      let hop = this.first(request);
      for (let count = 0; ; count += 1) {
        trace.restart(hop.method, hop.target.url);
        const { answer, bytes } = await this.#hop(hop, trace, before, signal);
        if (answer.location === undefined) {
          const { status = 0, headers = [] } = answer;
          this.settle(trace, trace.effect());
          return { ok: true, value: { status, headers }, bytes };
        }
        hop = this.redirect(hop, answer, trace, count);
      }
    } catch (thrown) {
      const { code, message } = refusalOf(thrown, signal);
      this.settle(trace, trace.failed(code));
      return { ok: false, code, message };
    }
  }

  stream(step: StreamStep, signal: AbortSignal): Promise<StreamReply> {
    return this.#streams.step(step, signal);
  }

  underWay(): readonly EgressEffect[] {
    return [...this.#traces].map((trace) => trace.effect());
  }

  close(): void {
    this.#ended = true;
    this.parts.broker.close();
    for (const trace of this.#traces) this.settle(trace, trace.effect());
  }

  begin({ method, url }: Pick<EgressRequest, 'method' | 'url'>): Trace {
    const trace = new Trace(method, url);
    this.#traces.add(trace);
    return trace;
  }

  /** Records how a request ended; once. */
  settle(trace: Trace, effect: EgressEffect): void {
    if (this.#traces.delete(trace)) this.parts.record(effect);
  }

  /** Monotonic milliseconds by which a request that begins now must be over. */
  deadline(): number {
    const { clock, permit, totalMs } = this.parts;
    return clock.monotonic() + Math.min(totalMs, permit.terms.expiresAt - clock.wall());
  }

  /** @throws EgressRefusal */
  first(asked: Asked): Hop {
    const { permit } = this.parts;
    return firstHop(asked, (method, target) => secretFields(permit, method, target));
  }

  /**
   * The next request of a chain; what the one before did is recorded.
   *
   * @throws EgressRefusal
   */
  redirect(hop: Hop, answer: BrokerAnswer, trace: Trace, count: number, streamed = false): Hop {
    const { status = 0, location = '' } = answer;
    if (count >= MAX_REDIRECTS) {
      throw new EgressRefusal('failed', `there were more than ${MAX_REDIRECTS} redirects`);
    }
    this.parts.record(trace.effect());
    trace.restart(hop.method, location);
    return nextHop(hop, status, location, streamed);
  }

  /**
   * Whether the rules cover a request as asked.
   *
   * @throws EgressRefusal `denied`, naming the remedy.
   */
  assertCovered({ method, target }: Hop): void {
    const { clock, permit } = this.parts;
    const { expiresAt, installation, allowNet, denyNet } = permit.terms;
    if (this.#ended || clock.wall() >= expiresAt) {
      throw new EgressRefusal('denied', "the call's permit has expired");
    }
    if (rulesOf(allowNet, denyNet).coversRequest(method, target)) return;
    throw new EgressRefusal(
      'denied',
      `\`${method} ${target.url}\` is outside of what this call may reach; the operator can allow ` +
        `it with \`warder tool grant ${installation.name} --allow-net ` +
        `'${method} ${target.origin}/**'\``,
    );
  }

  /**
   * Judges one hop and takes what it costs; what it gives is what a broker is sent.
   *
   * @throws EgressRefusal
   */
  async admit(hop: Hop, trace: Trace, before: number): Promise<Omit<HopMessage, 'limit'>> {
    this.assertCovered(hop);
    const { budget, clock, forbidden, permit } = this.parts;
    const timeoutMs = Math.floor(before - clock.monotonic());
    if (timeoutMs <= 0) throw new EgressRefusal('limit', 'the time for the request is over');
    const size = requestSize(hop);
    if (!budget.take(size)) throw this.overBudget();
    if (!budget.takeRequest()) {
      const { name } = permit.terms.installation;
      throw new EgressRefusal(
        'limit',
        `the call may send ${budget.requests} requests; the operator can allow more with ` +
          `\`warder tool grant ${name} --max-requests N\``,
      );
    }
    trace.count(size);
    const { method, target, headers } = hop;
    const own = forbidden();
    const secrets =
      permit.terms.secrets.length === 0
        ? []
        : await secretsFor(permit, method, target, this.parts.secrets);
    return {
      method,
      url: target.url,
      headers,
      timeoutMs,
      ...(own.length === 0 ? {} : { forbidden: own }),
      ...(secrets.length === 0 ? {} : { secrets }),
    };
  }

  overBudget(): EgressRefusal {
    const { budget, permit } = this.parts;
    return new EgressRefusal(
      'limit',
      `the call may move ${budget.limit} bytes over the network; the operator can allow more with ` +
        `\`warder tool grant ${permit.terms.installation.name} --max-net SIZE\``,
    );
  }

  /** What a broker's answer says of a request. Throws the refusal in it. */
  learn({ answer }: Told, trace: Trace): BrokerAnswer {
    this.#masked += answer.masked ?? 0;
    // Of one that goes on, only that it was answered is for certain.
    const { state, refused } = answer;
    if (state !== undefined && (refused !== undefined || state === 'answered')) trace.reach(state);
    trace.count(answer.used ?? 0);
    if (refused === undefined) return answer;
    throw new EgressRefusal(refused.code, refused.message);
  }

  async #hop(hop: Hop, trace: Trace, before: number, signal: AbortSignal): Promise<Told> {
    const { broker, budget, wholeAnswer } = this.parts;
    const admitted = await this.admit(hop, trace, before);
    const line = await broker.current();
    signal.throwIfAborted();
    // From here on nobody but the broker knows how far it gets.
    trace.reach('sent');
    const held = budget.reserve(wholeAnswer);
    const watch = endWhenStuck(line, admitted.timeoutMs + GRACE_MS);
    try {
      const message = { op: 'fetch', hop: { ...admitted, limit: held.bytes } } as const;
      const told = await broker.ask(line, message, hop.body, signal);
      held.settle(Math.max(told.answer.used ?? held.bytes, told.bytes.length));
      this.learn(told, trace);
      return told;
    } finally {
      clearTimeout(watch);
    }
  }
}

function endWhenStuck(broker: Broker, ms: number): NodeJS.Timeout {
  return setTimeout(() => void broker.kill(), ms);
}
