// Keys that sign in this process: each with the admitters of its kinds and the one memory of the log. The daemon's
// own keys and those of the signer process are opened here, so that neither asks less than the other.

import { possessionAdmitter } from '../../trust/attest/possession.ts';
import { rotationAdmitter } from '../../trust/keyring/sign-rotation.ts';
import { leaseAdmitter } from '../../trust/lease/lease-admitter.ts';
import { revocationAdmitter } from '../../trust/lease/revocation-admitter.ts';
import {
  type LogAdmitter,
  openCheckpointAdmitter,
} from '../../trust/receipt/checkpoint-admitter.ts';
import { statementAdmitter } from '../../trust/receipt/statement-admitter.ts';
import type { OpenedSigner } from '../../trust/signer/checked-signer.ts';
import { type KeyAccess, openSigner } from '../../trust/signer/open-signer.ts';
import { logKeyRoles, signingKeyRoles } from '../../trust/signer/roles.ts';
import type { Admitter, PublicJwk, SignKind } from '../../trust/signer/signer.ts';
import type { TrustedKeys } from '../../trust/verify/keys.ts';
import type { KeyPin } from '../config/config.ts';
import { type AwayKeys, openOrWait } from './away-keys.ts';
import { openListMemory } from './list-memory.ts';
import type { LogKeys } from './log-keys.ts';
import type { SuccessionAdmitters } from './succession.ts';

export interface OwnKeysOptions {
  readonly origin: string;
  /** The signer's memory of the log. Absolute. */
  readonly memory: string;
  readonly logKey: KeyPin;
  readonly access: KeyAccess;
  /** Every key there was: what a delegated lease may stand on. */
  readonly trusted: () => TrustedKeys;
  /** What stands for a log key that is lost, so that another can take its place. */
  readonly lostLog?: OpenedSigner;
  /** For a daemon that starts; without it a key whose device is away is an error. */
  readonly away?: AwayKeys;
}

/** What a signer process asks besides: it takes nobody's word. */
export interface OwnRules {
  /** Before anything is remembered, and after everything is. */
  readonly admitters: (memory: LogAdmitter) => SuccessionAdmitters;
  /** The log key of now. */
  readonly logKey: () => PublicJwk;
  /** Whether a key speaks for the log in a rotation. */
  readonly isLogKey: (kid: string) => boolean;
  /** What a key may sign. */
  readonly kinds: (kid: string, kinds: readonly SignKind[]) => readonly SignKind[];
}

/**
 * Opens the log key and the memory.
 *
 * @param own of a signer process.
 * @throws WarderError `unavailable` when the memory or the key cannot be used.
 */
export async function openOwnKeys(options: OwnKeysOptions, own?: OwnRules): Promise<LogKeys> {
  const memory = await openCheckpointAdmitter(options.memory, options.origin);
  try {
    return await openWith(memory, options, own);
  } catch (error) {
    await memory.close();
    throw error;
  }
}

async function openWith(
  memory: LogAdmitter,
  { origin, memory: path, logKey, access, trusted, lostLog, away }: OwnKeysOptions,
  own: OwnRules | undefined,
): Promise<LogKeys> {
  const lists = await openListMemory(path, origin, own === undefined ? 'none' : 'lost');
  const rotations = rotationAdmitter(origin, own?.isLogKey ?? ((kid) => kid === log.key.kid));
  const attestations = possessionAdmitter(origin);
  const { before, after } = own?.admitters(memory) ?? { before: [], after: [] };
  const kinds = own?.kinds ?? ((_kid, all) => all);
  const open = (
    uri: string,
    kid: string | undefined,
    roles: readonly SignKind[],
    asked: readonly Admitter[],
  ): Promise<OpenedSigner> => {
    const rules = { roles: kinds(kid ?? '', roles), admitters: asked };
    return openOrWait({ uri, kid, roles: rules.roles, away }, () =>
      openSigner(uri, { ...access, ...(kid === undefined ? {} : { kid }), ...rules }),
    );
  };
  const openLog = (uri: string, kid?: string): Promise<OpenedSigner> =>
    open(uri, kid, logKeyRoles, [rotations, attestations, ...before, memory, ...after]);
  let log = lostLog ?? (await openLog(logKey.uri, logKey.kid));
  // What remembers comes last: what is refused leaves nothing.
  const admitters = [
    leaseAdmitter(origin, trusted),
    rotations,
    statementAdmitter(origin, own?.logKey ?? (() => log.key)),
    attestations,
    ...before,
    memory.leases,
    memory,
    ...after,
    revocationAdmitter(origin, lists),
  ];
  return {
    log,
    memory,
    openLog,
    useLog: (next) => {
      log = next;
    },
    openSigning: (uri, kid) => open(uri, kid, signingKeyRoles, admitters),
    close: async () => {
      await log.close();
      await memory.close();
    },
  };
}
