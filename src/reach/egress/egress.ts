// HTTP on a guest's behalf: rules, addresses and budget are checked for every hop, then it is sent.

import { lookup } from 'node:dns/promises';
import { type Clock, systemClock } from '../../base/clock/clock.ts';
import { assertPermit, type Permit } from '../../decide/policy/permit.ts';
import { checkedAddresses, type Listener, type Resolve } from './addresses.ts';
import { exchange, type HopAnswer, type HopRequest, requestSize } from './exchange.ts';
import type { Headers } from './headers.ts';
import { firstHop, nextHop } from './hops.ts';
import type { NetBudget } from './net-budget.ts';
import { EgressRefusal, type EgressRefusalCode } from './refusal.ts';
import { compileRules, type NetRules } from './rules.ts';
import { type EgressEffect, Trace } from './trace.ts';

export { createNetBudget, type NetBudget } from './net-budget.ts';
export type { Listener, Resolve } from './addresses.ts';
export type { EgressEffect } from './trace.ts';

/** HTTP requests of running guests. */
export interface Egress {
  /**
   * Does one request, following at most five redirects. Never rejects for a guest's or a server's
   * fault. Settles at once when `signal` aborts, the connection closed.
   *
   * @param budget the call's; see `createNetBudget`.
   * @throws TypeError when `permit` is not a permit of this process.
   */
  fetch(
    permit: Permit,
    request: EgressRequest,
    signal: AbortSignal,
    budget: NetBudget,
  ): Promise<EgressResult>;
}

/** A guest's request. Every value is hostile. */
export interface EgressRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  readonly body: Uint8Array;
}

export type EgressReply =
  | {
      readonly ok: true;
      readonly value: { readonly status: number; readonly headers: Headers };
      readonly bytes: Uint8Array;
    }
  | { readonly ok: false; readonly code: EgressRefusalCode; readonly message: string };

export interface EgressResult {
  readonly reply: EgressReply;
  /** Of the last hop. */
  readonly effect: EgressEffect;
  /** Of the redirects before it, in order. */
  readonly hops: readonly EgressEffect[];
}

export interface EgressOptions {
  readonly clock?: Clock;
  /** Asks the system when absent. */
  readonly resolve?: Resolve;
  /** Warder's own listeners, asked for at each request. */
  readonly forbidden?: () => readonly Listener[];
  /** Until a connection (TLS included) stands, milliseconds. */
  readonly connectMs?: number;
  /** For a whole request with its redirects, milliseconds. */
  readonly totalMs?: number;
  /** PEM certificates to trust instead of the system's. */
  readonly trusted?: string;
}

const MAX_REDIRECTS = 5;

export function createEgress(options: EgressOptions = {}): Egress {
  return new GuestEgress(options);
}

class GuestEgress implements Egress {
  readonly #options: EgressOptions;
  readonly #clock: Clock;
  readonly #resolve: Resolve;
  readonly #rules = new WeakMap<Permit, NetRules>();

  constructor(options: EgressOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#resolve = options.resolve ?? systemResolve;
  }

  async fetch(
    permit: Permit,
    request: EgressRequest,
    signal: AbortSignal,
    budget: NetBudget,
  ): Promise<EgressResult> {
    assertPermit(permit);
    const left = permit.terms.expiresAt - this.#clock.wall();
    const timeoutMs = Math.max(0, Math.min(this.#options.totalMs ?? 30_000, left));
    const timeout = AbortSignal.timeout(timeoutMs);
    const ends = AbortSignal.any([signal, timeout]);

    const hops: EgressEffect[] = [];
    const trace = new Trace(request.method, request.url, budget);
    try {
      let hop = firstHop(request);
      for (let count = 0; ; count += 1) {
        trace.restart(hop.method, hop.target.url);
        const answer = await unlessAborted(ends, this.#hop(permit, hop, ends, budget, trace));
        if (answer.location === undefined) return { ...done(answer), effect: trace.effect(), hops };
        if (count === MAX_REDIRECTS) {
          throw new EgressRefusal('failed', `there were more than ${MAX_REDIRECTS} redirects`);
        }
        hops.push(trace.effect());
        trace.restart(hop.method, answer.location);
        hop = nextHop(hop, answer.status, answer.location);
      }
    } catch (thrown) {
      const { code, message } =
        timeout.aborted && !(thrown instanceof EgressRefusal)
          ? new EgressRefusal('limit', `the request took longer than ${timeoutMs} ms`, thrown)
          : refusalOf(thrown, signal);
      return { reply: { ok: false, code, message }, effect: trace.failed(code), hops };
    }
  }

  async #hop(
    permit: Permit,
    hop: HopRequest,
    signal: AbortSignal,
    budget: NetBudget,
    trace: Trace,
  ): Promise<HopAnswer> {
    const { method, target } = hop;
    const { terms } = permit;
    if (this.#clock.wall() >= terms.expiresAt) {
      throw new EgressRefusal('denied', "the call's permit has expired");
    }
    const { name } = terms.installation;
    const grant = (url: string): string =>
      `the operator can allow it with \`warder tool grant ${name} --allow-net '${method} ${url}'\``;
    const rules = this.#rulesOf(permit);
    if (!rules.coversRequest(method, target)) {
      throw new EgressRefusal(
        'denied',
        `\`${method} ${target.url}\` is outside of what this call may reach; ${grant(`${target.origin}/**`)}`,
      );
    }
    if (!budget.take(requestSize(hop))) {
      throw new EgressRefusal(
        'limit',
        `the call may move ${budget.limit} bytes over the network; the operator can allow more ` +
          `with \`warder tool grant ${name} --max-net SIZE\``,
      );
    }
    const addresses = await checkedAddresses(
      method,
      target,
      rules,
      this.#resolve,
      this.#options.forbidden?.() ?? [],
      grant(`${target.scheme}://ADDRESS:${target.port}/**`),
    );
    signal.throwIfAborted();
    return exchange(hop, {
      addresses,
      budget,
      signal,
      connectMs: this.#options.connectMs ?? 10_000,
      trusted: this.#options.trusted,
      reached: (state) => trace.reach(state),
    });
  }

  #rulesOf(permit: Permit): NetRules {
    let rules = this.#rules.get(permit);
    if (rules === undefined) {
      rules = compileRules(permit.terms.allowNet, permit.terms.denyNet);
      this.#rules.set(permit, rules);
    }
    return rules;
  }
}

function done(answer: HopAnswer): { readonly reply: EgressReply } {
  const { status, headers, body } = answer;
  return { reply: { ok: true, value: { status, headers }, bytes: body } };
}

/** Codes of node:net, node:tls and undici, without their text: it names addresses. */
function refusalOf(thrown: unknown, signal: AbortSignal): EgressRefusal {
  if (thrown instanceof EgressRefusal) return thrown;
  if (signal.aborted) return new EgressRefusal('failed', 'the call was ended', thrown);
  const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : 'unknown error';
  return new EgressRefusal('failed', `the request failed (${code})`, thrown);
}

/** A look-up cannot be stopped; it is no longer waited for. */
function unlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const stop = (): void => {
      reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
    };
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}

async function systemResolve(name: string): Promise<readonly string[]> {
  const found = await lookup(name, { all: true, order: 'verbatim' });
  return found.map(({ address }) => address);
}
