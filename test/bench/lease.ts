// Leases: verifying against the bare signature, checking and issuing against another lease broker.

import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  Broker,
  DeclarativePolicyEngine,
  generateKeyPair,
  InMemoryAuditSink,
  InMemoryPendingStore,
  InMemoryRevocationList,
  InMemorySpendLedger,
  LeaseEnforcer,
  PasetoV4PublicSigner,
} from 'leasebroker';
import type { LeaseQuestion } from '../../src/decide/policy/lease-question.ts';
import { PolicyHolder } from '../../src/decide/policy/policy-holder.ts';
import { createRandomPool } from '../../src/front/daemon/random-pool.ts';
import { openSqliteStore } from '../../src/base/store/sqlite/sqlite-store.ts';
import type { Store, Table, Tx } from '../../src/base/store/store.ts';
import { decodeUtf8, encodeUtf8 } from '../../src/base/encoding/utf8.ts';
import { ulid } from '../../src/base/encoding/ulid.ts';

import { HeldLease } from '../../src/trust/holder/held-lease.ts';
import { generateHolderKey } from '../../src/trust/holder/holder-key.ts';
import { covers } from '../../src/trust/lease/action.ts';
import {
  type LeaseLeaf,
  type LeaseTerms,
  type PreparedLease,
  prepareLease,
  signLease,
} from '../../src/trust/lease/issue-lease.ts';
import { leaseAdmitter } from '../../src/trust/lease/lease-admitter.ts';
import { type LeaseBook, leaseTable, openLeaseBook } from '../../src/trust/lease/lease-book.ts';
import { proofReplayTable } from '../../src/trust/lease/proof-replay.ts';
import { verifyLease } from '../../src/trust/lease/verify-lease.ts';
import {
  checkpointEvidence,
  type LogAdmitter,
  openCheckpointAdmitter,
} from '../../src/trust/receipt/checkpoint-admitter.ts';
import { createCheckpointMemory } from '../../src/trust/receipt/checkpoint-memory.ts';
import { buildLeaf } from '../../src/trust/receipt/build-leaf.ts';
import { hashLeaf } from '../../src/trust/receipt/digest.ts';
import { LogTree } from '../../src/trust/receipt/log-tree.ts';
import { openMemorySigner } from '../../src/trust/signer/memory/memory-signer.ts';
import type { Admitter, PublicJwk, Signer } from '../../src/trust/signer/signer.ts';
import { formatHead } from '../../src/trust/verify/checkpoint.ts';
import { loadKeys, type TrustedKeys } from '../../src/trust/verify/keys.ts';
import { starter } from '../support/decision.ts';
import { median, type Report } from './report.ts';

const ORIGIN = 'warder.invalid/log/0123456789abcdef';
const ROUNDS = 7;
/** Until both sides run compiled. */
const WARM_UP = 8;
const IN_FLIGHT = 64;
/** As in a daemon. */
const random = createRandomPool();
const metaTable: Table<{ readonly uses: number }> = { name: 'meta', indexes: {} };

const terms: LeaseTerms = {
  origin: ORIGIN,
  principal: 'agent:default',
  tenant: 'default',
  capabilities: [
    { type: 'tool.call', tools: ['text_*'] },
    { type: 'fs.read', paths: ['/data/**'] },
  ],
  ttlSeconds: 3600,
  cnf: { conn: 'c-1' },
  task: 'task-1',
  delMax: 4,
};

const asked: Omit<LeaseQuestion, 'now'> = {
  tenant: 'default',
  principal: terms.principal,
  agent: 'default',
  task: 'task-1',
  reason: 'to measure it',
  ttlSeconds: terms.ttlSeconds,
  capabilities: terms.capabilities,
  depth: 0,
  free: true,
  operator: false,
};

/** Operations a second, the middle of some rounds, each pair measured in turn. */
async function race(
  ours: () => Promise<number>,
  theirs: () => Promise<number> | number,
): Promise<readonly [number, number]> {
  const rates: [number[], number[]] = [[], []];
  for (let round = 0; round < WARM_UP + ROUNDS; round += 1) {
    for (const [at, work] of [ours, theirs].entries()) {
      const start = performance.now();
      const done = await work();
      if (round >= WARM_UP) rates[at]?.push((done * 1000) / (performance.now() - start));
    }
  }
  return [median(rates[0]), median(rates[1])];
}

async function inFlight(count: number, work: (at: number) => Promise<unknown>): Promise<number> {
  for (let at = 0; at < count; at += IN_FLIGHT) {
    await Promise.all(Array.from({ length: IN_FLIGHT }, (_, one) => work(at + one)));
  }
  return count;
}

interface Office {
  readonly signer: Signer;
  readonly keys: TrustedKeys;
  prepare(more?: Partial<LeaseTerms>): PreparedLease;
}

async function openOffice(
  alg: 'ES256' | 'EdDSA',
  now: number,
  ...more: readonly Admitter[]
): Promise<Office> {
  const admitters = [leaseAdmitter(ORIGIN), ...more];
  const signer = openMemorySigner(alg, { roles: ['lease'], admitters });
  const keys = await loadKeys([JSON.stringify({ ...signer.key, warder_roles: ['lease'] })]);
  const prepare = (more: Partial<LeaseTerms> = {}): PreparedLease =>
    prepareLease({ ...terms, ...more }, signer.key, now, random(16));
  return { signer, keys, prepare };
}

/** A token as its signed bytes and signature. */
function taken(token: string): readonly [Buffer, Buffer] {
  const at = token.lastIndexOf('.');
  return [Buffer.from(token.slice(0, at)), Buffer.from(token.slice(at + 1), 'base64url')];
}

function holdsRaw(
  alg: 'ES256' | 'EdDSA',
  key: KeyObject,
  [message, signature]: readonly [Buffer, Buffer],
): void {
  const hash = alg === 'ES256' ? 'sha256' : null;
  if (!verify(hash, message, { key, dsaEncoding: 'ieee-p1363' }, signature)) throw new Error('bad');
}

async function benchVerify(report: Report, alg: 'ES256' | 'EdDSA', now: number): Promise<void> {
  const office = await openOffice(alg, now);
  const tokens = await Promise.all(
    Array.from({ length: 500 }, () => signLease(office.prepare(), office.signer)),
  );
  const raw = tokens.map(taken);
  const key = createPublicKey({ key: { ...office.signer.key }, format: 'jwk' });
  const [ours, theirs] = await race(
    async () => {
      for (const token of tokens) await verifyLease(token, office.keys, { now, audience: ORIGIN });
      return tokens.length;
    },
    () => {
      for (const each of raw) holdsRaw(alg, key, each);
      return raw.length;
    },
  );
  report.ratio(`lease-verify-${alg.toLowerCase()}`, ours, '/s', 'node:crypto verify', theirs);
}

async function benchChain(report: Report, now: number): Promise<void> {
  const office = await openOffice('ES256', now);
  const holders = await Promise.all(Array.from({ length: 4 }, () => generateHolderKey()));
  const chains = await Promise.all(
    Array.from({ length: 300 }, async () => {
      const [first, ...rest] = holders;
      if (first === undefined) throw new Error('no holder');
      let text = await signLease(office.prepare({ cnf: { jwk: first.jwk } }), office.signer);
      for (const [at, to] of rest.entries()) {
        const lease = new HeldLease(text, holders[at], () => now);
        text = await lease.narrow({ holder: to.jwk, ttlSeconds: 60 - at, levels: 4 });
      }
      return text;
    }),
  );
  const raw = chains.map((text) => text.split('~').map(taken));
  const jwks = [office.signer.key, ...holders.slice(0, 3).map(({ jwk }) => jwk)];
  const [ours, theirs] = await race(
    async () => {
      for (const text of chains) await verifyLease(text, office.keys, { now, audience: ORIGIN });
      return chains.length;
    },
    () => {
      for (const links of raw) {
        for (const [at, link] of links.entries()) {
          holdsRaw('ES256', createPublicKey({ key: { ...jwks[at] }, format: 'jwk' }), link);
        }
      }
      return raw.length;
    },
  );
  report.ratio('lease-chain', ours, '/s', '4 x (JWK import + verify)', theirs);
}

/** The other broker, all in memory. */
function openTheirs() {
  const signer = new PasetoV4PublicSigner(generateKeyPair('k1'));
  const rule = {
    ruleId: 'r',
    effect: 'allow' as const,
    capabilityKind: 'fs.read' as const,
    paths: ['/data/**'],
  };
  const audit = new InMemoryAuditSink();
  const engine = new DeclarativePolicyEngine([rule]);
  const broker = new Broker(engine, signer, audit, new InMemoryPendingStore(), 'k1');
  const enforcer = new LeaseEnforcer(
    signer,
    new InMemoryRevocationList(),
    new InMemorySpendLedger(),
  );
  const request = {
    agentId: 'agent:default',
    taskId: 'task-1',
    capabilities: [{ kind: 'fs.read' as const, paths: ['/data/**'] }],
    requestedDurationMs: 3_600_000,
  };
  const issue = (): string => {
    const issued = broker.request(request);
    if (issued.type !== 'granted') throw new Error(JSON.stringify(issued));
    return issued.token;
  };
  return { issue, enforcer };
}

interface BookFiles {
  readonly store: Store;
  readonly folder: string;
}

async function withBook(work: (book: LeaseBook, files: BookFiles) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'warder-bench-lease-'));
  const store = openSqliteStore({
    path: join(folder, 'store.db'),
    tables: [leaseTable, metaTable, proofReplayTable],
    sequences: [],
  });
  try {
    await work(openLeaseBook(store), { store, folder });
  } finally {
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * The log of a daemon, as far as a signer asks for it: leaves are durable elsewhere, and measured there.
 */
function openLog(admitter: LogAdmitter, key: PublicJwk) {
  const leaves: Uint8Array[] = [];
  const tree = new LogTree(
    { tile: () => undefined, leaves: (from, count) => leaves.slice(from, from + count) },
    0,
  );
  const facts = {
    id: `lease_${ulid(0, new Uint8Array(10))}`,
    type: 'lease',
    outcome: 'issued',
    tenant: 'default',
    time: 0,
    subject: { name: 'lease', sha256: '0'.repeat(64) },
    principal: terms.principal,
    lease: '1'.repeat(64),
    task: 'task-1',
    detail: { agent: 'default', expires: 0 },
    assurance: 'personal',
    jail: 'none',
  } as const;
  const [before = '', after = ''] = decodeUtf8(
    buildLeaf(facts, (length) => new Uint8Array(length)).bytes,
  ).split('0'.repeat(64));
  return {
    append: ({ digest }: PreparedLease): LeaseLeaf => {
      const leaf = encodeUtf8(before + digest + after);
      const index = leaves.push(leaf) - 1;
      tree.push(hashLeaf(leaf));
      return { index, leaf };
    },
    /** What a head shows to the signer, so that it may forget. */
    sign: async (): Promise<void> => {
      const { size, unproven } = await admitter.last();
      const head = { origin: ORIGIN, size: tree.size, root: tree.root() };
      const shown = { leases: unproven, proof: tree.inclusionOf(unproven, head.size) };
      const evidence = checkpointEvidence(size, tree.consistency(size, head.size), shown);
      const payload = encodeUtf8(formatHead(head));
      await admitter.admit({ kind: 'checkpoint', payload, evidence }, key);
    },
  };
}

async function benchCheck(report: Report, now: number): Promise<void> {
  await withBook(async (book, { store }) => {
    const commit = (change: (tx: Tx) => void): Promise<void> => store.commit(change);
    const office = await openOffice('ES256', now);
    const tokens: string[] = [];
    for (let made = 0; made < IN_FLIGHT; made += 1) {
      const prepared = office.prepare();
      await commit((tx) => book.record(tx, prepared, 'default'));
      tokens.push(await signLease(prepared, office.signer));
    }
    const check = async (at: number): Promise<void> => {
      const text = tokens[at % IN_FLIGHT] ?? '';
      const verified = await verifyLease(text, office.keys, { now, audience: ORIGIN });
      const lease = book.check(verified, { connection: 'c-1' }, now);
      const action = { type: 'fs.read', path: '/data/x/y' } as const;
      if (!covers(lease.claims.authorization_details, action, now)) throw new Error('not covered');
      await commit((tx) => book.spend(tx, lease, now));
    };
    const theirs = openTheirs();
    const token = theirs.issue();
    const [ours, other] = await race(
      () => inFlight(1024, check),
      () => {
        for (let at = 0; at < 128; at += 1) {
          const { ok, reason } = theirs.enforcer.check(token, {
            kind: 'fs.read',
            path: '/data/x/y',
          });
          if (!ok) throw new Error(reason);
        }
        return 128;
      },
    );
    report.ratio('lease-check', ours, '/s', 'leasebroker check', other);
  });
}

async function benchIssue(report: Report, now: number): Promise<void> {
  await withBook(async (book, { store, folder }) => {
    const memory = join(folder, 'memory.json');
    await createCheckpointMemory(memory, ORIGIN);
    const admitter = await openCheckpointAdmitter(memory, ORIGIN);
    const office = await openOffice('ES256', now, admitter.leases);
    const log = openLog(admitter, office.signer.key);
    const policy = await PolicyHolder.open(starter());
    const issue = async (at: number): Promise<void> => {
      const { kind } = policy.decideLease({ ...asked, task: `task-${at}`, now });
      if (kind !== 'granted') throw new Error(kind);
      const prepared = office.prepare();
      await store.commit((tx) => book.record(tx, prepared, 'default'));
      await signLease(prepared, office.signer, log.append(prepared));
    };
    const theirs = openTheirs();
    const [ours, other] = await race(
      async () => {
        const issued = await inFlight(512, issue);
        await log.sign();
        return issued;
      },
      () => {
        for (let at = 0; at < 256; at += 1) theirs.issue();
        return 256;
      },
    );
    report.ratio('lease-issue', ours, '/s', 'leasebroker request', other);
    await admitter.close();
  });
}

/** Every figure of leases. */
export async function benchLease(report: Report): Promise<void> {
  const now = Date.now();
  if (report.wants('lease-verify-es256')) await benchVerify(report, 'ES256', now);
  if (report.wants('lease-verify-eddsa')) await benchVerify(report, 'EdDSA', now);
  if (report.wants('lease-chain')) await benchChain(report, now);
  if (report.wants('lease-check')) await benchCheck(report, now);
  if (report.wants('lease-issue')) await benchIssue(report, now);
}
