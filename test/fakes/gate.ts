// A whole gate over a store in memory: every room is the real one but the runner, the clock and the network.

import { randomBytes } from 'node:crypto';
import { Catalog } from '../../src/catalog/catalog.ts';
import type { Grant, Installation, ToolDefinition } from '../../src/catalog/installation.ts';
import { openMemoryStore } from '../../src/base/store/memory/memory-store.ts';
import type { Store } from '../../src/base/store/store.ts';
import { ApprovalBook } from '../../src/decide/approval/approval-book.ts';
import { BudgetBook } from '../../src/decide/limits/budget-book.ts';
import { PolicyHolder } from '../../src/decide/policy/policy-holder.ts';
import type { PolicyFile } from '../../src/decide/policy/policy-source.ts';
import type { Classifier } from '../../src/decide/risk/classifier.ts';
import { fingerprintKey } from '../../src/decide/risk/fingerprints.ts';
import { OutputMemory } from '../../src/decide/risk/output-memory.ts';
import { RiskAssessor } from '../../src/decide/risk/risk-assessor.ts';
import { defaultAnswers, type SignalAnswers } from '../../src/decide/risk/signals.ts';
import { LocalTrust } from '../../src/decide/trust/local-trust.ts';
import type { TrustSource } from '../../src/decide/trust/trust-source.ts';
import { Administration } from '../../src/gate/administer.ts';
import type { CallAnswer, Caller, CallRequest } from '../../src/gate/door.ts';
import { Firewall, type FirewallParts } from '../../src/gate/firewall/firewall.ts';
import { CallSessions } from '../../src/gate/host-calls.ts';
import { type OpenDoor, openDoor } from '../../src/gate/open-door.ts';
import { LeaseDesk } from '../../src/gate/leases/lease-desk.ts';
import type { LeaseInHand } from '../../src/gate/leases/lease-in-hand.ts';
import type { GateParts } from '../../src/gate/parts.ts';
import { ReceiptDesk } from '../../src/gate/receipt-desk.ts';
import { openReceiptDoor } from '../../src/gate/receipt-door.ts';
import { Turnstile } from '../../src/gate/turnstile.ts';
import { tables, sequences } from '../../src/front/daemon/tables.ts';
import type { Egress } from '../../src/reach/egress/egress.ts';
import { fakeEgress } from './egress.ts';
import { createFiles, type Files } from '../../src/reach/files/files.ts';
import { Vault } from '../../src/reach/vault/vault.ts';
import {
  connectionLease,
  type ConnectionLease,
  type ConnectionTerms,
  type LeaseOffice,
} from '../../src/trust/lease/connection-lease.ts';
import { leaseAdmitter } from '../../src/trust/lease/lease-admitter.ts';
import { openLeaseBook } from '../../src/trust/lease/lease-book.ts';
import { LeaseReception } from '../../src/trust/lease/lease-reception.ts';
import type { LeaseCeiling } from '../../src/trust/lease/lease-request.ts';
import { ProofNonces } from '../../src/trust/lease/proof-nonces.ts';
import { RequestBook } from '../../src/trust/lease/request-book.ts';
import { ReceiptLog } from '../../src/trust/receipt/receipt-log.ts';
import { type ReceiptDetail, ReceiptReader } from '../../src/trust/receipt/receipt-reader.ts';
import { openMemorySigner } from '../../src/trust/signer/memory/memory-signer.ts';
import { loadKeys } from '../../src/trust/verify/keys.ts';
import { ALL_CAPABILITIES, ECHO, installed, starter } from '../support/decision.ts';
import { FakeClock } from './clock.ts';
import { FaultyStore } from './faulty-store.ts';
import { type FakeProofs, fakeProofs } from './proofs.ts';
import { FakeRunner } from './runner.ts';

const ORIGIN = 'warder.invalid/log/0123456789abcdef';

export interface FakeGate {
  readonly parts: GateParts;
  readonly store: FaultyStore;
  readonly clock: FakeClock;
  readonly runner: FakeRunner;
  readonly door: OpenDoor;
  readonly turnstile: Turnstile;
  readonly administration: Administration;
  readonly reader: ReceiptReader;
  readonly proofs: FakeProofs;
  readonly receiptDesk: ReceiptDesk;
  readonly office: LeaseOffice;
  readonly desk: LeaseDesk;
  readonly reception: LeaseReception;
  readonly nonces: ProofNonces;
  /** Lines of the daemon's own log. */
  readonly notes: readonly string[];
  /** A connection of an agent, with a lease of its own. */
  connect(terms?: Partial<ConnectionTerms>): FakeConnection;
  install(installation: Installation): Promise<Installation>;
  /** Receipts of calls, oldest first. */
  receipts(): readonly ReceiptDetail[];
}

export interface FakeConnection {
  readonly caller: Caller;
  readonly lease: ConnectionLease;
  readonly hand: LeaseInHand;
  call(args: object, more?: Partial<CallRequest>): Promise<CallAnswer>;
}

export interface GateOptions {
  /** One in memory when absent. */
  readonly store?: Store;
  readonly grant?: Partial<Grant>;
  readonly tools?: readonly ToolDefinition[];
  readonly egress?: Egress;
  /** None that could be touched when absent. */
  readonly files?: Files;
  /** The starter policy when absent. */
  readonly policy?: readonly PolicyFile[];
  readonly limits?: Partial<GateParts['limits']>;
  /** What leases of the agent `default` may say; everything it has, for longer, when absent. */
  readonly ceiling?: LeaseCeiling;
  /** The local table when absent. */
  readonly trust?: TrustSource;
  /** The default answers when absent. */
  readonly signals?: Partial<SignalAnswers>;
  /** None when absent. */
  readonly classifier?: Classifier;
  readonly firewall?: Partial<Omit<FirewallParts, 'vault'>>;
  /** Where the vault keeps its key; nowhere when absent, so that nothing can be sealed. */
  readonly keys?: string;
}

/** Answers nothing: for tests in which nobody asks. */
export const noNetwork: Egress = fakeEgress(() =>
  Promise.reject(new TypeError('this test has no network')),
);

export async function openGate(options: GateOptions = {}): Promise<FakeGate> {
  const clock = new FakeClock();
  const store = new FaultyStore(options.store ?? openMemoryStore({ tables, sequences }));
  const random = (bytes: number): Uint8Array => randomBytes(bytes);
  const log = new ReceiptLog({ store, origin: ORIGIN, random });
  const leases = openLeaseBook(store);
  const runner = new FakeRunner();
  const sessions = new CallSessions({
    clock,
    store,
    leases,
    egress: options.egress ?? noNetwork,
    files: options.files ?? createFiles({ brokerPath: '/nonexistent', deny: [], clock }),
  });
  runner.hostCalls = sessions;
  const vault = new Vault(store, options.keys ?? '/nonexistent', clock);
  const firewall = new Firewall({
    vault,
    redact: [],
    maxOutputBytes: 64 << 20,
    ...options.firewall,
  });
  const risk = new RiskAssessor({
    store,
    answers: { ...defaultAnswers, ...options.signals },
    patternAnswer: 'ask',
    scan: firewall,
    memory: new OutputMemory(fingerprintKey(random(12))),
    showArguments: true,
    ...(options.classifier === undefined ? {} : { classifier: options.classifier }),
  });
  const parts: GateParts = {
    clock,
    now: () => clock.wall(),
    random,
    store,
    catalog: new Catalog(store),
    policy: await PolicyHolder.open(options.policy ?? starter()),
    approvals: new ApprovalBook(store, random),
    budgets: new BudgetBook(store),
    trust: options.trust ?? new LocalTrust(store),
    leases,
    log,
    runner,
    sessions,
    vault,
    risk,
    firewall,
    limits: { argumentBytes: 65_536, concurrentCalls: 64, waitingCalls: 64, ...options.limits },
    assurance: 'personal',
    jail: 'none',
  };
  const administration = new Administration(parts);
  const signer = openMemorySigner('ES256', {
    roles: ['lease'],
    admitters: [leaseAdmitter(ORIGIN)],
  });
  const office: LeaseOffice = {
    book: leases,
    signer,
    keys: await loadKeys([JSON.stringify({ ...signer.key, warder_roles: ['lease'] })]),
    origin: ORIGIN,
    random,
    record: (change) => administration.leaseEvent(change),
  };
  const turnstile = new Turnstile(parts.limits.concurrentCalls, parts.limits.waitingCalls);
  const notes: string[] = [];
  const nonces = new ProofNonces(random);
  const reception = new LeaseReception({
    book: leases,
    keys: () => office.keys,
    origin: ORIGIN,
    nonces,
    monotonic: () => clock.monotonic(),
  });
  const ceiling = options.ceiling ?? {
    free: { capabilities: ALL_CAPABILITIES, ttlSeconds: 600 },
    most: { capabilities: ALL_CAPABILITIES, ttlSeconds: 3600 },
  };
  const desk = new LeaseDesk({
    gate: parts,
    office,
    requests: new RequestBook(store, leases, random),
    reception,
    ceiling: (agent) => (agent === 'default' ? ceiling : undefined),
    note: (line) => notes.push(line),
  });
  const reader = new ReceiptReader(store, log);
  const proofs = await fakeProofs(store, log);
  const receiptDesk = new ReceiptDesk(parts, { log, reader, proof: proofs.proof }, administration);
  const door = openDoor(parts, turnstile, desk, openReceiptDoor(receiptDesk));
  const install = (installation: Installation): Promise<Installation> =>
    administration.addTool('default', installation);
  await install(installed(options.grant, options.tools ?? [ECHO]));
  return {
    parts,
    store,
    clock,
    runner,
    door,
    turnstile,
    administration,
    reader,
    proofs,
    receiptDesk,
    office,
    install,
    desk,
    reception,
    nonces,
    notes,
    connect: (terms) => connect(office, desk, door, terms),
    receipts: () => [...reader.export({ type: 'call' })],
  };
}

function connect(
  office: LeaseOffice,
  desk: LeaseDesk,
  door: OpenDoor,
  terms: Partial<ConnectionTerms> = {},
): FakeConnection {
  const whole: ConnectionTerms = {
    agent: 'default',
    connection: randomBytes(8).toString('hex'),
    principal: 'alice',
    tenant: 'default',
    capabilities: ALL_CAPABILITIES,
    ttlSeconds: 600,
    ...terms,
  };
  const lease = connectionLease(office, whole);
  const hand = desk.hand(whole, lease);
  const caller: Caller = {
    tenant: whole.tenant,
    principal: whole.principal,
    agent: whole.agent,
    operator: false,
    lease: (now, asked) => hand.current(now, asked),
    covers: () => true,
    hand,
  };
  return {
    caller,
    lease,
    hand,
    call: (args, more = {}) =>
      door.call(caller, { tool: ECHO.name, arguments: JSON.stringify(args), ...more }),
  };
}
