// Which log a home writes: the store says, and config and files follow when a new log was begun.

import { rm } from 'node:fs/promises';
import { WarderError } from '../../base/errors/errors.ts';
import type { Reader, Store, Table, Tx } from '../../base/store/store.ts';
import { endCheckpointMemory } from '../../trust/receipt/checkpoint-memory.ts';
import { epochOf, originOfEpoch } from '../../trust/verify/log-start.ts';
import type { Config } from '../config/config.ts';
import type { Home } from '../config/home.ts';
import { pinKey, pinLog } from '../config/pin.ts';
import type { PinnedKeys } from './signers-log.ts';

/** The log of a home that had another before. */
export interface LogRow {
  readonly epoch: number;
  readonly origin: string;
  /** The signer's memory of it. */
  readonly memory: string;
  /** Thumbprints of the keys that signed for the logs before and do so no longer: none comes back. */
  readonly formerKeys: readonly string[];
  /** The keys it began with; those that the config pinned when absent. */
  readonly keys?: PinnedKeys;
}

/** Table `meta`, as this file uses it. */
const logTable: Table<LogRow> = { name: 'meta', indexes: {} };
const TENANT = 'default';
const KEY = 'log';

/** None in a home that has its first log. */
export function readLogRow(reader: Reader): LogRow | undefined {
  return reader.get(logTable, TENANT, KEY);
}

/** In the transaction of the first leaf. */
export function writeLogRow(tx: Tx, row: LogRow): void {
  tx.put(logTable, TENANT, KEY, row);
}

/**
 * The config with the log that the store has leaves of. One that was begun, and not finished because the
 * process was killed, is finished.
 *
 * @throws WarderError `unavailable` when the config names a log that is none of this home.
 */
export async function currentLog(home: Home, config: Config, store: Store): Promise<Config> {
  const row = store.read(readLogRow);
  const { origin, memory } = config.log;
  if (row === undefined || row.origin === origin) return config;
  const epoch = epochOf(origin);
  if (epoch >= row.epoch || origin !== originOfEpoch(row.origin, epoch)) {
    throw new WarderError('unavailable', `config.json names the log \`${origin}\``, {
      hint: `the store has leaves of \`${row.origin}\`: restore both from one backup`,
    });
  }
  // They are in the archive, and of the log before.
  await rm(home.log, { recursive: true, force: true });
  const log = { origin: row.origin, memory: row.memory };
  const { key, logKey } = row.keys ?? config;
  if (row.keys !== undefined) {
    await pinKey(home.config, 'key', key);
    await pinKey(home.config, 'logKey', logKey);
  }
  // Last: with it all of this is done.
  await pinLog(home.config, log);
  await endCheckpointMemory(memory);
  return { ...config, key, logKey, log: { ...config.log, ...log } };
}
