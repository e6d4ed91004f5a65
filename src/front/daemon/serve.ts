// The daemon's life: lock the home, open everything in order, listen, drain on SIGTERM.

import { rmSync, writeFileSync } from 'node:fs';
import { systemClock } from '../../base/clock/clock.ts';
import { asWarderError } from '../../base/errors/errors.ts';
import { lockHome } from '../../base/store/home-lock.ts';
import { readConfig } from '../config/config.ts';
import { agentSocketPath, checkHome, type Home, operatorSocketPath } from '../config/home.ts';
import type { StatusReport } from '../console/status-report.ts';
import { listenForOperator, type OperatorSocket } from '../console/operator-socket.ts';
import { type AgentSocket, listenForAgent } from '../mcp/agent-socket.ts';
import { connectAgent } from './agent-connection.ts';
import { composeRuntime, type Runtime } from './compose.ts';
import { initHome } from './init.ts';
import { proofDesk } from './proof-desk.ts';
import {
  createOperations,
  createStreams,
  type OperationOptions,
  statusReport,
} from './operations.ts';

/** An auto-started daemon ends after this long without a connection or a call. */
const IDLE_EXIT_MS = 10 * 60_000;
/** How long calls under way may take to end once the daemon was told to stop. */
const DRAIN_MS = 8_000;

export interface ServeOptions {
  readonly version: string;
  readonly idleExit: boolean;
  readonly onReady: (status: StatusReport) => void;
}

/**
 * Runs the daemon of one home until SIGTERM, SIGINT or the `stop` operation.
 *
 * @returns the exit code.
 * @throws WarderError `unavailable` when another daemon holds the home, or a part cannot be opened.
 */
export async function serve(home: Home, options: ServeOptions): Promise<number> {
  // The home of a separated install is made by setup: one made here would be of another level.
  if (home.run === undefined) await initHome(home, undefined);
  else process.umask(0o077);
  checkHome(home);
  const config = readConfig(home.config);
  const lock = lockHome(home.root);
  const runtime = await composeRuntime(home, config, systemClock, { note });
  // Before anything listens: with a store that cannot be read or written no daemon starts.
  const signed = noteUnsigned(runtime);
  await runtime.administration.daemonEvent('started', { version: options.version, signed });
  const status = statusReport(runtime, options.version);
  const stop = new Stop();
  const agents: AgentSocket[] = [];
  const limits = { maxBytes: config.limits.argumentBytes + 256 * 1024, maxDepth: 100 };
  for (const name of Object.keys(config.agents)) {
    agents.push(
      await listenForAgent({
        path: agentSocketPath(home, name),
        shared: home.run !== undefined,
        door: runtime.door,
        version: options.version,
        limits,
        connect: (preamble) => connectAgent(runtime, name, preamble),
        onError: (error) => warn('agent connection', error),
      }),
    );
  }
  const operators = await listenForOperators(runtime, {
    version: options.version,
    stop: () => stop.now('operator'),
  });
  runtime.start();
  writeFileSync(home.daemonInfo, JSON.stringify({ pid: process.pid }), { mode: 0o600 });
  options.onReady(status);

  const idle = options.idleExit ? watchIdle(runtime, agents, stop) : undefined;
  const reason = await stop.asked;
  clearInterval(idle);
  await Promise.all([...operators.map((each) => each.close()), drain(runtime, agents)]);
  await runtime.administration
    .daemonEvent('stopped', { reason })
    .catch((error: unknown) => warn('last receipt', asWarderError(error)));
  await runtime.close();
  lock.release();
  rmSync(home.daemonInfo, { force: true });
  for (const name of runtime.operators) rmSync(operatorSocketPath(home, name), { force: true });
  return 0;
}

/** One socket for each operator: which one a request came over is who it is from. */
async function listenForOperators(
  runtime: Runtime,
  options: OperationOptions,
): Promise<readonly OperatorSocket[]> {
  const sockets: OperatorSocket[] = [];
  for (const name of runtime.operators) {
    const own = { ...runtime, administration: runtime.administration.by(name) };
    const path = operatorSocketPath(runtime.home, name);
    const operations = createOperations(own, options);
    const proofs = runtime.home.run === undefined ? undefined : proofDesk(own, name);
    sockets.push(await listenForOperator(path, operations, createStreams(own), proofs));
  }
  return sockets;
}

/**
 * What came behind the last signed head is not held against anything: after a kill it is acknowledged receipts; after
 * a clean stop nobody of ours wrote it.
 *
 * @returns leaves of that head.
 */
function noteUnsigned({ receipts: { log, checkpointer } }: Runtime): number {
  const signed = checkpointer.published?.size ?? 0;
  const count = log.size - signed;
  const receipts = count === 1 ? 'receipt' : 'receipts';
  if (count > 0) note(`${count} ${receipts} came after the last signed head, of ${signed} leaves`);
  return signed;
}

/** The daemon's own log is its stderr. */
function note(line: string): void {
  process.stderr.write(`${line}\n`);
}

function warn(where: string, error: Error): void {
  note(`${where}: ${error.message}`);
}

/** The one way the daemon is told to end. */
class Stop {
  readonly asked: Promise<string>;
  readonly now: (reason: string) => void;

  constructor() {
    const { promise, resolve } = Promise.withResolvers<string>();
    this.asked = promise;
    this.now = resolve;
    process.once('SIGTERM', () => resolve('SIGTERM'));
    process.once('SIGINT', () => resolve('SIGINT'));
  }
}

function watchIdle(runtime: Runtime, agents: readonly AgentSocket[], stop: Stop): NodeJS.Timeout {
  let idleSince = performance.now();
  let served = 0;
  const timer = setInterval(() => {
    const { running, served: now } = runtime.turnstile;
    const connected = agents.some((agent) => agent.count() > 0);
    if (running > 0 || connected || now !== served) idleSince = performance.now();
    served = now;
    if (performance.now() - idleSince > IDLE_EXIT_MS) stop.now('idle');
  }, 5_000);
  timer.unref();
  return timer;
}

async function drain(runtime: Runtime, agents: readonly AgentSocket[]): Promise<void> {
  const deadline = performance.now() + DRAIN_MS;
  while (runtime.turnstile.running > 0 && performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await Promise.all(agents.map((agent) => agent.close()));
}
