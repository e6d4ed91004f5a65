// The sandbox: runs permitted calls, and describes packages, in executor processes.

import { availableParallelism } from 'node:os';
import type { Clock } from '../../base/clock/clock.ts';
import { WarderError } from '../../base/errors/errors.ts';
import type { Jail, JailName } from '../../base/process/jail-plan.ts';
import type { Engine, InspectOptions, Inspection, Inspector } from '../../catalog/installation.ts';
import { assertPermit, type Permit } from '../../decide/policy/permit.ts';
import type { ToolCall } from '../../decide/request/tool-call.ts';
import { Blanks } from './blanks.ts';
import { Exchange } from './exchange.ts';
import { type CallHead, FrameKind } from './executor/frames.ts';
import type { Package } from './executor/engine.ts';
import type { HostCalls } from './host-calls.ts';
import { inspectPackage } from './inspect.ts';
import { loadPackage } from './load-package.ts';
import { describeOutcome } from './outcome.ts';
import { Pool, type PoolOptions, type PoolStats } from './pool.ts';
import type { Assigned, ExecutorKey } from './executor-line.ts';
import { noUsage, type RunOptions, type RunOutcome, type Runner } from './runner.ts';
import { withoutJail } from './without-jail.ts';

/** Where packages come from, ready to be loaded. */
export interface PackageSource {
  /**
   * The package of an installation, by digest of its binary. Rejects when it is not there.
   *
   * @param jail of the process that works on its bytes, if one must.
   */
  load(digest: string, jail?: Jail): Promise<Package>;
  /** A binary that is not installed yet. Rejects with WarderError `not-admitted`. */
  prepare(wasm: Uint8Array, engine: Engine, jail?: Jail): Promise<Package>;
}

export interface SandboxOptions {
  /** Absolute path of the executor bundle. */
  readonly executorPath: string;
  readonly hostCalls: HostCalls;
  readonly packages: PackageSource;
  readonly clock: Clock;
  readonly pool?: Partial<PoolOptions> & {
    /** Executors kept started without a package. */
    readonly blanks?: number;
  };
  /** Linear memory a package may take while it describes itself, bytes. */
  readonly inspectMemoryBytes?: number;
  /** Node binary of executors; the daemon's own when absent. */
  readonly node?: string;
  /** What executors are shut into; where it is absent only tools that may do without are run. */
  readonly jail?: Jail | undefined;
}

export interface SandboxStats extends PoolStats {
  readonly blanks: number;
  /** Executor processes started so far. */
  readonly started: number;
}

export interface Sandbox extends Runner, Inspector {
  /** Starts the blank executors. Without it the first call waits for a process to start. */
  warm(): void;
  readonly stats: SandboxStats;
  /** Ends every executor; calls still running end as `crashed`. */
  close(): Promise<void>;
}

const DEFAULT_BLANKS = 2;
const DEFAULT_POOL: PoolOptions = {
  maxExecutors: 24,
  maxPerKey: 4,
  growAfterMs: 25,
  parallel: availableParallelism() + 2,
  restMs: 250,
  idleMs: 300_000,
  lookMs: 5000,
};
const DEFAULT_INSPECT_MEMORY = 256 * 1024 * 1024;

export function createSandbox(options: SandboxOptions): Sandbox {
  return new ProcessSandbox(options);
}

class ProcessSandbox implements Sandbox {
  readonly #options: SandboxOptions;
  readonly #blanks: Blanks;
  readonly #pool: Pool;

  constructor(options: SandboxOptions) {
    this.#options = options;
    const { blanks = DEFAULT_BLANKS, ...pool } = options.pool ?? {};
    const { executorPath, node, jail, packages, clock } = options;
    const started = {
      executorPath,
      ...(node === undefined ? {} : { node }),
      ...(jail === undefined ? {} : { jail }),
    };
    this.#blanks = new Blanks(started, blanks);
    this.#pool = new Pool(
      this.#blanks,
      async (executor, { digest, memoryBytes, jailed }) => {
        const loaded = await packages.load(digest, jailed ? jail : undefined);
        await loadPackage(executor, { ...loaded, maxMemoryBytes: memoryBytes });
      },
      clock,
      { ...DEFAULT_POOL, ...pool },
    );
  }

  get stats(): SandboxStats {
    return { ...this.#pool.stats, blanks: this.#blanks.size, started: this.#blanks.started };
  }

  warm(): void {
    this.#blanks.refill(0);
  }

  async run(permit: Permit, call: ToolCall, options: RunOptions = {}): Promise<RunOutcome> {
    assertPermit(permit);
    const { terms } = permit;
    if (terms.callDigest !== call.digest || terms.tool !== call.tool) {
      throw new WarderError('permit-denied', 'the permit is for another call');
    }
    const key: ExecutorKey = {
      tenant: terms.tenant,
      digest: terms.installation.digest,
      memoryBytes: terms.limits.memoryBytes,
      jailed: this.jailOf(permit) !== 'none',
    };
    let assigned: Assigned;
    try {
      options.signal?.throwIfAborted();
      assigned =
        this.#pool.tryAcquire(key) ??
        (await this.#pool.acquire(key, terms.principal, options.signal));
    } catch (error) {
      return notStarted(error, options.signal);
    }
    try {
      // Who waited in line past the permit's end may do nothing any more: it is told so at once.
      if (this.#options.clock.wall() >= terms.expiresAt) return waitedTooLong();
      return await this.#runOn(assigned, permit, call, options);
    } finally {
      this.#pool.release(assigned);
    }
  }

  jailOf({ terms }: Permit): JailName {
    return this.#jailFor(terms)?.kind ?? 'none';
  }

  async inspect(
    wasm: Uint8Array,
    engine: Engine,
    options: InspectOptions = { unsafeNoJail: false },
  ): Promise<Inspection> {
    const jail = this.#jailFor(options);
    const { packages, inspectMemoryBytes } = this.#options;
    const prepared = await packages.prepare(wasm, engine, jail);
    const pkg = { ...prepared, maxMemoryBytes: inspectMemoryBytes ?? DEFAULT_INSPECT_MEMORY };
    return inspectPackage(await this.#blanks.take(jail !== undefined), pkg);
  }

  /** No tool is signed yet: each needs the jail, unless its grant says otherwise. */
  #jailFor({ unsafeNoJail }: InspectOptions): Jail | undefined {
    if (unsafeNoJail) return undefined;
    if (this.#options.jail === undefined) throw withoutJail();
    return this.#options.jail;
  }

  async close(): Promise<void> {
    await Promise.all([this.#pool.close(), this.#blanks.close()]);
  }

  async #runOn(
    { executor }: Assigned,
    permit: Permit,
    call: ToolCall,
    { signal, onLog }: RunOptions,
  ): Promise<RunOutcome> {
    const { terms } = permit;
    const { limits } = terms;
    const head: CallHead = {
      tool: call.tool,
      env: terms.env,
      config: terms.config,
      roots: guestPaths(terms.read),
      writable: guestPaths(terms.write),
      outputBytes: limits.outputBytes,
    };
    const { clock, hostCalls } = this.#options;
    const start = clock.monotonic();
    const exchange = new Exchange(executor, {
      send: { kind: FrameKind.call, head, body: call.argumentBytes },
      end: FrameKind.answer,
      timeoutMs: limits.timeoutMs,
      cpuMs: limits.cpuMs,
      outputBytes: limits.outputBytes,
      host: {
        serve: (request, abort) => hostCalls.serve(permit, request, abort),
        hostCalls: limits.hostCalls,
        logBytes: limits.logBytes,
        ...(onLog === undefined ? {} : { onLog }),
      },
      ...(signal === undefined ? {} : { signal }),
    });
    const end = await exchange.ended;
    const wallMs = clock.monotonic() - start;
    return describeOutcome(end, {
      limits,
      stderr: executor.stderrTail(),
      wallMs,
      ...exchange.counts,
    });
  }
}

function guestPaths(grants: readonly { readonly guest: string }[]): readonly string[] {
  return grants.length === 0 ? NONE : [...new Set(grants.map(({ guest }) => guest))];
}
const NONE: readonly string[] = [];

/** Codes of a package that cannot be loaded: its own fault. */
const NOT_LOADED: ReadonlySet<string> = new Set(['tool-failed', 'not-admitted']);

/** The permit ran out while the call waited for an executor. */
function waitedTooLong(): RunOutcome {
  const reason = 'the call waited too long for an executor, its permit has expired';
  return { kind: 'limit', limit: 'deadline', reason, usage: noUsage };
}

/** A call that never reached its guest. */
function notStarted(error: unknown, signal: AbortSignal | undefined): RunOutcome {
  if (signal?.aborted === true) return { kind: 'cancelled', usage: noUsage };
  if (error instanceof WarderError && NOT_LOADED.has(error.code)) {
    return { kind: 'failed', reason: error.message, usage: noUsage };
  }
  const reason = error instanceof Error ? error.message : 'the package could not be loaded';
  return { kind: 'crashed', reason, usage: noUsage };
}
