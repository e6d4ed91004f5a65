// Egress as the daemon has it, with a real broker process, and single requests through it.

import type { Permit } from '../../src/decide/policy/permit.ts';
import {
  createEgress,
  type Egress,
  type EgressEffect,
  type EgressOptions,
  type EgressReply,
  type EgressRequest,
  type EgressSession,
} from '../../src/reach/egress/egress.ts';
import { nameServer, type Zone } from './name-server.ts';
import { processBundle } from './process-bundle.ts';
import { childrenOf, commandLine } from './processes.ts';

export interface TestEgress extends Egress, AsyncDisposable {
  /** Questions the name server was asked. */
  lookups(): number;
}

export interface TestEgressOptions extends Omit<EgressOptions, 'brokerPath' | 'nameServers'> {
  /** What names stand for; 127.0.0.1 when absent. */
  readonly zone?: Zone;
}

/** Egress whose names are looked up at a server of its own. */
export async function testEgress(options: TestEgressOptions = {}): Promise<TestEgress> {
  const { zone, ...rest } = options;
  const names = await nameServer(zone ?? (() => ['127.0.0.1']));
  const egress = createEgress({
    brokerPath: await processBundle('egress-broker'),
    nameServers: [names.address],
    ...rest,
  });
  return {
    open: (permit, record) => egress.open(permit, record),
    warm: () => egress.warm(),
    close: () => egress.close(),
    lookups: () => names.lookups(),
    async [Symbol.asyncDispose]() {
      await egress.close();
      await names[Symbol.asyncDispose]();
    },
  };
}

export interface Session extends EgressSession, Disposable {
  /** What was recorded, in order. */
  readonly effects: readonly EgressEffect[];
  get(url: string): Promise<EgressReply>;
}

export function openSession(egress: Egress, permit: Permit): Session {
  const effects: EgressEffect[] = [];
  const session = egress.open(permit, (effect) => effects.push(effect));
  const { signal } = new AbortController();
  return {
    fetch: (request, other) => session.fetch(request, other),
    stream: (step, other) => session.stream(step, other),
    underWay: () => session.underWay(),
    get masked() {
      return session.masked;
    },
    close: () => session.close(),
    effects,
    get: (url) => session.fetch({ method: 'GET', url, headers: [], body: NO_BODY }, signal),
    [Symbol.dispose]: () => session.close(),
  };
}

export interface Fetched {
  readonly reply: EgressReply;
  /** Of the last request. */
  readonly effect: EgressEffect;
  /** Of the redirects before it. */
  readonly hops: readonly EgressEffect[];
}

const NO_BODY = new Uint8Array();

/** One request in a call of its own. */
export async function fetchOnce(
  egress: Egress,
  permit: Permit,
  request: Partial<EgressRequest> & { readonly url: string },
  signal: AbortSignal = new AbortController().signal,
): Promise<Fetched> {
  using session = openSession(egress, permit);
  const whole = { method: 'GET', headers: [], body: NO_BODY, ...request };
  const reply = await session.fetch(whole, signal);
  const effect = session.effects.at(-1);
  if (effect === undefined) throw new Error('nothing was recorded');
  return { reply, effect, hops: session.effects.slice(0, -1) };
}

/** The text of a good answer. */
export function textOf(reply: EgressReply): string {
  if (!reply.ok) throw new Error(`${reply.code}: ${reply.message}`);
  return Buffer.from(reply.bytes ?? NO_BODY).toString();
}

/** The oldest process that sends this test's requests. */
export function brokerPid(): number {
  const [broker] = brokerPids();
  if (broker === undefined) throw new Error('no broker runs');
  return broker;
}

export function brokerPids(): readonly number[] {
  return descendants(process.pid).filter((pid) => {
    const [program = '', ...words] = commandLine(pid);
    return program.endsWith('node') && words.some((word) => word.endsWith('egress-broker.mjs'));
  });
}

function descendants(pid: number): readonly number[] {
  return childrenOf(pid).flatMap((child) => [child, ...descendants(child)]);
}
