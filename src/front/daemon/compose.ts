// Opens every room of a home in order and joins them: the one place that knows them all.

import { fileURLToPath } from 'node:url';
import type { Clock } from '../../base/clock/clock.ts';
import { detectJail } from '../../base/process/detect-jail.ts';
import { keepHighTime } from '../../base/store/high-time.ts';
import { openSqliteStore } from '../../base/store/sqlite/sqlite-store.ts';
import type { Store } from '../../base/store/store.ts';
import { Catalog } from '../../catalog/catalog.ts';
import { PackageFiles } from '../../catalog/package-files.ts';
import { ApprovalBook } from '../../decide/approval/approval-book.ts';
import { BudgetBook } from '../../decide/limits/budget-book.ts';
import { LocalTrust } from '../../decide/trust/local-trust.ts';
import { Administration } from '../../gate/administer.ts';
import { CallSessions } from '../../gate/host-calls.ts';
import { ReceiptDesk } from '../../gate/receipt-desk.ts';
import { openReceiptDoor } from '../../gate/receipt-door.ts';
import { settleInterrupted } from '../../gate/intent.ts';
import { type OpenDoor, openDoor } from '../../gate/open-door.ts';
import { LeaseDesk } from '../../gate/leases/lease-desk.ts';
import type { LeaseDecisions } from '../../gate/leases/lease-decisions.ts';
import type { LeaseInHand } from '../../gate/leases/lease-in-hand.ts';
import type { GateParts } from '../../gate/parts.ts';
import { firstKeysEvent, listEvent } from '../../gate/key-events.ts';
import { Turnstile } from '../../gate/turnstile.ts';
import { createEgress, type Listener } from '../../reach/egress/egress.ts';
import { createFiles } from '../../reach/files/files.ts';
import { Vault } from '../../reach/vault/vault.ts';
import { createSandbox, type Sandbox } from '../../run/sandbox/sandbox.ts';
import { beginHistory } from '../../trust/keyring/key-history.ts';
import type { Keyring } from '../../trust/keyring/keyring.ts';
import {
  type ConnectionLease,
  connectionLease,
  type ConnectionTerms,
  type LeaseOffice,
} from '../../trust/lease/connection-lease.ts';
import { openLeaseBook } from '../../trust/lease/lease-book.ts';
import { RevocationLists } from '../../trust/lease/revocation-lists.ts';
import { LeaseReception } from '../../trust/lease/lease-reception.ts';
import type { LeaseCeiling } from '../../trust/lease/lease-request.ts';
import { ProofNonces } from '../../trust/lease/proof-nonces.ts';
import { RequestBook } from '../../trust/lease/request-book.ts';
import { openReceipts, type Receipts } from '../../trust/receipt/receipts.ts';
import type { Config } from '../config/config.ts';
import type { Home } from '../config/home.ts';
import { requireSeparation } from '../separation/verify-separation.ts';
import { type Issuers, openIssuers } from './issuers.ts';
import { requireLayers } from './jail.ts';
import { createPackageSource } from './package-source.ts';
import { currentLog } from './current-log.ts';
import { type HomeKeys, type KeyTrouble, openKeys } from './open-keys.ts';
import { openRisk } from './open-risk.ts';
import { openWitnesses } from './open-witnesses.ts';
import { hiddenDirectories, ownDirectories } from './own-directories.ts';
import { openPolicies } from './policies.ts';
import { PublicFiles } from './public-files.ts';
import { createRandomPool } from './random-pool.ts';
import { sequences, tables } from './tables.ts';

/** Everything a running daemon is made of. */
export interface Runtime {
  readonly home: Home;
  readonly config: Config;
  readonly store: Store;
  readonly gate: GateParts;
  readonly door: OpenDoor;
  readonly turnstile: Turnstile;
  readonly administration: Administration;
  /** Names of everyone who can decide, each by a channel of their own. */
  readonly operators: readonly string[];
  readonly sandbox: Sandbox;
  readonly packages: PackageFiles;
  readonly receipts: Receipts;
  readonly keys: Keyring;
  readonly openSigning: HomeKeys['openSigning'];
  readonly openLog: HomeKeys['openLog'];
  readonly useLog: HomeKeys['useLog'];
  /** The revocation list of each tenant. */
  readonly lists: RevocationLists;
  /** Directories no grant may reach. */
  readonly ownTrees: readonly string[];
  /** TCP listeners of this process; no request of a tool reaches them, whatever is granted. */
  readonly listeners: Set<Listener>;
  readonly startedAt: number;
  /** Whose word is taken for who a caller is. */
  readonly issuers: Issuers;
  /** Takes in leases that callers bring along. */
  readonly reception: LeaseReception;
  /** The lease of a new connection; nothing is issued yet. */
  connectionLease(terms: ConnectionTerms): ConnectionLease;
  /** The same for an agent, who may ask for more of them: bound to the connection, unless `bound` is false. */
  leaseInHand(terms: ConnectionTerms, bound?: boolean): LeaseInHand;
  /** What operators say of requests for leases. */
  readonly leaseDecisions: LeaseDecisions;
  /** Brings what verifiers fetch up to now: the JWKS, and lists signed with the key of now. */
  publish(): Promise<void>;
  /** Starts what works in the background: blank executors, checkpoints. */
  start(): void;
  /** Ends executors, waits for commits under way, closes keys and store. */
  close(): Promise<void>;
}

/** How long a stopping daemon waits for the checkpoint over its last leaves. */
const LAST_CHECKPOINT_MS = 2_000;
const EXECUTOR = '../../../dist/executor/executor.mjs';
const FILES_BROKER = '../../../dist/broker/files-broker.mjs';
const EGRESS_BROKER = '../../../dist/broker/egress-broker.mjs';

/**
 * Opens a home. The caller holds its lock.
 *
 * @param trouble what is done about a key that cannot be opened.
 * @throws WarderError `unavailable` when a part cannot be opened, the install is not separated and
 *   shall be, or the jail lacks what the config demands.
 */
export async function composeRuntime(
  home: Home,
  given: Config,
  clock: Clock,
  trouble: KeyTrouble = {},
): Promise<Runtime> {
  requireSeparation(home, given);
  const report = await detectJail({ kinds: given.jail.use });
  requireLayers(report, given.jail.require);
  const issuers = await openIssuers(home, given);
  const timed = keepHighTime(openSqliteStore({ path: home.state, tables, sequences }), clock);
  const { store } = timed;
  const config = await currentLog(home, given, store);
  const { origin } = config.log;
  const random = createRandomPool();
  const opened = await openKeys(home, config, store, timed.clock.wall(), trouble);
  const { keyring: keys, first, openSigning, openLog, useLog } = opened;
  const openAll = async (): Promise<Receipts> =>
    openReceipts({
      store,
      directory: home.log,
      origin,
      signers: keys,
      memory: opened.memory,
      ...(await openWitnesses(config, keys, store, clock)),
      random,
      monotonic: () => clock.monotonic(),
      pause,
    });
  const receipts = await openAll().catch(async (error: unknown) => {
    await opened.close();
    throw error;
  });
  opened.holdTo(() => receipts.checkpointer.held());
  const { log } = receipts;
  const leases = openLeaseBook(store);
  const catalog = new Catalog(store);
  const approvals = new ApprovalBook(store, random);
  const { holder: policy, fresh } = await openPolicies(store, home.policy);
  const packages = new PackageFiles(home.tools);
  const ownTrees = ownDirectories(home, config);
  const vault = new Vault(store, home.keys, timed.clock);
  const listeners = new Set<Listener>();
  const egress = createEgress({
    brokerPath: fileURLToPath(new URL(EGRESS_BROKER, import.meta.url)),
    clock,
    secrets: vault,
    forbidden: () => [...listeners],
    jail: report.jail,
  });
  const files = createFiles({
    brokerPath: fileURLToPath(new URL(FILES_BROKER, import.meta.url)),
    deny: ownTrees,
    hidden: hiddenDirectories(home, config),
    clock,
    jail: report.jail,
  });
  const sessions = new CallSessions({
    clock: timed.clock,
    store,
    leases,
    egress,
    files,
  });
  const sandbox = createSandbox({
    executorPath: fileURLToPath(new URL(EXECUTOR, import.meta.url)),
    hostCalls: sessions,
    packages: createPackageSource(home, packages),
    clock,
    pool: { maxExecutors: config.pool.size, idleMs: config.pool.idleMs },
    jail: report.jail,
  });
  const gate: GateParts = {
    clock,
    now: () => timed.clock.wall(),
    random,
    store,
    catalog,
    policy,
    approvals,
    budgets: new BudgetBook(store),
    trust: new LocalTrust(store),
    ...openRisk(config, { store, vault, random }),
    leases,
    log,
    runner: sandbox,
    sessions,
    vault,
    limits: config.limits,
    assurance: config.assurance,
    jail: report.jail?.kind ?? 'none',
  };
  const administration = new Administration(gate);
  const turnstile = new Turnstile(config.limits.concurrentCalls, config.limits.waitingCalls);
  const office: LeaseOffice = {
    book: leases,
    // The key of the moment: it may be rotated.
    get signer() {
      return keys.leases;
    },
    get keys() {
      return keys.trusted;
    },
    origin,
    random,
    record: (change) => administration.leaseEvent(change),
  };
  const documents = new PublicFiles(home.public);
  const placeKeys = (): Promise<void> => documents.placeKeys(keys.document(gate.now()));
  const lists = new RevocationLists({
    store,
    book: leases,
    signer: () => keys.signing,
    origin,
    tenants: tenantsOf(config),
    lifeSeconds: (tenant) => listLife(config, tenant),
    now: () => gate.now(),
    record: async (change) => {
      await administration.record((tx, now) => [undefined, listEvent(change(tx, now))]);
    },
    place: async (tenant, text) => {
      await documents.placeList(tenant, text);
      // A grace that ended takes a role away.
      await placeKeys();
    },
    pause,
  });
  const reception = new LeaseReception({
    book: leases,
    keys: () => office.keys,
    origin,
    nonces: new ProofNonces(random),
    monotonic: () => clock.monotonic(),
  });
  const desk = new LeaseDesk({
    gate,
    office,
    requests: new RequestBook(store, leases, random),
    reception,
    ceiling: (agent) => ceilingOf(config, agent),
    note: (line) => process.stderr.write(`${line}\n`),
  });
  const receiptDesk = new ReceiptDesk(gate, receipts, administration);
  await settleInterrupted(store, log, gate.budgets, gate.now());
  if (first !== undefined) {
    await administration.record((tx) => {
      beginHistory(tx, first);
      return [undefined, firstKeysEvent(first.jwk, keys.log.key)];
    });
  }
  if (fresh) {
    const set = policy.prepare(policy.files, []);
    await administration.policyChanged(set, undefined);
    policy.use(set);
  }
  return {
    home,
    config,
    store,
    gate,
    door: openDoor(gate, turnstile, desk, openReceiptDoor(receiptDesk)),
    leaseDecisions: desk.decisions,
    turnstile,
    administration,
    operators: ['operator', ...config.operators],
    sandbox,
    packages,
    receipts,
    keys,
    openSigning,
    openLog,
    useLog,
    lists,
    ownTrees,
    listeners,
    startedAt: clock.monotonic(),
    issuers,
    reception,
    connectionLease: (terms) => connectionLease(office, terms),
    leaseInHand: (terms, bound) => desk.hand(terms, connectionLease(office, terms), bound),
    publish: async () => {
      await placeKeys();
      await lists.resign();
    },
    start: () => {
      sandbox.warm();
      receipts.checkpointer.start();
      lists.start();
    },
    close: async () => {
      await sandbox.close();
      await Promise.all([egress.close(), files.close()]);
      await lists.close();
      await lastCheckpoint(receipts);
      await receipts.close();
      await store.close();
      await opened.close();
    },
  };
}

/** What leases of an agent may say. */
function ceilingOf({ agents }: Config, name: string): LeaseCeiling | undefined {
  const agent = Object.hasOwn(agents, name) ? agents[name] : undefined;
  if (agent === undefined) return undefined;
  const { capabilities, askable, ttl, maxTtl } = agent;
  return {
    free: { capabilities, ttlSeconds: ttl },
    most: { capabilities: [...capabilities, ...askable], ttlSeconds: maxTtl },
  };
}

/** Whose leases may be revoked here. */
function tenantsOf({ agents }: Config): readonly string[] {
  return [...new Set(['default', ...Object.values(agents).map(({ tenant }) => tenant)])];
}

/** Seconds: as the config says, and no longer than the longest lease of the tenant. */
function listLife({ agents, revocations }: Config, tenant: string): number {
  const lives = Object.values(agents)
    .filter((agent) => agent.tenant === tenant)
    .map(({ maxTtl }) => maxTtl);
  return Math.min(revocations.ttl, lives.length === 0 ? revocations.ttl : Math.max(...lives));
}

/** Signs what is durable, unless the keys take too long: the next start signs it then. */
async function lastCheckpoint({ log, checkpointer }: Receipts): Promise<void> {
  if (log.size === 0) return;
  const { promise: enough, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, LAST_CHECKPOINT_MS);
  checkpointer.current().then(
    () => resolve(),
    () => resolve(),
  );
  await enough;
  clearTimeout(timer);
}

/** Resolves after `ms`, or as soon as `signal` aborts; does not keep the process alive. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  // One that was aborted before tells nobody any more.
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    timer.unref();
    signal.addEventListener('abort', done, { once: true });
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
  });
}
