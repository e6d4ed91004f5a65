// Opens the keys of a home: which one signs the store says, and the config is put right if it lags behind.

import { WarderError } from '../../base/errors/errors.ts';
import type { Store } from '../../base/store/store.ts';
import { type KeyRow, readHistory, readLogHistory } from '../../trust/keyring/key-history.ts';
import { Keyring } from '../../trust/keyring/keyring.ts';
import type { HeadMemory } from '../../trust/receipt/head-memory.ts';
import { leafSequence } from '../../trust/receipt/receipt-log.ts';
import type { OpenedSigner } from '../../trust/signer/checked-signer.ts';
import type { PublicJwk } from '../../trust/signer/signer.ts';
import type { TrustedKeys } from '../../trust/verify/keys.ts';
import type { Config, KeyPin } from '../config/config.ts';
import type { Home } from '../config/home.ts';
import { pinKey } from '../config/pin.ts';
import type { LogKeys } from '../signing/log-keys.ts';
import { openOwnKeys } from '../signing/own-keys.ts';
import { openRemoteKeys, type RemoteKeysOptions, signerProcessOf } from '../signing/remote-keys.ts';
import { keyAccess } from './key-access.ts';
import { knownKey } from './known-key.ts';
import { type LostKey, lostKey } from './lost-key.ts';

/** What is done about a key that cannot be opened. Nothing, when all is absent. */
export interface KeyTrouble {
  /** A key that is not there any more: what it has signed is known, and it signs nothing. */
  readonly lost?: LostKey;
  /** Keys whose device is away are waited for; a line of the log about each. */
  readonly note?: (line: string) => void;
}

/** The keys of a home, opened. */
export interface HomeKeys {
  readonly keyring: Keyring;
  /** Where the signers stand with the log. */
  readonly memory: HeadMemory;
  /** The first row of the history, still to be written: this home was never served before. */
  readonly first?: KeyRow;
  /** Opens a key with everything that is asked before the signing key signs. */
  openSigning(uri: string, kid?: string): Promise<OpenedSigner>;
  /** The same for a key of the log. */
  openLog(uri: string, kid?: string): Promise<OpenedSigner>;
  /** From here on rotations are those of that key of the log. */
  useLog(log: OpenedSigner): void;
  /** From here on nothing is signed elsewhere before this resolves: whether the log is the one that was signed. */
  holdTo(held: () => Promise<void>): void;
  /** Closes the keys in use, and lets another process sign. */
  close(): Promise<void>;
}

/**
 * Opens log key and signing key.
 *
 * @param now wall milliseconds.
 * @throws WarderError `unavailable` when a key cannot be used, or the config pins one that the store does
 *   not know.
 */
export async function openKeys(
  home: Home,
  config: Config,
  store: Store,
  now: number,
  { lost, note }: KeyTrouble = {},
): Promise<HomeKeys> {
  const { origin } = config.log;
  const history = store.read(readHistory);
  const logHistory = store.read(readLogHistory);
  if (history.length === 0) checkNeverServed(store);
  const pin = await currentPin(home, 'key', config.key, history);
  const logKey = await currentPin(home, 'logKey', config.logKey, logHistory);
  let keyring: Keyring | undefined;
  let held = (): Promise<void> => Promise.resolve();
  const lostLog = lost === 'log' ? lostKey(home, logKey.kid, logHistory) : undefined;
  const rows = [...history, ...logHistory];
  const known = (kid: string): PublicJwk | undefined => knownKey(home, kid, rows);
  const keys = await openLogKeys(home, { ...config, logKey }, () => keyring?.trusted ?? [], {
    ...(lostLog === undefined ? {} : { lostLog }),
    ...(note === undefined ? {} : { away: { known, note } }),
    held: () => held(),
  });
  const signers = new Set([keys.log]);
  const kept = async (opening: Promise<OpenedSigner>): Promise<OpenedSigner> => {
    const signer = await opening;
    signers.add(signer);
    return signer;
  };
  const openSigning: HomeKeys['openSigning'] = (uri, kid) => kept(keys.openSigning(uri, kid));
  /** Those that a rotation put aside, too: the process behind one would keep this one alive. */
  const close = async (): Promise<void> => {
    await Promise.all([...signers].map((signer) => signer.close()));
    await keys.close();
  };
  try {
    const signing =
      lost === 'signing' ? lostKey(home, pin.kid, history) : await openSigning(pin.uri, pin.kid);
    const first: KeyRow = { jwk: signing.key, uri: pin.uri, since: now, heads: { from: 0 } };
    const all = history.length > 0 ? history : [first];
    const opened = await Keyring.open(origin, keys.log, signing, all, logHistory);
    keyring = opened;
    return {
      keyring: opened,
      memory: keys.memory,
      openSigning,
      openLog: (uri, kid) => kept(keys.openLog(uri, kid)),
      useLog: (log) => keys.useLog(log),
      holdTo: (asked) => {
        held = asked;
      },
      close,
      ...(history.length > 0 ? {} : { first }),
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** In this process, or in the signer process that the config names. */
function openLogKeys(
  home: Home,
  config: Config,
  trusted: () => TrustedKeys,
  more: Pick<RemoteKeysOptions, 'lostLog' | 'away' | 'held'>,
): Promise<LogKeys> {
  const { logKey } = config;
  const { origin, memory } = config.log;
  const access = keyAccess(home, config);
  const elsewhere = signerProcessOf(logKey);
  if (elsewhere === undefined) {
    return openOwnKeys({ origin, memory, logKey, access, trusted, ...more });
  }
  return openRemoteKeys(elsewhere, { origin, logKey, access, ...more });
}

/** A history that was lost is not begun anew: a key that was rotated would be back. */
function checkNeverServed(store: Store): void {
  const events = { where: { type: 'key' }, limit: 1 };
  if (store.read((reader) => reader.entries(leafSequence, events)).length === 0) return;
  throw new WarderError('unavailable', 'the history of the signing keys is gone', {
    hint: 'restore `state.db` from a backup; nothing is signed meanwhile',
  });
}

/**
 * The key to open. A rotation is durable in the store before the config names the new key: one that the
 * store has retired is never used again, whatever the config says.
 */
async function currentPin(
  home: Home,
  member: 'key' | 'logKey',
  pin: KeyPin,
  history: readonly KeyRow[],
): Promise<KeyPin> {
  const current = history.at(-1);
  // The operator may say another way to the same key.
  if (current === undefined || current.jwk.kid === pin.kid) return pin;
  if (!history.some(({ jwk }) => jwk.kid === pin.kid)) {
    throw new WarderError(
      'unavailable',
      `config.json pins the key \`${pin.kid}\`, which this home never signed with`,
      { hint: `the store names \`${current.jwk.kid}\`: restore both from one backup` },
    );
  }
  const pinned = { uri: current.uri, kid: current.jwk.kid };
  await pinKey(home.config, member, pinned);
  return pinned;
}
