// The daemon's end of one executor: starts it, sends frames, hands its frames to whoever listens, and
// kills it for the first frame that nobody may send now.

import { encodeFrame, type FrameHeader } from '../../base/frames/frame.ts';
import { type Frame, FrameReader } from '../../base/frames/frame-reader.ts';
import type { Jail } from '../../base/process/jail-plan.ts';
import { type NodeProcess, type ProcessExit, spawnNode } from '../../base/process/spawn-node.ts';
import { CpuClock } from './cpu-watch.ts';
import { FrameKind } from './executor/frames.ts';
import { executorJail, MAX_PAGES, OLD_SPACE_MIB } from './executor-jail.ts';

/**
 * A guest's memory, 64 KiB and more, lives until a full collection. A small young generation and
 * whole collections in one go, on the executor's own thread, keep an executor small without long
 * tails: measured against V8's defaults, a third of the memory at the same 99th percentile. Below 32 MiB
 * of heap there is no hurry: an instance of a JavaScript engine leaves 2 MiB, and a whole collection
 * each few calls took a third of their time; 64 MiB are seen in the executors of small tools.
 */
const COLLECTOR = [
  '--max-semi-space-size=2',
  '--initial-heap-size=32',
  '--no-incremental-marking',
  '--single-threaded-gc',
  '--expose-gc',
];
const START_TIMEOUT_MS = 10_000;

/** Who takes an executor's frames for now. */
export interface ExecutorListener {
  /** The one call its frames may carry. */
  readonly call: number;
  /** Most bytes (head, body) a frame of this kind may have now; undefined when it may not come. */
  room(kind: number): { readonly head: number; readonly body: number } | undefined;
  frame(frame: Frame): void;
  /** The executor is dead. `fault` says how it broke the protocol, if it did. */
  gone(exit: ProcessExit, fault: string | undefined): void;
}

export interface ExecutorOptions {
  /** Absolute path of the executor bundle. */
  readonly executorPath: string;
  /** Node binary; the daemon's own when absent. */
  readonly node?: string;
  /** What it is shut into; without it Node's own hygiene is all there is. */
  readonly jail?: Jail;
}

/** Frames outside of any listener are a fault. */
export class ExecutorProcess {
  readonly #process: NodeProcess;
  #listener: ExecutorListener | undefined;
  #fault: string | undefined;
  #exit: ProcessExit | undefined;
  #calls = 0;
  #pid: number;
  /** The CPU time it takes. */
  readonly cpu: CpuClock = new CpuClock(() => this.#pid);
  #knownPeakBytes = 0;
  /** Resolves when it is up; rejects when it dies before that. */
  readonly ready: Promise<void>;
  /** Resolves when it is gone. */
  readonly exited: Promise<ProcessExit>;

  constructor(options: ExecutorOptions) {
    this.#process = spawnNode({
      entry: options.executorPath,
      env: {},
      flags: [
        '--permission',
        `--allow-fs-read=${options.executorPath}`,
        `--max-old-space-size=${OLD_SPACE_MIB}`,
        ...COLLECTOR,
        `--wasm-max-mem-pages=${MAX_PAGES}`,
        '--disallow-code-generation-from-strings',
        '--disable-proto=delete',
        '--no-addons',
        '--no-global-search-paths',
      ],
      ...(options.node === undefined ? {} : { node: options.node }),
      ...(options.jail === undefined ? {} : { jail: { jail: options.jail, ...executorJail } }),
    });
    this.#pid = this.#process.pid;
    const reader = new FrameReader({
      accept: (header) => this.#accept(header),
      frame: (frame) => this.#listener?.frame(frame),
    });
    this.#process.stdout.on('data', (chunk: Uint8Array) => {
      if (this.#exit !== undefined || this.#fault !== undefined) return;
      try {
        reader.push(chunk);
      } catch (error) {
        this.#fault = error instanceof Error ? error.message : 'an unreadable frame';
        void this.kill();
      }
    });
    this.exited = this.#process.exited.then((exit) => {
      this.#exit = exit;
      const listener = this.#listener;
      this.#listener = undefined;
      listener?.gone(exit, this.#fault);
      return exit;
    });
    this.ready = this.#awaitReady();
  }

  /** Number of the Node process on the host, once it is ready. */
  get pid(): number {
    return this.#pid;
  }

  /** Largest memory that a call of it which ended by itself said it had, bytes. */
  get knownPeakBytes(): number {
    return this.#knownPeakBytes;
  }

  sawPeak(bytes: number): void {
    this.#knownPeakBytes = Math.max(this.#knownPeakBytes, bytes);
  }

  /** Whether it can take a frame. */
  get usable(): boolean {
    return this.#exit === undefined && this.#fault === undefined && this.#listener === undefined;
  }

  /** The end of what it wrote to stderr: why V8 gave up, for example. */
  stderrTail(): string {
    return this.#process.stderrTail();
  }

  /** A number for the next load, describe or call. */
  nextCall(): number {
    this.#calls += 1;
    return this.#calls;
  }

  /** From now on frames go to `listener`. */
  listen(listener: ExecutorListener): void {
    this.#listener = listener;
    const exit = this.#exit;
    if (exit !== undefined) queueMicrotask(() => listener.gone(exit, this.#fault));
  }

  /** From now on no frame may come. */
  idle(): void {
    this.#listener = undefined;
  }

  send(kind: FrameKind, call: number, head?: object, body?: Uint8Array): void {
    if (this.#exit === undefined) this.#process.stdin.write(encodeFrame(kind, call, head, body));
  }

  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<ProcessExit> {
    void this.#process.kill();
    return this.exited;
  }

  /** Tells it that nothing is to do for now. */
  rest(): void {
    this.send(FrameKind.rest, 0);
  }

  #accept(header: FrameHeader): void {
    const listener = this.#listener;
    if (listener === undefined) throw new RangeError('a frame while nothing was asked');
    if (header.call !== listener.call) throw new RangeError('a frame of another call');
    const room = listener.room(header.kind);
    if (room === undefined) throw new RangeError(`a frame of kind ${header.kind} out of turn`);
    if (header.headBytes > room.head || header.bodyBytes > room.body) {
      throw new RangeError(`a frame of kind ${header.kind} that is too large`);
    }
  }

  #awaitReady(): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => void this.kill(), START_TIMEOUT_MS);
      this.listen({
        call: 0,
        room: (kind) => (kind === FrameKind.ready ? { head: 0, body: 0 } : undefined),
        frame: () => {
          clearTimeout(timer);
          this.#pid = this.#process.pid;
          this.idle();
          resolve();
        },
        gone: (exit, fault) => {
          clearTimeout(timer);
          reject(new Error(`the executor did not start: ${fault ?? describeExit(exit)}`));
        },
      });
    });
  }
}

/** An end in words. */
export function describeExit({ code, signal, error }: ProcessExit): string {
  if (error !== undefined) return error.message;
  return signal === null ? `exit code ${code ?? 'unknown'}` : `ended by ${signal}`;
}
