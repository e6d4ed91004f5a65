// HTTP on a guest's behalf. The daemon decides, hop by hop; a broker process without keys speaks to
// the network and handles what comes back.

import { Brokers } from '../../base/process/brokers.ts';
import type { Jail } from '../../base/process/jail-plan.ts';
import { type Clock, systemClock } from '../../base/clock/clock.ts';
import { assertPermit, type Permit } from '../../decide/policy/permit.ts';
import { CallBroker } from './call-broker.ts';
import type { Headers } from './headers.ts';
import type { BrokerSettings, Listener } from './messages.ts';
import { createNetBudget } from './net-budget.ts';
import type { EgressRefusalCode } from './refusal.ts';
import type { SecretSource } from './secrets.ts';
import { GuestSession } from './session.ts';
import { startBroker } from './start-broker.ts';
import type { EgressEffect } from './trace.ts';

export type { Listener } from './messages.ts';
export type { EgressEffect } from './trace.ts';
export type { SecretSource } from './secrets.ts';

/** HTTP requests of running guests. */
export interface Egress {
  /**
   * What one running call may do. Costs nothing until it is used.
   *
   * @param record told of each request once nothing more will happen to it.
   * @throws TypeError when `permit` is not a permit of this process.
   */
  open(permit: Permit, record: (effect: EgressEffect) => void): EgressSession;
  /** Starts what the first request would otherwise wait for. */
  warm(): void;
  /** Ends every broker; what is under way fails. */
  close(): Promise<void>;
}

/** One call's requests: they share its budget and its connections. */
export interface EgressSession {
  /**
   * Does one request, following at most five redirects. Never rejects for a guest's or a server's
   * fault. Settles at once when `signal` aborts, the connection closed.
   */
  fetch(request: EgressRequest, signal: AbortSignal): Promise<EgressReply>;
  /** Does one step of a request whose bodies travel in parts. As {@link fetch} otherwise. */
  stream(step: StreamStep, signal: AbortSignal): Promise<StreamReply>;
  /** Requests not recorded yet, as a receipt would have to tell them now. */
  underWay(): readonly EgressEffect[];
  /** How many times a secret was masked in what servers answered. */
  readonly masked: number;
  /** Ends what is under way, on the wire as well, and records it. Nothing is served any more. */
  close(): void;
}

/** A guest's request. Every value is hostile. */
export interface EgressRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  readonly body: Uint8Array;
}

/** See `StreamRequest` of the sandbox, of which these are the operations. */
export type StreamStep =
  | {
      readonly op: 'http-open';
      readonly method: string;
      readonly url: string;
      readonly headers: Headers;
    }
  | { readonly op: 'http-write'; readonly exchange: number; readonly data: Uint8Array }
  | { readonly op: 'http-finish'; readonly exchange: number }
  | { readonly op: 'http-read'; readonly exchange: number; readonly length: number }
  | { readonly op: 'http-close'; readonly exchange: number };

export type EgressReply = Answered<{ readonly status: number; readonly headers: Headers }>;

export type StreamReply = Answered<
  | { readonly exchange: number }
  | { readonly status: number; readonly headers: Headers }
  | { readonly end: boolean }
  | Readonly<Record<string, never>>
>;

type Answered<Value> =
  | { readonly ok: true; readonly value: Value; readonly bytes?: Uint8Array }
  | { readonly ok: false; readonly code: EgressRefusalCode; readonly message: string };

export interface EgressOptions {
  /** Absolute path of the broker bundle. */
  readonly brokerPath: string;
  readonly clock?: Clock;
  /** Where the secrets of rules come from; without it such requests are refused. */
  readonly secrets?: SecretSource;
  /** Warder's own listeners, asked for at each request. */
  readonly forbidden?: () => readonly Listener[];
  /** `ADDRESS:PORT` of name servers to ask instead of the system's resolver. */
  readonly nameServers?: readonly string[];
  /** Until a connection (TLS included) stands, milliseconds. */
  readonly connectMs?: number;
  /** From there until the answer's fields are whole, milliseconds. */
  readonly headersMs?: number;
  /** For a whole request with its redirects, milliseconds. */
  readonly totalMs?: number;
  /** PEM certificates to trust instead of the system's. */
  readonly trusted?: string;
  /** Brokers at most, and milliseconds one may idle. */
  readonly brokers?: { readonly most: number; readonly idleMs: number };
  /** What brokers are shut into besides; without it they run as the daemon's user. */
  readonly jail?: Jail | undefined;
  /** Node binary of brokers; the daemon's own when absent. */
  readonly node?: string;
}

/** Largest answer that is given in one piece; larger ones can be streamed. */
const MAX_WHOLE_ANSWER = 64 << 20;
const DEFAULT_BROKERS = { most: 32, idleMs: 60_000 };

export function createEgress(options: EgressOptions): Egress {
  return new GuestEgress(options);
}

class GuestEgress implements Egress {
  readonly #options: EgressOptions;
  readonly #clock: Clock;
  readonly #settings: BrokerSettings;
  readonly #brokers: Brokers;

  constructor(options: EgressOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    const { trusted, nameServers } = options;
    this.#settings = {
      connectMs: options.connectMs ?? 10_000,
      headersMs: options.headersMs ?? 20_000,
      ...(trusted === undefined ? {} : { trusted }),
      ...(nameServers === undefined ? {} : { nameServers }),
    };
    this.#brokers = new Brokers({
      start: () => startBroker(options, MAX_WHOLE_ANSWER),
      clock: this.#clock,
      ...(options.brokers ?? DEFAULT_BROKERS),
    });
  }

  open(permit: Permit, record: (effect: EgressEffect) => void): EgressSession {
    assertPermit(permit);
    return new GuestSession({
      permit,
      record,
      clock: this.#clock,
      budget: createNetBudget(permit),
      broker: new CallBroker(this.#brokers, this.#settings, permit),
      secrets: this.#options.secrets,
      forbidden: this.#options.forbidden ?? ((): readonly Listener[] => []),
      totalMs: this.#options.totalMs ?? 30_000,
      wholeAnswer: MAX_WHOLE_ANSWER,
    });
  }

  warm(): void {
    try {
      this.#brokers.warm();
    } catch {
      // The first request says why.
    }
  }

  close(): Promise<void> {
    return this.#brokers.close();
  }
}
