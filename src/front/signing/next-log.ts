// `warder signer new-log`: the next log of a signer, in the place of one whose leaves are lost. An act of its
// operator; nobody can ask for it.

import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { WarderError } from '../../base/errors/errors.ts';
import {
  createCheckpointMemory,
  endCheckpointMemory,
  lastSigned,
  lockMemory,
} from '../../trust/receipt/checkpoint-memory.ts';
import { makeDirectoryDurably } from '../../trust/receipt/durable-file.ts';
import type { Head } from '../../trust/verify/checkpoint.ts';
import { epochOf, originOfEpoch } from '../../trust/verify/log-start.ts';
import { editSignerConfig } from './edit-config.ts';
import { createListMemory } from './list-memory.ts';
import { checkPrivate } from './private-state.ts';
import {
  memoryFiles,
  readSignerConfig,
  type SignerConfig,
  type SignerState,
  signerState,
} from './signer-config.ts';
import {
  afterPending,
  beginning,
  createSuccession,
  currentKey,
  type KeyLine,
  type KeyRole,
  readSuccession,
  rotatedKids,
} from './succession-file.ts';

export interface NextLog {
  readonly origin: string;
  /** The last head that was signed of the log before; undefined when the memory of it is lost. */
  readonly before?: Head;
  /** Thumbprints of the keys: they sign on, under the new name. */
  readonly kids: Readonly<Record<KeyRole, string>>;
}

/** What is durable after each. */
export type NextLogStep = 'remembered' | 'begun' | 'ended';

const EPOCHS_MAX = 1000;
const DIRECTORY = /^log-[1-9]\d{0,8}$/;

/**
 * Ends the log of a signer that does not run, and begins the next one.
 *
 * Nothing has happened before the step `begun`; from it on the signer signs for the new log, and its next start ends
 * the memory of the old one if that is still to be done.
 *
 * @param root its state directory. Absolute.
 * @param origin of the log that is to end: whether its leaves are lost, the signer cannot see.
 * @param reached told of each step; tests end the process there.
 * @throws WarderError `conflict` when it signs for another log, the next one maybe; `unavailable` when it runs, or
 *   nothing says which of its keys signs.
 */
export async function beginNextLog(
  root: string,
  origin: string,
  reached: (step: NextLogStep) => void = () => {},
): Promise<NextLog> {
  const state = signerState(root);
  checkPrivate(root);
  // Which log that is may change until the memory of it is held.
  const { memory: held } = memoryFiles(state, readSignerConfig(state).memory);
  const lock = lockMemory(held);
  try {
    const config = readSignerConfig(state);
    const files = memoryFiles(state, config.memory);
    if (config.origin !== origin || files.memory !== held) {
      throw new WarderError('conflict', `this signer signs for \`${config.origin}\``, {
        hint: 'a log is ended once: start the signer, and see what `warder receipts new-log` says',
      });
    }
    const known = await readSuccession(files.succession, origin);
    const before = (await lastSigned(files.memory, origin))?.head;
    const [directory, epoch] = freshDirectory(state, config);
    const nextOrigin = originOfEpoch(origin, epoch);
    const lines = { signing: lastLine(known.signing, config), log: lastLine(known.log, config) };
    const current = { signing: currentKey(lines.signing), log: currentKey(lines.log) };
    const next = memoryFiles(state, directory);
    await makeDirectoryDurably(join(root, directory));
    await createListMemory(next.memory, nextOrigin);
    const head = before && { origin: before.origin, size: before.size, root: before.root };
    const ended = head === undefined ? known.ended : [...known.ended, head];
    const first = beginning(current, { former: rotatedKids({ ...known, ...lines }), ended });
    await createSuccession(next.succession, nextOrigin, first);
    await createCheckpointMemory(next.memory, nextOrigin, epoch);
    reached('remembered');
    await editSignerConfig(state.config, [
      [['origin'], nextOrigin],
      [['memory'], directory],
    ]);
    reached('begun');
    await endEarlierLogs(state, { memory: directory });
    reached('ended');
    const kids = { signing: current.signing.kid, log: current.log.kid };
    return { origin: nextOrigin, kids, ...(head === undefined ? {} : { before: head }) };
  } finally {
    lock.release();
  }
}

/** Ends the memories of the logs before the one of the config: a config of then, put back, signs nothing. */
export async function endEarlierLogs(
  state: SignerState,
  { memory }: Pick<SignerConfig, 'memory'>,
): Promise<void> {
  if (memory === undefined) return;
  const earlier = readdirSync(state.root).filter(
    (name) => DIRECTORY.test(name) && numberOf(name) < numberOf(memory),
  );
  for (const directory of ['', ...earlier]) {
    const { memory: path } = memoryFiles(state, directory);
    if (existsSync(path)) await endCheckpointMemory(path);
  }
}

/**
 * A rotation that was signed counts here, though no head of the new key ever came: the home may have written it
 * down, and a key that was given up as compromised must not begin the next log.
 */
function lastLine(line: KeyLine, { keys }: SignerConfig): KeyLine {
  const next = line.pending?.new.kid;
  const isThere = keys.some(({ kid, lost }) => kid === next && lost !== true);
  return isThere ? afterPending(line) : line;
}

/** One that was begun and left is not gone on with: nobody knows what it signed. */
function freshDirectory(
  { root }: SignerState,
  { origin, memory = 'log-1' }: SignerConfig,
): readonly [string, number] {
  const last = Math.max(epochOf(origin), numberOf(memory));
  for (let epoch = last + 1; epoch <= EPOCHS_MAX; epoch += 1) {
    const directory = `log-${epoch}`;
    if (!existsSync(join(root, directory))) return [directory, epoch];
  }
  throw new WarderError('unavailable', `this signer had ${EPOCHS_MAX} logs`, {
    hint: 'make a new signer and a new home',
  });
}

function numberOf(directory: string): number {
  return Number(directory.slice('log-'.length));
}
