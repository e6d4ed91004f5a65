// `warder receipts new-log`: ends a log whose leaves were lost and begins another, by an operator's act.

import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, cp, link, mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { canonicalBytes } from '../../base/encoding/jcs.ts';
import { encodeBase64 } from '../../base/encoding/base64.ts';
import { encodeHex } from '../../base/encoding/hex.ts';
import { sameBytes } from '../../base/encoding/sha256.ts';
import { ulid } from '../../base/encoding/ulid.ts';
import { WarderError } from '../../base/errors/errors.ts';
import { lockHome } from '../../base/store/home-lock.ts';
import { openSqliteStore } from '../../base/store/sqlite/sqlite-store.ts';
import { makeSuccessor } from '../../base/store/sqlite/successor.ts';
import type { Store, Table } from '../../base/store/store.ts';
import { approvalTable } from '../../decide/approval/approval.ts';
import { KEYS_MAX, signingKeyTable } from '../../trust/keyring/key-history.ts';
import { leaseTable } from '../../trust/lease/lease-book.ts';
import { leaseRequestTable } from '../../trust/lease/lease-request.ts';
import { revocationListTable } from '../../trust/lease/revocation-lists.ts';
import { checkpointTable } from '../../trust/receipt/checkpoint-table.ts';
import { syncDirectory, writeDurably } from '../../trust/receipt/durable-file.ts';
import { openingTable } from '../../trust/receipt/openings.ts';
import { leafSequence, ReceiptLog } from '../../trust/receipt/receipt-log.ts';
import { otherLease } from '../../trust/receipt/reopened-heads.ts';
import { type Head, parseHead } from '../../trust/verify/checkpoint.ts';
import { epochOf, LOG_TYPE, originOfEpoch } from '../../trust/verify/log-start.ts';
import { emptyRoot } from '../../trust/verify/merkle.ts';
import { parseNote } from '../../trust/verify/note.ts';
import { type Config, readConfig } from '../config/config.ts';
import type { Home } from '../config/home.ts';
import { currentLog, readLogRow, writeLogRow } from './current-log.ts';
import { openSignersLog, type SignersLog } from './signers-log.ts';
import { sequences, tables } from './tables.ts';

export interface NewLogRequest {
  /** Why, in the words of the operator; stands in the first leaf for all to read. */
  readonly reason: string;
  /** Wall milliseconds. */
  readonly now: number;
}

export interface NewLog {
  readonly origin: string;
  readonly epoch: number;
  /** The last head that was signed of the log before. Root: hex. */
  readonly before: { readonly origin: string; readonly size: number; readonly root: string };
  /** Its leaves that were there, and are in the archive. */
  readonly kept: number;
  /** Those under that head, and of leases beyond it, that were not. */
  readonly lost: number;
  readonly forked: boolean;
  /** Directory with everything there was of the log before. */
  readonly archive: string;
}

/** What is durable after each. */
export type NewLogStep = 'remembered' | 'archived' | 'prepared' | 'begun' | 'pinned';

const REASON_MAX = 300;
const EPOCHS_MAX = 1000;

/** What is of the log before, or of leases whose uses may be lost with its leaves. */
const LEFT_OUT = {
  sequences: [leafSequence],
  tables: [
    { table: openingTable as Table<unknown> },
    { table: checkpointTable as Table<unknown> },
    { table: signingKeyTable as Table<unknown> },
    { table: revocationListTable as Table<unknown> },
    { table: leaseTable as Table<unknown> },
    { table: leaseRequestTable as Table<unknown> },
    { table: approvalTable as Table<unknown> },
    ...['lease-uses/', 'lease-hold/', 'lease-end/', 'lease-ended/', 'lease-token/'].map(
      (keyPrefix) => ({ table: { name: 'meta', indexes: {} }, keyPrefix }),
    ),
  ],
};

/**
 * Ends the log of a home that cannot be opened because leaves are lost, and begins a new one.
 *
 * Nothing has happened before the step `begun`; from it on the new log stands, and a start after a crash
 * finishes the rest.
 *
 * @param reached told of each step; tests end the process there.
 * @throws WarderError `usage` without a reason; `conflict` when no leaves are lost; `unavailable` when a
 *   daemon holds the home, or something cannot be written.
 */
export async function beginNewLog(
  home: Home,
  request: NewLogRequest,
  reached: (step: NewLogStep) => void = () => {},
): Promise<NewLog> {
  const reason = readReason(request.reason);
  const lock = lockHome(home.root);
  let signer: SignersLog | undefined;
  try {
    const store = openSqliteStore({ path: home.state, tables, sequences, create: false });
    let found: Found;
    try {
      const config = await currentLog(home, readConfig(home.config), store);
      signer = await openSignersLog(home, config);
      found = await look(home, config, store, signer);
    } finally {
      // Folds the log of the database into the file, so that the file alone is all of it.
      await store.close();
    }
    return await begin(home, found, { ...request, reason }, reached);
  } finally {
    await signer?.close();
    lock.release();
  }
}

interface Found {
  readonly config: Config;
  readonly signer: SignersLog;
  readonly before: Head;
  readonly kept: number;
  readonly lost: number;
  readonly forked: boolean;
  readonly formerKeys: readonly string[];
}

/** What is there of the log, held against what was signed. */
async function look(home: Home, config: Config, store: Store, signer: SignersLog): Promise<Found> {
  const { origin } = config.log;
  const log = new ReceiptLog({ store, origin, random: (length) => randomBytes(length) });
  const kept = log.size;
  const signed = await signer.last(origin);
  const before = signed?.head ?? (await publishedHead(home, origin)) ?? { origin, ...emptyHead() };
  const forked =
    before.size <= kept &&
    (!sameBytes(log.tree.rootAt(before.size), before.root) ||
      otherLease(log, signed ?? { unproven: [] }) !== undefined);
  const beyond = Math.max(kept, before.size);
  const lostLeases = (signed?.unproven ?? []).filter((index) => index >= beyond);
  const lost = beyond - kept + lostLeases.length;
  if (signed?.ended === false && lost === 0 && !forked) {
    throw new WarderError(
      'conflict',
      `no leaves are lost: all ${before.size} that were signed are there`,
      {
        hint: 'start the daemon; `warder doctor` says what else keeps it from working',
      },
    );
  }
  const history = store.read((reader) =>
    reader.list(signingKeyTable, 'default', { limit: 2 * KEYS_MAX }),
  );
  const retired = history.filter(({ value }) => value.retired !== undefined);
  const formerKeys = new Set([
    ...(store.read(readLogRow)?.formerKeys ?? []),
    ...retired.map(({ value }) => value.jwk.kid),
    ...rotatedElsewhere(config, signer),
  ]);
  return { config, signer, before, kept, lost, forked, formerKeys: [...formerKeys] };
}

/** Keys that a signer process has rotated since the copy of this home was made. */
function rotatedElsewhere(config: Config, { keys = config }: SignersLog): readonly string[] {
  return (['key', 'logKey'] as const).flatMap((member) => {
    const { kid } = config[member];
    return kid === keys[member].kid ? [] : [kid];
  });
}

async function begin(
  home: Home,
  { config, signer, before, kept, lost, forked, formerKeys }: Found,
  { reason, now }: NewLogRequest,
  reached: (step: NewLogStep) => void,
): Promise<NewLog> {
  const { origin, epoch, memory } = await createMemory(config.log.origin, signer);
  reached('remembered');
  const archive = await archiveLog(home, config.log.origin);
  reached('archived');
  const next = `${home.state}.next`;
  makeSuccessor(home.state, next, LEFT_OUT);
  const detail = {
    epoch,
    before: { origin: before.origin, size: before.size, root: encodeBase64(before.root) },
    kept,
    lost,
    forked,
    reason,
  };
  const store = openSqliteStore({ path: next, tables, sequences, create: false });
  try {
    const random = (length: number): Uint8Array => randomBytes(length);
    const log = new ReceiptLog({ store, origin, random });
    await store.commit((tx) => {
      const { keys } = signer;
      writeLogRow(tx, { epoch, origin, memory, formerKeys, ...(keys && { keys }) });
      log.append(tx, {
        id: `log_${ulid(now, random(10))}`,
        type: LOG_TYPE,
        outcome: 'started',
        tenant: 'default',
        time: now,
        subject: { name: 'log', sha256: digestOf(detail) },
        principal: 'operator',
        assurance: config.assurance,
        jail: 'none',
        detail,
      });
    });
  } finally {
    await store.close();
  }
  reached('prepared');
  await rename(next, home.state);
  await syncDirectory(home.root);
  reached('begun');
  const reopened = openSqliteStore({ path: home.state, tables, sequences, create: false });
  try {
    await currentLog(home, config, reopened);
  } finally {
    await reopened.close();
  }
  reached('pinned');
  const { size, root } = before;
  const ended = { origin: before.origin, size, root: encodeHex(root) };
  return { origin, epoch, before: ended, kept, lost, forked, archive };
}

/** The first name no log of this home was signed under. */
async function createMemory(
  origin: string,
  signer: SignersLog,
): Promise<{ readonly origin: string; readonly epoch: number; readonly memory: string }> {
  for (let epoch = epochOf(origin) + 1; epoch <= EPOCHS_MAX; epoch += 1) {
    const next = originOfEpoch(origin, epoch);
    const memory = await signer.create(next, epoch);
    if (memory !== undefined) return { origin: next, epoch, memory };
  }
  throw new WarderError('unavailable', `this home had ${EPOCHS_MAX} logs`, {
    hint: 'make a new home',
  });
}

/**
 * Puts everything there is of the log where nothing is changed any more: the database with leaves and
 * openings, the files of the log, keys and config as they were.
 */
async function archiveLog(home: Home, origin: string): Promise<string> {
  const directory = join(home.root, 'archive');
  await mkdir(directory, { recursive: true, mode: 0o700 });
  let number = 1;
  const named = (): string => join(directory, `log-${epochOf(origin)}-${number}`);
  while (existsSync(named())) number += 1;
  const draft = join(directory, 'draft');
  await rm(draft, { recursive: true, force: true });
  await mkdir(draft, { mode: 0o700 });
  if (existsSync(home.log)) await cp(home.log, join(draft, 'log'), { recursive: true });
  const jwks = join(home.public, 'jwks.json');
  if (existsSync(jwks)) await copyFile(jwks, join(draft, 'jwks.json'));
  await copyFile(home.config, join(draft, 'config.json'));
  // The very file: the successor takes its place, it is not written to any more.
  await link(home.state, join(draft, 'state.db'));
  await writeDurably(join(draft, 'origin'), `${origin}\n`);
  await syncDirectory(draft);
  await rename(draft, named());
  await syncDirectory(directory);
  return named();
}

/** When no memory says what was signed last, the home's own note does, as far as it goes. */
async function publishedHead(home: Home, origin: string): Promise<Head | undefined> {
  try {
    const head = parseHead(parseNote(await readFile(join(home.log, 'checkpoint'), 'utf8')).text);
    return head.origin === origin ? head : undefined;
  } catch {
    return undefined;
  }
}

function emptyHead(): Pick<Head, 'size' | 'root'> {
  return { size: 0, root: emptyRoot() };
}

function readReason(text: string): string {
  const reason = text.trim();
  // oxlint-disable-next-line no-control-regex -- control characters are what is refused
  if (reason !== '' && reason.length <= REASON_MAX && !/[\u0000-\u001f]/.test(reason))
    return reason;
  throw new WarderError('usage', `a reason is one line of at most ${REASON_MAX} characters`, {
    hint: 'say why leaves are lost, e.g. `--reason "restored the backup of Monday"`',
  });
}

function digestOf(value: unknown): string {
  return createHash('sha256').update(canonicalBytes(value)).digest('hex');
}
