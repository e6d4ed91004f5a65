// One call's line to the broker of its installation: opened when it is first needed, and anew when
// that broker has died.

import { type Broker, BrokerGone } from '../../base/process/broker.ts';
import type { Brokers } from '../../base/process/brokers.ts';
import type { Permit } from '../../decide/policy/permit.ts';
import type { BrokerAnswer, BrokerMessage, BrokerSettings } from './messages.ts';
import { readAnswer } from './read-answer.ts';

let calls = 0;

/** A message as a call sends it: its number is added here. */
type CallMessage = BrokerMessage extends infer Each
  ? Each extends { readonly call: number }
    ? Omit<Each, 'call'>
    : never
  : never;

export interface Told {
  readonly answer: BrokerAnswer;
  readonly bytes: Uint8Array;
}

export class CallBroker {
  readonly #brokers: Brokers;
  readonly #settings: BrokerSettings;
  readonly #permit: Permit;
  readonly #call: number;
  #broker: Broker | undefined;
  #closed = false;

  constructor(brokers: Brokers, settings: BrokerSettings, permit: Permit) {
    this.#brokers = brokers;
    this.#settings = settings;
    this.#permit = permit;
    this.#call = calls += 1;
  }

  /**
   * The broker, which knows the call's rules.
   *
   * @throws WarderError `unavailable` when none can be started.
   */
  async current(): Promise<Broker> {
    const { tenant, installation, allowNet, denyNet } = this.#permit.terms;
    const broker = await this.#brokers.of(`${tenant}/${installation.id}`, async (fresh) => {
      await fresh.request({ op: 'settings', settings: this.#settings });
    });
    if (this.#closed) throw new BrokerGone('the call is over');
    if (broker !== this.#broker) {
      this.#broker = broker;
      const open = { op: 'open', call: this.#call, allow: allowNet, deny: denyNet };
      // What follows is served after it; a broker that dies of it fails what follows as well.
      broker.request(open).catch(() => undefined);
    }
    return broker;
  }

  /**
   * Asks a broker that {@link current} gave.
   *
   * @throws BrokerGone, or the signal's reason.
   */
  async ask(
    broker: Broker,
    message: CallMessage,
    body?: Uint8Array,
    signal?: AbortSignal,
  ): Promise<Told> {
    const reply = await broker.request({ ...message, call: this.#call }, body, signal);
    try {
      return { answer: readAnswer(reply), bytes: reply.body };
    } catch (cause) {
      void broker.kill();
      throw new BrokerGone('the broker answered nonsense', { cause });
    }
  }

  /** Closes the call's connections. */
  close(): void {
    this.#closed = true;
    if (this.#broker?.usable !== true) return;
    this.#broker.request({ op: 'close', call: this.#call }).catch(() => undefined);
  }
}
