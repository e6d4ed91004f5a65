// Keys that sign in a signer process: everything that is asked before they sign is asked there.

import { dirname, resolve } from 'node:path';
import { decodeBase64 } from '../../base/encoding/base64.ts';
import { decodeBase64url } from '../../base/encoding/base64url.ts';
import { isJsonObject, type Json } from '../../base/encoding/json.ts';
import { WarderError } from '../../base/errors/errors.ts';
import { rotationAdmitter } from '../../trust/keyring/sign-rotation.ts';
import type { HeadMemory, HeadSignature, SignedHead } from '../../trust/receipt/head-memory.ts';
import {
  formatKeyUri,
  isRemote,
  parseKeyUri,
  type RemoteKeyUri,
} from '../../trust/signer/key-uri.ts';
import type { OpenedSigner, SignerRules } from '../../trust/signer/checked-signer.ts';
import { type KeyAccess, openSigner } from '../../trust/signer/open-signer.ts';
import { OpenedOnce } from '../../trust/signer/opened-once.ts';
import type { SignerChannel } from '../../trust/signer/remote/channel.ts';
import { answerObject, nonsense } from '../../trust/signer/remote/protocol.ts';
import { openChannel, readRemoteKeys } from '../../trust/signer/remote/remote-key.ts';
import { logKeyRoles, signingKeyRoles } from '../../trust/signer/roles.ts';
import type { Admitter } from '../../trust/signer/signer.ts';
import { signerTrouble } from '../../trust/signer/trouble.ts';
import { START_PATIENCE_MS, within } from '../../trust/signer/within.ts';
import { epochOf, originOfEpoch } from '../../trust/verify/log-start.ts';
import { HASH_SIZE } from '../../trust/verify/merkle.ts';
import type { KeyPin } from '../config/config.ts';
import { type AwayKeys, openOrWait } from './away-keys.ts';
import type { LogKeys } from './log-keys.ts';
import type { KeyRole } from './succession-file.ts';

export interface RemoteKeysOptions {
  readonly origin: string;
  readonly logKey: KeyPin;
  readonly access: KeyAccess;
  /** For a daemon that starts; without it a signer process that is away is an error. */
  readonly away?: AwayKeys;
  /** What stands for a log key that is lost, so that another can take its place. */
  readonly lostLog?: OpenedSigner;
  /**
   * Asked before anything is signed: whether the log is the one that the signer process remembers. While that is
   * away nobody could say, and a lease whose leaf is of another history would stay between it and every head.
   */
  readonly held?: () => Promise<void>;
}

/** The signer process that holds the log key of a home; undefined when that signs in this process. */
export function signerProcessOf(logKey: KeyPin): RemoteKeyUri | undefined {
  const uri = parseKeyUri(logKey.uri);
  return isRemote(uri) ? uri : undefined;
}

/** Directory of the socket of a signer process, and where it is at home there, of its state: no grant reaches it. */
export function signerDirectory(logKey: KeyPin, home: string): readonly string[] {
  const uri = signerProcessOf(logKey);
  return uri?.scheme === 'unix' ? [dirname(resolve(home, uri.path))] : [];
}

/**
 * Opens the log key and the way to what the signer process remembers.
 *
 * @throws WarderError `unavailable` when it cannot be reached, or remembers another log.
 */
export async function openRemoteKeys(
  process: RemoteKeyUri,
  { origin, logKey, access, away, lostLog, held = () => Promise.resolve() }: RemoteKeysOptions,
): Promise<LogKeys> {
  const channel = openChannel(process, access.home);
  const signerOfLog = new OpenedOnce(() => checkOrigin(channel, origin));
  const open = (uri: string, kid: string, rules: SignerRules): Promise<OpenedSigner> =>
    openOrWait({ uri, kid, roles: rules.roles, away }, async () => {
      await signerOfLog.get();
      return openSigner(uri, { ...access, kid, ...rules });
    });
  try {
    // Of the one kind whose form its admitter knows; what else is asked, the signer process asks.
    const admitters = [
      rotationAdmitter(origin, (kid) => kid === log.key.kid),
      ...signingKeyRoles.map((kind): Admitter => ({ kind, admit: held })),
    ];
    const openAs =
      (role: KeyRole) =>
      async (uri: string, kid?: string): Promise<OpenedSigner> => {
        if (formatKeyUri(parseKeyUri(uri)) !== formatKeyUri(process)) throw elsewhere(logKey.uri);
        const named = kid ?? (await nextKey(channel, role));
        const roles = role === 'log' ? logKeyRoles : signingKeyRoles;
        return open(uri, named, { roles, admitters });
      };
    const openLog = openAs('log');
    let log = lostLog ?? (await openLog(logKey.uri, logKey.kid));
    return {
      log,
      memory: remoteMemory(channel, signerOfLog, origin),
      openSigning: openAs('signing'),
      openLog,
      useLog: (next) => {
        log = next;
      },
      close: async () => {
        await log.close();
        await channel.close();
      },
    };
  } catch (error) {
    await channel.close();
    throw error;
  }
}

/** @throws WarderError `unavailable` when it cannot be reached, or remembers another log. */
async function checkOrigin(channel: SignerChannel, origin: string): Promise<void> {
  const keys = readRemoteKeys(channel);
  // It has its keys at hand: one that hangs holds up no start of a daemon.
  const { origin: its } = await within(START_PATIENCE_MS, keys, silent);
  if (its !== origin) throw otherLog(its, origin);
}

function silent(): WarderError {
  return signerTrouble('transient', 'the signer process does not answer', {
    hint: 'look at its log, and whether it was stopped',
  });
}

/** What is wrong when a signer process signs for `its` and the home is of `origin`. */
export function otherLog(its: string, origin: string): WarderError {
  const epoch = epochOf(its);
  const later = epoch > epochOf(origin) && its === originOfEpoch(origin, epoch);
  return signerTrouble('misconfigured', 'the signer process signs for another log', {
    hint: later
      ? 'its operator began the next log of this home: `warder receipts new-log --reason TEXT` takes it up'
      : `it signs for \`${its.slice(0, 100)}\`: each home has a signer process of its own`,
  });
}

async function nextKey(channel: SignerChannel, role: KeyRole): Promise<string> {
  const { keys } = await readRemoteKeys(channel);
  // The key of the log is the one that witnesses take.
  const found = keys.find(({ use, jwk }) => {
    return use === 'next' && (jwk.alg === 'EdDSA') === (role === 'log');
  });
  if (found !== undefined) return found.jwk.kid;
  const flag = role === 'log' ? ' --role log' : '';
  throw new WarderError('usage', 'the signer process has no key that could come next', {
    hint: `make one there: \`warder signer add-key --state DIR${flag}\`, and start it again`,
  });
}

function elsewhere(uri: string): WarderError {
  return new WarderError('usage', 'both keys of a home are in one signer process, or in none', {
    hint: `its log key is \`${uri}\`, and so is what was signed so far`,
  });
}

/** What a signer process remembers. In one life of the daemon it never remembers less than before. */
function remoteMemory(
  channel: SignerChannel,
  signerOfLog: OpenedOnce<void>,
  origin: string,
): HeadMemory {
  let most = 0;
  return {
    last: async () => {
      // At the start of a daemon keys and memory find out once that it is away.
      await signerOfLog.get();
      const head = readHead(await channel.ask({ ask: 'last' }), origin);
      if (head.size < most) {
        throw new WarderError(
          'verification-failed',
          `the signer process remembers ${head.size} leaves, and signed ${most}: its memory was put back`,
          { hint: 'see who restored its state; a head that was signed is never unsigned' },
        );
      }
      most = head.size;
      return head;
    },
  };
}

/** The answer to `last`. @throws WarderError `unavailable` when it is none, or of another log. */
export function readHead(json: Json, expected: string): SignedHead {
  const answer = answerObject(json);
  const { origin } = answer;
  if (typeof origin !== 'string') throw nonsense();
  // It may have been started anew, for the next log.
  if (origin !== expected) throw otherLog(origin, expected);
  try {
    const { epoch, size, root, signatures, unproven, rotation } = answer;
    if (!isCount(epoch) || !isCount(size)) throw new TypeError('no head');
    const hash = typeof root === 'string' ? decodeBase64(root) : new Uint8Array();
    if (hash.length !== HASH_SIZE) throw new TypeError('no root');
    if (!Array.isArray(signatures) || !Array.isArray(unproven)) throw new TypeError('no lists');
    const leases = unproven as readonly Json[];
    const hashes = readHashes(answer['unprovenHashes']);
    if (hashes !== undefined && hashes.length !== leases.length) throw new TypeError('no hashes');
    if (!leases.every(isCount)) throw new TypeError('no leaf numbers');
    return {
      origin,
      epoch,
      size,
      root: hash,
      signatures: (signatures as readonly Json[]).map(readSignature),
      unproven: leases,
      ...(hashes === undefined ? {} : { unprovenHashes: hashes }),
      ...(rotation === undefined ? {} : { rotation: readDigest(rotation) }),
    };
  } catch (cause) {
    throw nonsense(cause);
  }
}

function readSignature(json: Json): HeadSignature {
  if (!isJsonObject(json)) throw new TypeError('no signature');
  const { kid, signature } = json;
  if (typeof kid !== 'string' || typeof signature !== 'string') throw new TypeError('no signature');
  return { kid, signature: decodeBase64url(signature) };
}

function readHashes(json: Json | undefined): readonly Uint8Array[] | undefined {
  if (json === undefined) return undefined;
  if (!Array.isArray(json)) throw new TypeError('no list');
  return (json as readonly Json[]).map((each) => {
    const hash = typeof each === 'string' ? decodeBase64(each) : new Uint8Array();
    if (hash.length !== HASH_SIZE) throw new TypeError('no hash');
    return hash;
  });
}

function readDigest(json: Json): string {
  if (typeof json === 'string' && /^[0-9a-f]{64}$/.test(json)) return json;
  throw new TypeError('no digest');
}

function isCount(value: Json | undefined): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
