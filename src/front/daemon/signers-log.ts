// What the signer's side does for the next log of a home: in this process, or in a signer process.

import { createHash } from 'node:crypto';
import { dirname, join } from 'node:path';
import { WarderError } from '../../base/errors/errors.ts';
import { createCheckpointMemory, lastSigned } from '../../trust/receipt/checkpoint-memory.ts';
import type { HeadMemory } from '../../trust/receipt/head-memory.ts';
import type { PublicJwk } from '../../trust/signer/signer.ts';
import type { Head } from '../../trust/verify/checkpoint.ts';
import { epochOf, originOfEpoch } from '../../trust/verify/log-start.ts';
import type { Config, KeyPin } from '../config/config.ts';
import type { Home } from '../config/home.ts';
import { openSignersLogs, type SignersLogs } from '../signing/remote-logs.ts';
import { otherLog, signerProcessOf } from '../signing/remote-keys.ts';

/** The keys that sign for a log, as the config pins them. */
export type PinnedKeys = Pick<Config, 'key' | 'logKey'>;

/** What the signer's side does for a new log. */
export interface SignersLog {
  /** What was signed last of the old log; undefined when the memory of it is lost. */
  last(origin: string): Promise<EndingLog | undefined>;
  /**
   * Makes the memory of the new, empty log; in a signer process its operator has.
   *
   * @returns its path as the config names it; undefined when there was a log of that name before.
   * @throws WarderError `unavailable` when the operator of a signer process has to begin it first.
   */
  create(origin: string, epoch: number): Promise<string | undefined>;
  /** The keys that sign for it; those of the config when absent. */
  readonly keys?: PinnedKeys;
  close(): Promise<void>;
}

/** A log that may end. */
export interface EndingLog {
  readonly head: Head;
  /** Leaf numbers of leases that were signed, and of which its signer has seen no head since. */
  readonly unproven: readonly number[];
  /** Hashes of those leaves, in the same order; absent when only their numbers are known. */
  readonly unprovenHashes?: readonly Uint8Array[];
  /** It has ended for its signer, whatever leaves are there. */
  readonly ended: boolean;
}

/** @throws WarderError `unavailable` when a signer process cannot be asked. */
export async function openSignersLog(home: Home, config: Config): Promise<SignersLog> {
  const uri = signerProcessOf(config.logKey);
  if (uri === undefined) return besides(config);
  const logs = await openSignersLogs(uri, home.root);
  try {
    return elsewhere(logs, config);
  } catch (error) {
    await logs.close();
    throw error;
  }
}

/** The memory that a signer in the daemon's process keeps. */
function besides({ log }: Config): SignersLog {
  return {
    last: (origin) => lastSigned(log.memory, origin),
    create: async (origin, epoch) => {
      const name = createHash('sha256').update(origin).digest('hex').slice(0, 32);
      const path = join(dirname(log.memory), `${name}.json`);
      if (await createCheckpointMemory(path, origin, epoch)) return path;
      // One that an earlier try made and nothing was signed by since.
      const last = await lastSigned(path, origin);
      return last?.ended === false && isUnused(last) ? path : undefined;
    },
    close: () => Promise.resolve(),
  };
}

/** A signer process has an operator of its own: here its logs are only looked at. */
function elsewhere(logs: SignersLogs, { log, logKey, key }: Config): SignersLog {
  const { origin: its, ended, keys, memory } = logs;
  if (its !== originOfEpoch(log.origin, epochOf(its))) throw otherLog(its, log.origin);
  const pin = (jwk: PublicJwk | undefined, before: KeyPin): KeyPin =>
    jwk === undefined ? before : { uri: logKey.uri, kid: jwk.kid };
  return {
    last: async (origin) => {
      if (origin === its) return signing(memory);
      const head = ended.find((each) => each.origin === origin);
      return head === undefined ? undefined : { head, unproven: [], ended: true };
    },
    create: async (origin, epoch) => {
      if (epochOf(its) > epoch) return undefined;
      if (origin === its && isUnused(await signing(memory))) return log.memory;
      throw new WarderError('unavailable', 'the signer process has not begun the next log', {
        hint: `its operator does: end it, \`warder signer new-log --state DIR --end ${its}\`, start it; then this again`,
      });
    },
    keys: { key: pin(keys.signing, key), logKey: pin(keys.log, logKey) },
    close: () => logs.close(),
  };
}

async function signing(memory: HeadMemory): Promise<EndingLog> {
  const { unproven, unprovenHashes = [], ...head } = await memory.last();
  return { head, unproven, unprovenHashes, ended: false };
}

function isUnused({ head, unproven }: EndingLog): boolean {
  return head.size === 0 && unproven.length === 0;
}
