// One load, describe or call on one executor, from its first frame to its last: deadline, counters,
// host requests, and the kill that ends what will not end by itself.

import type { Frame } from '../../base/frames/frame-reader.ts';
import type { ProcessExit } from '../../base/process/spawn-node.ts';
import { CpuWatch } from './cpu-watch.ts';
import { FrameKind, type ReplyHead } from './executor/frames.ts';
import type { ExecutorListener, ExecutorProcess } from './executor-process.ts';
import { largestGuestMemory } from './guest-memory.ts';
import type { HostReply, HostRequest } from './host-calls.ts';
import { readHostRequest } from './host-request.ts';

/** Largest body of a request: a file of 16 MiB and some. */
const MAX_REQUEST_BODY = 17 * 1024 * 1024;
const MAX_REQUEST_HEAD = 512 * 1024;
const MAX_LOG_BODY = 64 * 1024;
const MAX_SMALL_HEAD = 16 * 1024;
/** What each log line counts besides its bytes, so that empty lines are not free. */
const LOG_LINE_COST = 32;

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
const LOG_LEVELS: ReadonlySet<unknown> = new Set<LogLevel>(['debug', 'info', 'warn', 'error']);

/** What is exchanged. */
export interface ExchangeOptions {
  readonly send: { readonly kind: FrameKind; readonly head?: object; readonly body?: Uint8Array };
  /** The kind of the frame that ends it well. */
  readonly end: typeof FrameKind.loaded | typeof FrameKind.answer;
  readonly timeoutMs: number;
  /** CPU time of the executor, all its threads together, milliseconds; not bounded when absent. */
  readonly cpuMs?: number;
  readonly outputBytes: number;
  /** Absent: the guest may ask the host nothing. */
  readonly host?: {
    readonly serve: (request: HostRequest, signal: AbortSignal) => Promise<HostReply>;
    readonly hostCalls: number;
    readonly logBytes: number;
    readonly onLog?: (level: LogLevel, message: string) => void;
  };
  readonly signal?: AbortSignal;
}

/** How it ended. The executor lives on after `answered` and `failed` alone. */
export type ExchangeEnd =
  | { readonly kind: 'answered'; readonly head: Head; readonly body: Uint8Array }
  | { readonly kind: 'failed'; readonly head: Head }
  | { readonly kind: 'limit'; readonly limit: 'deadline' | 'cpu' | 'host-calls' | 'log' }
  | { readonly kind: 'cancelled' }
  | { readonly kind: 'host-broken'; readonly cause: unknown }
  | { readonly kind: 'gone'; readonly exit: ProcessExit; readonly fault: string | undefined };

type Head = Readonly<Record<string, unknown>>;

/** What the guest used, as seen from outside. */
export interface ExchangeCounts {
  readonly hostCalls: number;
  readonly logBytes: number;
  /** CPU milliseconds; undefined for an exchange too short to be looked at. */
  readonly cpuMs: number | undefined;
  /**
   * Of a guest that was ended: the size its memory had, bytes; undefined where it cannot be told from
   * memories of earlier calls.
   */
  readonly memoryBytes: number | undefined;
}

const lenient = new TextDecoder();

export class Exchange implements ExecutorListener {
  readonly call: number;
  readonly #executor: ExecutorProcess;
  readonly #options: ExchangeOptions;
  readonly #resolve: (end: ExchangeEnd) => void;
  readonly #onAbort: () => void;
  /** Resolves once; when the executor was killed, after its death. Never rejects. */
  readonly ended: Promise<ExchangeEnd>;
  #timer: NodeJS.Timeout | undefined;
  readonly #watch: CpuWatch | undefined;
  #cpuMs: number | undefined;
  #memoryBytes: number | undefined;
  #abort: AbortController | undefined;
  #over = false;
  #requestOpen = false;
  #hostCalls = 0;
  #logBytes = 0;

  constructor(executor: ExecutorProcess, options: ExchangeOptions) {
    const { promise, resolve } = Promise.withResolvers<ExchangeEnd>();
    this.ended = promise;
    this.#resolve = resolve;
    this.#executor = executor;
    this.#options = options;
    this.call = executor.nextCall();
    this.#onAbort = () => this.#stop({ kind: 'cancelled' });
    options.signal?.addEventListener('abort', this.#onAbort);
    this.#timer = setTimeout(
      () => this.#stop({ kind: 'limit', limit: 'deadline' }),
      Math.max(1, options.timeoutMs),
    );
    if (options.cpuMs !== undefined) {
      this.#watch = new CpuWatch(executor.cpu, options.cpuMs, () =>
        this.#stop({ kind: 'limit', limit: 'cpu' }),
      );
    }
    executor.listen(this);
    executor.send(options.send.kind, this.call, options.send.head, options.send.body);
    if (options.signal?.aborted === true) this.#onAbort();
  }

  get counts(): ExchangeCounts {
    return {
      hostCalls: this.#hostCalls,
      logBytes: this.#logBytes,
      cpuMs: this.#cpuMs,
      memoryBytes: this.#memoryBytes,
    };
  }

  room(kind: number): { readonly head: number; readonly body: number } | undefined {
    // While a request waits for its reply the guest is blocked, so nothing may come.
    if (this.#requestOpen) return undefined;
    switch (kind) {
      case this.#options.end:
        return { head: MAX_SMALL_HEAD, body: this.#options.outputBytes };
      case FrameKind.failed:
        return { head: MAX_SMALL_HEAD, body: 0 };
      case FrameKind.request:
        return this.#options.host && { head: MAX_REQUEST_HEAD, body: MAX_REQUEST_BODY };
      case FrameKind.log:
        return this.#options.host && { head: MAX_SMALL_HEAD, body: MAX_LOG_BODY };
      default:
        return undefined;
    }
  }

  frame(frame: Frame): void {
    // Frames of a killed executor that were still on their way.
    if (this.#over) return;
    switch (frame.kind) {
      case FrameKind.request:
        this.#request(readHostRequest(frame.head, frame.body));
        return;
      case FrameKind.log:
        this.#log(frame);
        return;
      case FrameKind.failed:
        this.#settle({ kind: 'failed', head: frame.head });
        return;
      default:
        this.#settle({ kind: 'answered', head: frame.head, body: frame.body });
    }
  }

  gone(exit: ProcessExit, fault: string | undefined): void {
    if (this.#over) return;
    this.#finish();
    this.#resolve({ kind: 'gone', exit, fault });
  }

  #request(request: HostRequest): void {
    const { host } = this.#options;
    if (host === undefined) return;
    this.#hostCalls += 1;
    if (this.#hostCalls > host.hostCalls) {
      this.#stop({ kind: 'limit', limit: 'host-calls' });
      return;
    }
    this.#requestOpen = true;
    this.#abort ??= new AbortController();
    host.serve(request, this.#abort.signal).then(
      (reply) => {
        if (this.#over) return;
        this.#requestOpen = false;
        this.#executor.send(FrameKind.reply, this.call, ...replyFrame(reply));
      },
      (cause: unknown) => this.#stop({ kind: 'host-broken', cause }),
    );
  }

  #log({ head, body }: Frame): void {
    const { host } = this.#options;
    const { level } = head;
    if (host === undefined || !LOG_LEVELS.has(level))
      throw new TypeError('a log line without level');
    this.#logBytes += body.length + LOG_LINE_COST;
    if (this.#logBytes > host.logBytes) {
      this.#stop({ kind: 'limit', limit: 'log' });
      return;
    }
    host.onLog?.(level as LogLevel, lenient.decode(body));
  }

  /** It ended by itself; the executor is free for the next call. */
  #settle(end: Extract<ExchangeEnd, { readonly head: Head }>): void {
    this.#finish();
    const { peakMemoryBytes } = end.head;
    if (typeof peakMemoryBytes === 'number') this.#executor.sawPeak(peakMemoryBytes);
    this.#executor.idle();
    this.#resolve(end);
  }

  /** It is ended from outside: nothing that still comes is believed, and death is awaited. */
  #stop(end: ExchangeEnd): void {
    if (this.#over) return;
    if (this.#watch !== undefined) this.#memoryBytes = ownMemory(this.#executor);
    this.#finish();
    void this.#executor.kill().then(() => this.#resolve(end));
  }

  #finish(): void {
    this.#over = true;
    this.#cpuMs = this.#watch?.stop();
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    this.#abort?.abort();
  }
}

/** The memory of the guest that runs: certainly its own when no earlier one had as much. */
function ownMemory(executor: ExecutorProcess): number | undefined {
  const largest = largestGuestMemory(executor.pid);
  return largest !== undefined && largest > executor.knownPeakBytes ? largest : undefined;
}

function replyFrame(reply: HostReply): [ReplyHead, Uint8Array?] {
  if (!reply.ok) return [reply];
  const head: ReplyHead = { ok: true, value: reply.value, hasBytes: reply.bytes !== undefined };
  return reply.bytes === undefined ? [head] : [head, reply.bytes];
}
