// The daemon's end of one broker: a process of ours without keys that handles hostile bytes for it.
// Requests go out at any time and are answered in any order; what a broker may not send ends it.

import { encodeFrame, type FrameHeader } from '../frames/frame.ts';
import { type Frame, FrameReader } from '../frames/frame-reader.ts';
import { BrokerKind } from './broker-frames.ts';
import { type NodeProcess, type NodeProcessOptions, spawnNode } from './spawn-node.ts';

const START_TIMEOUT_MS = 10_000;
const LAST_NUMBER = 0xffff_ffff;

export interface BrokerOptions {
  readonly process: NodeProcessOptions;
  /** Largest reply taken, bytes of head and of body. */
  readonly replyHead: number;
  readonly replyBody: number;
  /**
   * How long an abandoned request may stay unanswered before the broker is ended, because it is
   * stuck; milliseconds.
   */
  readonly stuckMs: number;
}

export interface BrokerReply {
  /** Unchecked members. */
  readonly head: Readonly<Record<string, unknown>>;
  readonly body: Uint8Array;
}

/** The broker died, or was ended, before it answered: nobody knows how far the request got. */
export class BrokerGone extends Error {
  override readonly name = 'BrokerGone';
}

interface Pending {
  readonly resolve: (reply: BrokerReply) => void;
  readonly reject: (error: Error) => void;
  /** Set once nobody waits any more. */
  stuck: NodeJS.Timeout | undefined;
}

export class Broker {
  readonly #options: BrokerOptions;
  readonly #process: NodeProcess;
  readonly #pending = new Map<number, Pending>();
  #number = 0;
  #usable = true;
  /** Resolves when it is up; rejects with {@link BrokerGone} when it dies before that. */
  readonly ready: Promise<void>;

  constructor(options: BrokerOptions) {
    this.#options = options;
    this.#process = spawnNode(options.process);
    this.ready = new Promise((resolve, reject) => {
      const timer = setTimeout(() => void this.kill(), START_TIMEOUT_MS);
      this.#pending.set(0, {
        resolve: () => {
          clearTimeout(timer);
          resolve();
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
        stuck: undefined,
      });
    });
    this.ready.catch(() => {});
    const reader = new FrameReader({
      accept: (header) => this.#accept(header),
      frame: (frame) => this.#answer(frame),
    });
    this.#process.stdout.on('data', (chunk: Uint8Array) => {
      if (!this.#usable) return;
      try {
        reader.push(chunk);
      } catch {
        void this.kill();
      }
    });
    void this.#process.exited.then(() => this.#gone());
  }

  get pid(): number {
    return this.#process.pid;
  }

  get usable(): boolean {
    return this.#usable;
  }

  /** Requests nobody has answered yet. */
  get busy(): number {
    return this.#pending.size;
  }

  /** The end of what it wrote to stderr. */
  stderrTail(): string {
    return this.#process.stderrTail();
  }

  /**
   * Asks for something.
   *
   * @param signal aborting it stops the waiting at once; a broker that goes on being stuck is ended.
   * @throws BrokerGone, or the signal's reason.
   */
  request(head: object, body?: Uint8Array, signal?: AbortSignal): Promise<BrokerReply> {
    if (!this.#usable) return Promise.reject(new BrokerGone('the broker has ended'));
    const number = this.#nextNumber();
    return new Promise<BrokerReply>((resolve, reject) => {
      const abandon = (): void => {
        const { reason } = signal as AbortSignal;
        reject(reason instanceof Error ? reason : new Error('abandoned'));
        const pending = this.#pending.get(number);
        if (pending === undefined) return;
        pending.stuck = setTimeout(() => void this.kill(), this.#options.stuckMs);
        this.#send(BrokerKind.abandon, number);
      };
      if (signal?.aborted === true) {
        abandon();
        return;
      }
      signal?.addEventListener('abort', abandon, { once: true });
      const settled = (): void => signal?.removeEventListener('abort', abandon);
      this.#pending.set(number, {
        resolve: (reply) => {
          settled();
          resolve(reply);
        },
        reject: (error) => {
          settled();
          reject(error);
        },
        stuck: undefined,
      });
      this.#send(BrokerKind.request, number, head, body);
    });
  }

  /** SIGKILL; resolves when it is gone. Whoever waits gets {@link BrokerGone}. */
  async kill(): Promise<void> {
    this.#usable = false;
    await this.#process.kill();
  }

  #send(kind: number, number: number, head?: object, body?: Uint8Array): void {
    this.#process.stdin.write(encodeFrame(kind, number, head, body));
  }

  #nextNumber(): number {
    do this.#number = this.#number === LAST_NUMBER ? 1 : this.#number + 1;
    while (this.#pending.has(this.#number));
    return this.#number;
  }

  #accept({ kind, call, headBytes, bodyBytes }: FrameHeader): void {
    if (kind !== (call === 0 ? BrokerKind.ready : BrokerKind.reply) || !this.#pending.has(call)) {
      throw new RangeError(`a frame of kind ${kind} out of turn`);
    }
    const { replyHead, replyBody } = this.#options;
    if (headBytes > replyHead || bodyBytes > replyBody) throw new RangeError('too large a reply');
  }

  #answer({ call, head, body }: Frame): void {
    const pending = this.#pending.get(call);
    this.#pending.delete(call);
    clearTimeout(pending?.stuck);
    pending?.resolve({ head, body });
  }

  #gone(): void {
    this.#usable = false;
    const left = [...this.#pending.values()];
    this.#pending.clear();
    for (const { stuck, reject } of left) {
      clearTimeout(stuck);
      reject(new BrokerGone('the broker ended before it answered'));
    }
  }
}
