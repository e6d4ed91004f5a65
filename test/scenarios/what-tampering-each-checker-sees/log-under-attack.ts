// A log of some hundred receipts with what an attacker might have kept of it: copies from before, and a second
// history under the same stolen keys.

import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { WarderError } from '../../../src/base/errors/errors.ts';
import { openSqliteStore } from '../../../src/base/store/sqlite/sqlite-store.ts';
import type { Store } from '../../../src/base/store/store.ts';
import { leafSequence, ReceiptLog } from '../../../src/trust/receipt/receipt-log.ts';
import { type Head, verifyCheckpoint } from '../../../src/trust/verify/checkpoint.ts';
import type { TrustedKeys } from '../../../src/trust/verify/keys.ts';
import { verifyLog } from '../../../src/trust/verify/log.ts';
import { formatVkey } from '../../../src/trust/verify/note-key.ts';
import { bundlePath, tilePath } from '../../../src/trust/verify/tiles.ts';
import { witnessesOf } from '../../../src/trust/verify/witness-key.ts';
import { formatAddCheckpoint } from '../../../src/trust/witness/add-checkpoint.ts';
import { WitnessGroup } from '../../../src/trust/witness/witness-group.ts';
import { callFacts, systemRandom } from '../../soak/facts.ts';
import {
  initSite,
  makeSiteKeys,
  type OpenSite,
  openSite,
  pathsOf,
  signWithStolenKeys,
  trustedKeysOf,
} from '../../soak/site.ts';
import { openWitness, type TestWitness } from '../../support/test-witness.ts';

/** What a checker said. */
export type Verdict = 'seen' | 'unseen';

/** Leaves at the three moments; between the first two a tile becomes full. */
export const SIZES = { early: 250, late: 300, fork: 310 } as const;

export interface LogUnderAttack {
  /** Where the log stands when it is attacked; made anew by {@link LogUnderAttack.restore}. */
  readonly site: string;
  /** `state` of the site at {@link SIZES.early}. */
  readonly early: string;
  /** `state` of a longer, other history, signed with the same keys. */
  readonly fork: string;
  restore(): void;
  /** Changes rows of the store. */
  edit(...statements: readonly string[]): void;
  /** A file of the log. */
  file(path: string): string;
  /** The daemon at its start. */
  start(): Promise<Verdict>;
  /** `receipts verify` with a daemon; the start counts, since there is no audit without it. */
  audit(): Promise<Verdict>;
  /** Anybody with the files and the keys, who has or has not seen the log before. */
  offline(remembers: boolean): Promise<Verdict>;
  /** A witness that has cosigned the last good head, and knows nothing else of the log. */
  openWitness(): Promise<TestWitness>;
  /** That witness, shown a head over what the store says now: by a thief of the keys, past every other check. */
  witness(witness: TestWitness): Promise<Verdict>;
  /** The daemon with that witness in its config: whether it publishes no head any more. */
  witnessed(witness: TestWitness): Promise<Verdict>;
  remove(): void;
}

const idle = (): Promise<void> => Promise.resolve();

export async function openLogUnderAttack(): Promise<LogUnderAttack> {
  const directory = mkdtempSync(join(tmpdir(), 'warder-tamper-'));
  const [site, early, good, fork] = ['site', 'early', 'good', 'fork'].map((name) =>
    join(directory, name),
  ) as [string, string, string, string];
  makeSiteKeys(site);
  await initSite(site);
  const { state, log, store } = pathsOf(site);
  const copy = (from: string, to: string): void => {
    rmSync(to, { recursive: true, force: true });
    cpSync(from, to, { recursive: true });
  };
  await grow(site, SIZES.early);
  copy(state, early);
  await grow(site, SIZES.fork);
  copy(state, fork);
  copy(early, state);
  await grow(site, SIZES.late);
  copy(state, good);
  const keys = await trustedKeysOf(site);
  const remembered = await headOf(log, keys);
  const { origin } = remembered;
  const note = readFileSync(join(log, 'checkpoint'), 'utf8');
  const raw = keys.find(({ alg }) => alg === 'EdDSA')?.raw;
  if (raw === undefined) throw new Error('the site has no log key');
  const seenIn = async (work: () => Promise<unknown>): Promise<Verdict> => {
    try {
      await work();
      return 'unseen';
    } catch (error) {
      const refusal = error instanceof WarderError && [6, 7].includes(error.exitCode);
      // Files that are gone, or none of which the verifier can make sense, are no proof of anything.
      const gone = (error as NodeJS.ErrnoException).code === 'ENOENT';
      const senseless = error instanceof WarderError && error.code === 'malformed';
      if (refusal || gone || senseless) return 'seen';
      throw error;
    }
  };
  const opened = async (
    work: (site: OpenSite) => Promise<unknown>,
    witnesses?: (store: Store) => WitnessGroup,
  ): Promise<void> => {
    const open = await openSite(site, idle, witnesses);
    try {
      await work(open);
    } finally {
      await open.close();
    }
  };
  return {
    site,
    early,
    fork,
    restore: () => copy(good, state),
    edit: (...statements) => {
      const db = new DatabaseSync(store);
      for (const statement of statements) db.exec(statement);
      db.close();
    },
    file: (path) => join(log, path),
    start: () => seenIn(() => opened(idle)),
    audit: () =>
      seenIn(() =>
        opened(async ({ receipts }) => {
          receipts.checkpointer.start();
          await receipts.audit();
        }),
      ),
    offline: (remembers) =>
      seenIn(async () => {
        const read = (path: string): Promise<Uint8Array> =>
          Promise.resolve(readFileSync(join(log, path)));
        await verifyLog(
          {
            bundle: (index, width) => read(bundlePath(index, width)),
            tile: (level, index, width) => read(tilePath(level, index, width)),
          },
          readFileSync(join(log, 'checkpoint'), 'utf8'),
          keys,
          remembers ? { remembered } : {},
        );
      }),
    openWitness: async () => {
      const witness = await openWitness('witness.example/w1', [formatVkey({ name: origin, raw })]);
      await show(witness, formatAddCheckpoint(0, [], note));
      return witness;
    },
    witness: (witness) =>
      seenIn(async () => {
        const { head, proof } = await headOfStore(store, origin);
        const signed = await signWithStolenKeys(site, head);
        await show(witness, formatAddCheckpoint(SIZES.late, proof, signed));
      }),
    witnessed: (witness) =>
      seenIn(() =>
        opened(
          async ({ store: open, receipts }) => {
            receipts.checkpointer.start();
            await open.commit((tx) => receipts.log.append(tx, callFacts(10)));
            await receipts.checkpointer.current();
          },
          (open) => groupOf(witness, open, origin, keys),
        ),
      ),
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}

/** @throws WarderError `verification-failed` when it does not cosign. */
async function show(witness: TestWitness, body: string): Promise<void> {
  const { status } = await fetch(`${witness.url}/add-checkpoint`, { method: 'POST', body });
  if (status !== 200) throw new WarderError('verification-failed', `it answers ${String(status)}`);
}

/**
 * The head that the leaves of a store make, whatever the files of the log say, and that it has grown from the last
 * good one, as well as that can be shown.
 *
 * @throws WarderError `unavailable` when they make none.
 */
async function headOfStore(
  path: string,
  origin: string,
): Promise<{ readonly head: Head; readonly proof: readonly Uint8Array[] }> {
  const store = openSqliteStore({ path, tables: [], sequences: [leafSequence] });
  try {
    const log = new ReceiptLog({ store, origin, random: systemRandom });
    const head = log.head();
    const grown = head.size >= SIZES.late;
    return { head, proof: grown ? log.tree.consistency(SIZES.late, head.size) : [] };
  } finally {
    await store.close();
  }
}

function groupOf(
  { key, url }: TestWitness,
  store: Store,
  origin: string,
  keys: TrustedKeys,
): WitnessGroup {
  return new WitnessGroup({
    store,
    origin,
    logKeys: () => keys,
    now: () => Date.now(),
    monotonic: () => performance.now(),
    witnesses: [{ key, url }],
    policy: witnessesOf([key], 1),
  });
}

async function headOf(log: string, keys: TrustedKeys): Promise<Head> {
  return verifyCheckpoint(readFileSync(join(log, 'checkpoint'), 'utf8'), keys);
}

async function grow(site: string, size: number): Promise<void> {
  const { store, receipts, close } = await openSite(site, idle);
  receipts.checkpointer.start();
  while (receipts.log.size < size) {
    await store.commit((tx) => receipts.log.append(tx, callFacts(10)));
  }
  await receipts.checkpointer.current();
  await close();
}
