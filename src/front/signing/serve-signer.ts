// The life of a signer process: its own config, its own memory, its own ways in; drains on SIGTERM.

import { type Clock, systemClock } from '../../base/clock/clock.ts';
import { asWarderError, WarderError } from '../../base/errors/errors.ts';
import type { HeadMemory, SignedHead } from '../../trust/receipt/head-memory.ts';
import type { OpenedSigner } from '../../trust/signer/checked-signer.ts';
import type { SignKind } from '../../trust/signer/signer.ts';
import { ceilingAdmitter } from './ceilings.ts';
import type { Door, DoorParts } from './door.ts';
import { goneSigner } from './gone-signer.ts';
import { openHttpsDoor } from './https-door.ts';
import type { ListenAddress } from './listen-address.ts';
import { endEarlierLogs } from './next-log.ts';
import { type OwnRules, openOwnKeys } from './own-keys.ts';
import { checkPrivate } from './private-state.ts';
import {
  memoryFiles,
  type OwnKey,
  readSignerConfig,
  type SignerConfig,
  type SignerState,
  signerState,
} from './signer-config.ts';
import { SignerDesk } from './signer-desk.ts';
import { openSocketDoor } from './socket-door.ts';
import { Succession } from './succession.ts';

/** A signer process, opened. */
export interface RunningSigner {
  readonly origin: string;
  readonly addresses: readonly string[];
  /** Takes nothing more, answers what was asked, closes keys and memory. */
  close(): Promise<void>;
}

export interface SignerOptions {
  readonly version: string;
  /** In the place of what the config says. */
  readonly listen?: readonly ListenAddress[];
  readonly clock?: Clock;
  /** A line for its log. */
  readonly note?: (line: string) => void;
}

/**
 * Opens a signer: keys, memory, then the ways in.
 *
 * @param root its state directory, made by `signer init`. Absolute.
 * @throws WarderError `unavailable` when another process has it, or a part is missing or damaged: what is
 *   missing of its memory never means that nothing was signed.
 */
export async function openSignerProcess(
  root: string,
  { version, listen, clock = systemClock, note = () => {} }: SignerOptions,
): Promise<RunningSigner> {
  const state = signerState(root);
  checkPrivate(root);
  const config = readSignerConfig(state);
  await endEarlierLogs(state, config);
  const signer = await openKeys(state, config, clock);
  const { keys, memory, succession } = signer;
  const desk = new SignerDesk({
    origin: config.origin,
    keys,
    memory,
    useOf: (kid) => succession.useOf(kid),
    ended: succession.ended,
    version,
    monotonic: () => clock.monotonic(),
  });
  const doors: Door[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(doors.map((door) => door.close()));
    await signer.close();
  };
  try {
    for (const address of listen ?? config.listen) {
      doors.push(await openDoor(address, config, { desk, note }));
    }
  } catch (error) {
    await close();
    throw error;
  }
  return { origin: config.origin, addresses: doors.map(({ address }) => address), close };
}

interface OpenedKeys {
  readonly keys: ReadonlyMap<string, OpenedSigner>;
  readonly memory: HeadMemory;
  readonly succession: Succession;
  close(): Promise<void>;
}

async function openKeys(
  state: SignerState,
  config: SignerConfig,
  clock: Clock,
): Promise<OpenedKeys> {
  const { origin, ceilings } = config;
  const files = memoryFiles(state, config.memory);
  const signingPins = config.keys.filter(({ role }) => role === undefined);
  const logPins = [
    { ...config.logKey, role: 'log' as const },
    ...config.keys.filter(({ role }) => role === 'log'),
  ];
  const kidsOf = (pins: readonly OwnKey[]): readonly string[] => pins.map(({ kid }) => kid);
  const succession = await Succession.open({
    path: files.succession,
    origin,
    kids: { signing: kidsOf(signingPins), log: kidsOf(logPins) },
    clock,
  });
  const kindsOf = new Map([...signingPins, ...logPins].map(({ kid, kinds }) => [kid, kinds]));
  const rules: OwnRules = {
    admitters: (memory) => {
      const { before, after } = succession.admitters(memory);
      return { before: [...before, ceilingAdmitter(ceilings, clock)], after };
    },
    logKey: () => succession.current('log'),
    isLogKey: (kid) => succession.isLogKey(kid),
    // A caller verifies each key by a probe before it relies on it.
    kinds: (kid, all) => ['probe', ...all.filter((kind) => allows(kindsOf.get(kid), kind))],
  };
  const access = { home: state.root, modules: config.pkcs11.modules };
  const own = await openOwnKeys(
    {
      origin,
      memory: files.memory,
      logKey: config.logKey,
      access,
      trusted: () => succession.trusted,
      // Which key is the log's changes here while it runs: all are opened below.
      lostLog: goneSigner(succession.current('log')),
    },
    rules,
  );
  const opened: OpenedSigner[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(opened.map((each) => each.close()));
    await own.close();
  };
  try {
    for (const { uri, kid, role, lost } of [...signingPins, ...logPins]) {
      if (lost === true) continue;
      const opening = role === 'log' ? own.openLog(uri, kid) : own.openSigning(uri, kid);
      opened.push(await opening.catch((error: unknown) => withRemedy(error, kid)));
    }
    const keys = new Map(opened.map((each) => [each.key.kid, each]));
    const memory: HeadMemory = { last: () => lastHead(own.memory, succession) };
    return { keys, memory, succession, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** A key that is gone keeps its signer from starting: whether it is for good its operator knows. */
function withRemedy(thrown: unknown, kid: string): never {
  const { code, message, hint = 'bring it back', data } = asWarderError(thrown);
  const forGood = 'if it is gone for good, say `"lost": true` at it in signer.json, and rotate it';
  throw new WarderError(code, `the key \`${kid}\` of the signer: ${message}`, {
    cause: thrown,
    data,
    hint: data['signer'] === 'auth' ? hint : `${hint}; ${forGood}`,
  });
}

/** What the daemon has to know before it asks for the next head. */
async function lastHead(memory: HeadMemory, succession: Succession): Promise<SignedHead> {
  const last = await memory.last();
  const rotation = succession.awaited;
  return rotation === undefined ? last : { ...last, rotation };
}

function allows(kinds: readonly SignKind[] | undefined, kind: SignKind): boolean {
  return kinds === undefined || kinds.includes(kind);
}

function openDoor(address: ListenAddress, { tls }: SignerConfig, parts: DoorParts): Promise<Door> {
  if (address.scheme === 'unix') return openSocketDoor(address.path, parts);
  if (tls !== undefined) return openHttpsDoor(address, tls, parts);
  throw new WarderError('usage', '`tls` is needed to listen on https', {
    hint: 'name certificate, key and CA in signer.json; see docs/keys/remote.md',
  });
}

/** Runs a signer until SIGTERM or SIGINT; returns the exit code. */
export async function serveSigner(
  root: string,
  options: Omit<SignerOptions, 'note'> & { readonly onReady: (signer: RunningSigner) => void },
): Promise<number> {
  const { promise: asked, resolve: stop } = Promise.withResolvers<void>();
  process.once('SIGTERM', () => stop());
  process.once('SIGINT', () => stop());
  const signer = await openSignerProcess(root, { ...options, note: ownLog() }).catch(notAgain);
  options.onReady(signer);
  await asked;
  await signer.close();
  return 0;
}

/**
 * A PIN that a device refused is a config that is wrong, exit code 2: what starts this process again by itself would
 * try it again each time, until the device locks.
 */
function notAgain(thrown: unknown): never {
  if (!(thrown instanceof WarderError) || thrown.data['signer'] !== 'auth') throw thrown;
  const { message, hint = 'correct it', data } = thrown;
  throw new WarderError('usage', message, {
    cause: thrown,
    hint: `${hint}; then start the signer again`,
    data,
  });
}

/** Its stderr; somebody who asks nonsense all day fills no disk. */
function ownLog(): (line: string) => void {
  let second = 0;
  let lines = 0;
  return (line) => {
    const now = Math.floor(systemClock.monotonic() / 1000);
    if (now !== second) [second, lines] = [now, 0];
    lines += 1;
    if (lines <= LINES_PER_SECOND) process.stderr.write(`${line.slice(0, 500)}\n`);
  };
}

const LINES_PER_SECOND = 5;
