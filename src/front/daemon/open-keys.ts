// Opens the keys of a home: which one signs the store says, and the config is put right if it lags behind.

import { WarderError } from '../../base/errors/errors.ts';
import type { Store } from '../../base/store/store.ts';
import { possessionAdmitter } from '../../trust/attest/possession.ts';
import { type KeyRow, readHistory } from '../../trust/keyring/key-history.ts';
import { Keyring } from '../../trust/keyring/keyring.ts';
import { rotationAdmitter } from '../../trust/keyring/sign-rotation.ts';
import { leaseAdmitter } from '../../trust/lease/lease-admitter.ts';
import { revocationAdmitter } from '../../trust/lease/revocation-admitter.ts';
import {
  type LogAdmitter,
  openCheckpointAdmitter,
} from '../../trust/receipt/checkpoint-admitter.ts';
import type { HeadMemory } from '../../trust/receipt/head-memory.ts';
import { leafSequence } from '../../trust/receipt/receipt-log.ts';
import { statementAdmitter } from '../../trust/receipt/statement-admitter.ts';
import type { OpenedSigner } from '../../trust/signer/checked-signer.ts';
import { openSigner } from '../../trust/signer/open-signer.ts';
import { logKeyRoles, signingKeyRoles } from '../../trust/signer/roles.ts';
import type { Config, KeyPin } from '../config/config.ts';
import type { Home } from '../config/home.ts';
import { pinSigningKey } from '../config/pin-key.ts';
import { keyAccess } from './key-access.ts';
import { openListMemory } from './list-memory.ts';

/** The keys of a home, opened. */
export interface HomeKeys {
  readonly keyring: Keyring;
  /** Where the signers stand with the log. */
  readonly memory: HeadMemory;
  /** The first row of the history, still to be written: this home was never served before. */
  readonly first?: KeyRow;
  /** Opens a key with everything that is asked before the signing key signs. */
  openSigning(uri: string, kid?: string): Promise<OpenedSigner>;
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
): Promise<HomeKeys> {
  const { origin, memory } = config.log;
  const history = store.read(readHistory);
  if (history.length === 0) checkNeverServed(store);
  const pin = await currentPin(home, config.key, history);
  const checkpoints = await openCheckpointAdmitter(memory, origin);
  try {
    return await openWith(checkpoints, home, config, pin, history, now);
  } catch (error) {
    await checkpoints.close();
    throw error;
  }
}

async function openWith(
  checkpoints: LogAdmitter,
  home: Home,
  config: Config,
  pin: KeyPin,
  history: readonly KeyRow[],
  now: number,
): Promise<HomeKeys> {
  const { origin, memory } = config.log;
  const lists = revocationAdmitter(origin, await openListMemory(memory, origin));
  const rotations = rotationAdmitter(origin, config.logKey.kid);
  const attestations = possessionAdmitter(origin);
  const log = await openSigner(config.logKey.uri, {
    ...keyAccess(home, config),
    kid: config.logKey.kid,
    roles: logKeyRoles,
    admitters: [checkpoints, rotations, attestations],
  });
  let keyring: Keyring | undefined;
  const leases = leaseAdmitter(origin, () => keyring?.trusted ?? []);
  const statements = statementAdmitter(origin, () => log.key);
  const openSigning: HomeKeys['openSigning'] = (uri, kid) =>
    openSigner(uri, {
      ...keyAccess(home, config),
      ...(kid === undefined ? {} : { kid }),
      roles: signingKeyRoles,
      admitters: [
        leases,
        checkpoints.leases,
        checkpoints,
        lists,
        rotations,
        statements,
        attestations,
      ],
    });
  const signing = await openSigning(pin.uri, pin.kid);
  const first: KeyRow = { jwk: signing.key, uri: pin.uri, since: now, heads: { from: 0 } };
  const opened = await Keyring.open(origin, log, signing, history.length > 0 ? history : [first]);
  keyring = opened;
  return {
    keyring: opened,
    memory: checkpoints,
    openSigning,
    close: async () => {
      await Promise.all([opened.signing.close(), opened.log.close()]);
      await checkpoints.close();
    },
    ...(history.length > 0 ? {} : { first }),
  };
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
async function currentPin(home: Home, pin: KeyPin, history: readonly KeyRow[]): Promise<KeyPin> {
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
  await pinSigningKey(home.config, pinned);
  return pinned;
}
