// The front of an agent over a gate in memory: a real socket, real callers, a guest that is not there.

import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseConfig } from '../../src/front/config/config.ts';
import { locateHome } from '../../src/front/config/home.ts';
import { type CallerParts, connectAgent } from '../../src/front/daemon/agent-connection.ts';
import { openIssuers } from '../../src/front/daemon/issuers.ts';
import { listenForAgent } from '../../src/front/mcp/agent-socket.ts';
import { callDigest } from '../../src/decide/approval/approval.ts';
import { generateHolderKey, type HolderKey } from '../../src/trust/holder/holder-key.ts';
import { HeldLease } from '../../src/trust/holder/held-lease.ts';
import { connectionLease } from '../../src/trust/lease/connection-lease.ts';
import { type LeaseTerms, prepareLease, signLease } from '../../src/trust/lease/issue-lease.ts';
import { proofAddress } from '../../src/trust/lease/lease-reception.ts';
import type { ProofNonces } from '../../src/trust/lease/proof-nonces.ts';
import { type FakeGate, type GateOptions, openGate } from '../fakes/gate.ts';
import { ALL_CAPABILITIES, ECHO } from './decision.ts';
import { dial, type LinePeer } from './line-peer.ts';

type Json = Readonly<Record<string, unknown>>;

export interface AgentFront extends AsyncDisposable {
  readonly gate: FakeGate;
  readonly nonces: ProofNonces;
  readonly home: string;
  /** Digest of the package behind `ECHO`. */
  readonly toolDigest: string;
  /** A lease on file, as text. */
  issue(terms?: Partial<LeaseTerms>): Promise<string>;
  /** The same, bound to a new key. */
  hold(terms?: Partial<LeaseTerms>, alg?: HolderKey['alg']): Promise<HeldLease>;
  /** A proof that fits a call of `ECHO` over `agents.default`, but for what `change` says. */
  prove(held: HeldLease, args: object, change?: Json): Promise<string>;
  /** One call over the one-call protocol; answers its reply. */
  call(args: object, more?: Json, preamble?: Json, agent?: string): Promise<Reply>;
  dial(agent?: string): Promise<LinePeer>;
  /** What an MCP client that spoke `initialize` gets for its requests. */
  mcp(preamble?: Json, initializeMeta?: Json, agent?: string): Promise<McpClient>;
}

export interface Reply {
  readonly answer?: unknown;
  readonly receipt?: unknown;
  readonly preview?: unknown;
  readonly challenge?: Json;
  readonly approval?: string;
  readonly error?: { readonly code: string; readonly message: string; readonly data?: Json };
}

export interface McpClient {
  readonly peer: LinePeer;
  request(method: string, params: Json): Promise<Json>;
  /** The code a call of `ECHO` was refused with; undefined when it was answered. */
  call(args: object, meta?: Json): Promise<string | undefined>;
}

/** @param config members of config.json over agents `default` and `other`, the latter of another tenant. */
export async function agentFront(
  options: GateOptions & { readonly config?: Json; readonly home?: string } = {},
): Promise<AgentFront> {
  const directory = options.home ?? mkdtempSync(join(tmpdir(), 'warder-front-'));
  const { config: more, ...gateOptions } = options;
  const gate = await openGate(gateOptions);
  const { office } = gate;
  const config = parseConfig(
    JSON.stringify({
      version: 1,
      key: { uri: 'file:x', kid: 'x' },
      logKey: { uri: 'file:y', kid: 'y' },
      log: { origin: office.origin, memory: '/nowhere' },
      agents: {
        default: { principal: 'alice', capabilities: ALL_CAPABILITIES },
        other: { principal: 'oscar', tenant: 'other', capabilities: ALL_CAPABILITIES },
      },
      ...more,
    }),
    'config.json',
  );
  const parts: CallerParts = {
    config,
    gate: gate.parts,
    administration: gate.administration,
    issuers: await openIssuers(locateHome(directory, {}), config),
    reception: gate.reception,
    leaseInHand: (terms, bound) => gate.desk.hand(terms, connectionLease(office, terms), bound),
  };
  const sockets = await Promise.all(
    Object.keys(config.agents).map((name) =>
      listenForAgent({
        path: join(directory, `${name}.sock`),
        door: gate.door,
        version: '1.2.3',
        limits: { maxBytes: 1024 * 1024, maxDepth: 64 },
        connect: (preamble) => connectAgent(parts, name, preamble),
        onError: () => {},
      }),
    ),
  );
  const toolDigest = gate.parts.catalog.find('default', ECHO.name).installation.digest;
  const peers: LinePeer[] = [];
  const dialAgent = async (agent = 'default'): Promise<LinePeer> => {
    const peer = await dial(join(directory, `${agent}.sock`));
    peers.push(peer);
    return peer;
  };
  const issue = async (terms: Partial<LeaseTerms> = {}): Promise<string> => {
    const whole: LeaseTerms = {
      origin: office.origin,
      principal: 'bob',
      tenant: 'default',
      capabilities: ALL_CAPABILITIES,
      ttlSeconds: 300,
      ...terms,
    };
    const prepared = prepareLease(whole, office.signer.key, gate.clock.wall(), randomBytes(16));
    await gate.store.commit((tx) => office.book.record(tx, prepared, 'default'));
    return signLease(prepared, office.signer);
  };
  return {
    gate,
    nonces: gate.nonces,
    home: directory,
    toolDigest,
    issue,
    hold: async (terms, alg) => {
      const key = await generateHolderKey(alg);
      const text = await issue({ cnf: { jkt: key.jkt }, ...terms });
      return new HeldLease(text, key, () => gate.clock.wall());
    },
    prove: (held, args, change = {}) =>
      held.prove({
        method: 'POST',
        uri: proofAddress('default'),
        audience: office.origin,
        nonce: gate.nonces.current(gate.clock.monotonic()),
        call: { tool: toolDigest, digest: callDigest(ECHO.name, args as never) },
        ...change,
      }),
    call: async (args, more_ = {}, preamble = {}, agent = 'default') => {
      const peer = await dialAgent(agent);
      peer.send(
        { warder: { mode: 'call', ...preamble } },
        { tool: ECHO.name, arguments: JSON.stringify(args), ...more_ },
      );
      const [line = ''] = await peer.received(1);
      peer.socket.destroy();
      return JSON.parse(line) as Reply;
    },
    dial: dialAgent,
    mcp: async (preamble, meta, agent) => openMcp(await dialAgent(agent), preamble, meta),
    async [Symbol.asyncDispose]() {
      for (const { socket } of peers) socket.destroy();
      await Promise.all(sockets.map((socket) => socket.close()));
      if (options.home === undefined) rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function openMcp(peer: LinePeer, preamble?: Json, meta?: Json): Promise<McpClient> {
  let id = 0;
  const request = async (method: string, params: Json): Promise<Json> => {
    id += 1;
    const mine = id;
    peer.send({ jsonrpc: '2.0', id: mine, method, params });
    for (let count = 1; ; count += 1) {
      const line = (await peer.received(count))[count - 1] ?? '';
      const message = JSON.parse(line) as Json;
      if (message['id'] === mine) return message;
    }
  };
  if (preamble !== undefined) peer.send({ warder: { mode: 'mcp', ...preamble } });
  await request('initialize', {
    protocolVersion: '2025-06-18',
    capabilities: {},
    clientInfo: { name: 'test', version: '1' },
    ...(meta === undefined ? {} : { _meta: meta }),
  });
  peer.send({ jsonrpc: '2.0', method: 'notifications/initialized' });
  return {
    peer,
    request,
    call: async (args, callMeta) => {
      const { result } = (await request('tools/call', {
        name: ECHO.name,
        arguments: args,
        ...(callMeta === undefined ? {} : { _meta: callMeta }),
      })) as { readonly result: { readonly _meta: Readonly<Record<string, { code: string }>> } };
      return result._meta['warder/error']?.code;
    },
  };
}
