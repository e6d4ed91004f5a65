// Who asks over the socket of an agent: the agent itself, under a lease bound to the connection; or the
// holder of a lease it brings along.

import { randomUUID } from 'node:crypto';
import { asWarderError, WarderError } from '../../base/errors/errors.ts';
import { coversTool } from '../../decide/policy/narrowing.ts';
import type { Caller } from '../../gate/door.ts';
import type { LeaseInHand } from '../../gate/leases/lease-in-hand.ts';
import type { ConnectionTerms } from '../../trust/lease/connection-lease.ts';
import type { ProofChallenge } from '../../trust/lease/lease-reception.ts';
import type { VerifiedLease } from '../../trust/lease/verify-lease.ts';
import type { AgentConfig } from '../config/config.ts';
import type { Preamble } from '../mcp/agent-socket.ts';
import type { Connection, Viewer } from '../mcp/connection.ts';
import { type Credentials, noCredentials } from '../mcp/credentials.ts';
import type { Runtime } from './compose.ts';

/** What of a daemon it takes to say who somebody is. */
export type CallerParts = Pick<
  Runtime,
  'config' | 'gate' | 'administration' | 'reception' | 'issuers' | 'leaseInHand'
>;

/**
 * Opens a connection to `agents/NAME.sock`. What the preamble brings holds for all of it.
 *
 * @throws WarderError when that is refused; a receipt says so.
 */
export async function connectAgent(
  runtime: CallerParts,
  name: string,
  preamble: Preamble,
): Promise<Connection> {
  const agent = runtime.config.agents[name];
  if (agent === undefined) {
    throw new WarderError('not-found', `config.json has no agent \`${name}\``);
  }
  const connection = new AgentConnection(runtime, name, agent);
  if (Object.keys(preamble.credentials).length > 0) {
    connection.bind(preamble.credentials);
    await connection.viewer(noCredentials);
  }
  return connection;
}

/** Somebody an issuer knows. */
interface Person {
  readonly caller: Caller;
  /** Seconds. */
  readonly expires: number;
}

/** Who is who on one connection. */
class AgentConnection implements Connection {
  readonly #runtime: CallerParts;
  readonly #name: string;
  readonly #agent: AgentConfig;
  readonly #own: LeaseInHand;
  readonly #hands: LeaseInHand[] = [];
  readonly #watching = new Set<() => void>();
  /** Whose identity was taken, or is being looked at. */
  #known: { readonly text: string; readonly person: Promise<Person> } | undefined;
  /** What holds for the whole connection. */
  #bound: Credentials = noCredentials;
  /** Why nobody is anybody here any more. */
  #spoilt: WarderError | undefined;

  constructor(runtime: CallerParts, name: string, agent: AgentConfig) {
    this.#runtime = runtime;
    this.#name = name;
    this.#agent = agent;
    this.#own = this.#hand({ principal: agent.principal });
  }

  bind(credentials: Credentials): void {
    try {
      if (credentials.fault !== undefined) throw credentials.fault;
      if (credentials.proof !== undefined) {
        refuse('a proof is for one call, not for a connection', 'send one with each call');
      }
      this.#bound = joined(this.#bound, credentials);
    } catch (thrown) {
      this.#spoilt ??= asWarderError(thrown);
    }
  }

  async caller(credentials: Credentials): Promise<Caller> {
    try {
      return (await this.#identify(credentials)).caller;
    } catch (thrown) {
      return this.#nobody(asWarderError(thrown));
    }
  }

  viewer(credentials: Credentials): Promise<Viewer> {
    return this.#recorded(() => this.#identify(credentials));
  }

  /** What is refused outside of any call leaves a receipt. */
  async #recorded<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (thrown) {
      const error = asWarderError(thrown);
      const { tenant, principal } = this.#agent;
      await this.#runtime.administration.authenticationRefused(error, {
        tenant,
        principal,
        agent: this.#name,
      });
      throw error;
    }
  }

  async reader(): Promise<Caller> {
    return this.#recorded(async () => {
      const { caller } = await this.#identify(noCredentials);
      // A lease is only as good as the proof of its key, and that is given call by call.
      if (caller.hand === undefined || this.#agent.holder === 'dpop') {
        refuse(
          'receipts are not given to holders of leases',
          'keep the proof that comes with an answer, or have the operator disclose the receipt',
        );
      }
      return caller;
    });
  }

  challenge(tool?: string): ProofChallenge {
    return this.#runtime.reception.challenge(this.#name, tool);
  }

  close(): void {
    const now = this.#runtime.gate.clock.wall();
    for (const hand of this.#hands) void hand.release(now);
  }

  onLeasesChanged(listener: () => void): () => void {
    this.#watching.add(listener);
    return () => this.#watching.delete(listener);
  }

  /** The leases of somebody on this connection, which end with it. */
  #hand(who: Pick<ConnectionTerms, 'principal' | 'until'>): LeaseInHand {
    const { tenant, capabilities, ttl, holder } = this.#agent;
    const agent = this.#name;
    const connection = randomUUID();
    const hand = this.#runtime.leaseInHand(
      { agent, connection, tenant, capabilities, ttlSeconds: ttl, ...who },
      holder !== 'dpop',
    );
    hand.onChanged(() => {
      for (const listener of this.#watching) listener();
    });
    this.#hands.push(hand);
    return hand;
  }

  async #identify(credentials: Credentials): Promise<Viewer> {
    const fault = this.#spoilt ?? credentials.fault;
    if (fault !== undefined) throw fault;
    const { lease, proof, identity } = joined(this.#bound, credentials);
    if (identity !== undefined) return { caller: await this.#person(identity) };
    if (lease !== undefined) return this.#holder(lease, proof);
    if (proof !== undefined) {
      refuse('a proof came without its lease', 'send the lease along, or at the start');
    }
    return { caller: this.#agentItself() };
  }

  /** Who holds a lease: the principal it names, in the tenant of this socket. */
  async #holder(text: string, proof: string | undefined): Promise<Viewer> {
    const { reception } = this.#runtime;
    const lease = await this.#read(text);
    const { claims, chain } = lease;
    const { tenant, holder } = this.#agent;
    if (claims.tenant !== tenant) {
      refuse('the lease is of another tenant', 'use the socket of an agent of its tenant');
    }
    const brought = {
      lease,
      agent: this.#name,
      bearer: holder === 'bearer',
      ...(proof === undefined ? {} : { proof }),
    };
    return {
      caller: {
        ...this.#identity(claims.sub),
        lease: (now, { toolDigest, callDigest }) =>
          reception.take(brought, { tool: toolDigest, digest: callDigest }, now),
        covers: (tool) =>
          chain.every((link) => coversTool(link.claims.authorization_details, tool)),
      },
      ...(chain.at(-1)?.jkt === undefined ? {} : { challenge: this.challenge() }),
    };
  }

  /** Who an issuer says it is; from then on, nobody else on this connection. */
  async #person(text: string): Promise<Caller> {
    const before = this.#known;
    if (before !== undefined && before.text !== text) refuseAnother();
    const known = before ?? { text, person: this.#authenticate(text) };
    this.#known = known;
    try {
      const { caller, expires } = await known.person;
      this.#bound = { identity: text };
      checkUntil(expires, this.#runtime.gate.now());
      return caller;
    } catch (error) {
      // Once taken it stays: an expired one makes room for nobody.
      if (this.#known === known && this.#bound.identity === undefined) this.#known = undefined;
      throw error;
    }
  }

  async #authenticate(text: string): Promise<Person> {
    const { tenant, holder } = this.#agent;
    const { administration, gate, issuers } = this.#runtime;
    if (holder === 'dpop') {
      refuse('calls over this socket need a lease bound to a key', 'send one, with a proof');
    }
    const { issuer, principal, expires, digest } = await issuers.identify(text, gate.now());
    if (issuer.agent !== this.#name) {
      refuse(
        `the identity is for the socket of agent \`${issuer.agent}\``,
        'connect there, or see `trust.issuers` in config.json',
      );
    }
    const agent = this.#name;
    await administration.authenticated({ tenant, principal, agent, digest, issuer: issuer.issuer });
    const caller = this.#inHand(principal, this.#hand({ principal, until: expires }));
    const lease: Caller['lease'] = async (now, call) => {
      // Leases granted on the way are hers no longer than she is known.
      checkUntil(expires, now);
      return caller.lease(now, call);
    };
    return { caller: { ...caller, lease }, expires };
  }

  async #read(text: string): Promise<VerifiedLease> {
    // Verified anew each time: keys may have been taken out of use, and it may have expired.
    return this.#runtime.reception.read(text, this.#runtime.gate.now());
  }

  #agentItself(): Caller {
    const { principal, holder } = this.#agent;
    if (holder === 'dpop') {
      const nobody = this.#nobody(
        new WarderError('lease-refused', 'calls over this socket need a lease bound to a key', {
          hint: 'send the lease with each call, and a proof signed with its key',
        }),
      );
      // Such a lease has to be asked for somewhere.
      return { ...nobody, hand: this.#own };
    }
    return this.#inHand(principal, this.#own);
  }

  #inHand(principal: string, hand: LeaseInHand): Caller {
    return {
      ...this.#identity(principal),
      lease: (now, call) => hand.current(now, call),
      covers: (tool) => hand.covers(tool),
      hand,
    };
  }

  /** For the receipt the agent whose socket it is; with no lease to call under. */
  #nobody(refusal: WarderError): Caller {
    return {
      ...this.#identity(this.#agent.principal),
      lease: () => Promise.reject(refusal),
      covers: () => false,
    };
  }

  #identity(principal: string): Pick<Caller, 'tenant' | 'principal' | 'agent' | 'operator'> {
    return { tenant: this.#agent.tenant, principal, agent: this.#name, operator: false };
  }
}

/** @param until seconds. */
function checkUntil(until: number, now: number): void {
  if (now >= until * 1000) {
    refuse('the identity has expired', 'open a new connection with a fresh one');
  }
}

/** What a request brings on top of what its connection brought: at most one way to say who asks. */
function joined(bound: Credentials, sent: Credentials): Credentials {
  const { lease = bound.lease, identity = bound.identity } = sent;
  const differs = (bound.lease ?? lease) !== lease || (bound.identity ?? identity) !== identity;
  if (differs) refuseAnother();
  if (lease !== undefined && identity !== undefined) {
    refuse('there are two credentials', 'send either a lease or an identity');
  }
  return {
    ...(lease === undefined ? {} : { lease }),
    ...(identity === undefined ? {} : { identity }),
    ...(sent.proof === undefined ? {} : { proof: sent.proof }),
  };
}

function refuseAnother(): never {
  refuse(
    'the credential is another than the one this connection is bound to',
    'leave it out, or open a new connection',
  );
}

function refuse(message: string, hint: string): never {
  throw new WarderError('lease-refused', message, { hint });
}

/** A caller on the operator channel and the way to end it. */
export interface OperatorConnection {
  readonly caller: Caller;
  close(): void;
}

/** A caller on the operator channel, on behalf of `principal`: the same gate, recorded as such. */
export function operatorCaller(runtime: Runtime, principal: string): OperatorConnection {
  const { config } = runtime;
  const named = Object.values(config.agents).find((agent) => agent.principal === principal);
  const agent = named ?? config.agents['default'];
  if (agent === undefined) {
    throw new WarderError(
      'not-found',
      `no agent acts as \`${principal}\`, and there is no default`,
      {
        hint: 'add one to `agents` in config.json',
      },
    );
  }
  const lease = runtime.connectionLease({
    agent: 'operator',
    connection: randomUUID(),
    principal,
    tenant: agent.tenant,
    capabilities: agent.capabilities,
    ttlSeconds: 60,
  });
  const caller: Caller = {
    tenant: agent.tenant,
    principal,
    agent: 'operator',
    operator: true,
    lease: (now) => lease.current(now),
    covers: (tool) => coversTool(agent.capabilities, tool),
  };
  return { caller, close: () => void lease.release(runtime.gate.clock.wall()) };
}
