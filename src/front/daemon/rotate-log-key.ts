// Rotating the key of the log. The log keeps its name; heads up to now are the old key's, larger ones the new one's.

import { asWarderError, WarderError } from '../../base/errors/errors.ts';
import { rotationEvent } from '../../gate/key-events.ts';
import { extendLogHistory, historyAfter, type KeyRow } from '../../trust/keyring/key-history.ts';
import { rotationDigest, signRotation } from '../../trust/keyring/sign-rotation.ts';
import type { RotationClaims } from '../../trust/verify/rotation.ts';
import { pinKey } from '../config/pin.ts';
import type { Runtime } from './compose.ts';
import { checkAlgorithm, makeNextKey } from './next-key.ts';
import {
  refuseKnown,
  type Rotated,
  type RotationParts,
  type RotationRequest,
  type RotationStep,
  uriOf,
} from './rotate-key.ts';

export type LogRotationParts = RotationParts & Pick<Runtime, 'openLog' | 'useLog'>;

/**
 * Puts a new key of the log in the place of the current one, while calls go on.
 *
 * The statement is signed by the old key, the new one and the one that signs leases; without the old one when
 * somebody else has it. Steps and what a crash leaves are those of {@link rotateKey}.
 *
 * @param reached told of each step; tests end the process there.
 * @throws WarderError `usage` for a key that cannot be; `unavailable` when a key cannot sign; `conflict` when
 *   another rotation came first.
 */
export async function rotateLogKey(
  parts: LogRotationParts,
  request: RotationRequest,
  reached: (step: RotationStep) => void = () => {},
): Promise<Rotated> {
  const { keys, receipts, gate, openLog, useLog } = parts;
  if ((request.graceSeconds ?? 0) !== 0) {
    throw new WarderError('usage', 'there is no grace for a key of the log', {
      hint: 'leave `--grace` out',
    });
  }
  const compromised = request.compromised === true;
  const uri = await makeNextKey(parts, 'log', uriOf(named(parts)), request.key);
  reached('made');
  const next = await openLog(uri);
  const old = keys.log;
  try {
    checkAlgorithm('log', next.key.alg);
    refuseKnown(next.key.kid, keys, gate);
    await next.ready();
    await receipts.checkpointer.still(async () => {
      const iat = Math.floor(gate.now() / 1000);
      const claims: RotationClaims = {
        iss: keys.origin,
        seq: keys.logHistory.length,
        iat,
        old: old.key.kid,
        new: next.key,
        size: gate.log.size,
        until: iat,
        role: 'log',
        ...(compromised ? { compromised } : {}),
      };
      const signers = [next, keys.signing, ...(compromised ? [] : [old])];
      const rotation = await signRotation(claims, signers);
      reached('signed');
      const history = historyAfter(named(parts), claims, rotation, uri, gate.now());
      const trusted = await keys.trustedAfter(keys.history, history);
      await parts.administration.record((tx) => {
        extendLogHistory(tx, history);
        return [undefined, rotationEvent(claims, rotationDigest(rotation))];
      });
      reached('recorded');
      keys.adoptLog(next, history, trusted);
      useLog(next);
    });
  } catch (error) {
    if (keys.log !== next) await next.close();
    throw error;
  }
  await old.close();
  const { kid } = next.key;
  const done = {
    old: old.key.kid,
    kid,
    uri,
    graceUntil: keys.logHistory.at(-2)?.retired?.until ?? 0,
  };
  try {
    await pinKey(parts.home.config, 'logKey', { uri, kid });
    reached('pinned');
    // No proof is given any more under a head that counts for nobody.
    if (compromised) await receipts.checkpointer.current();
    await parts.publish();
    reached('published');
    return done;
  } catch (thrown) {
    return { ...done, unfinished: asWarderError(thrown).message };
  }
}

/** Where the first key is, the config alone says as long as it has no row. */
function named({ keys, config }: RotationParts): readonly KeyRow[] {
  return keys.logHistory.map((row) => (row.uri === '' ? { ...row, uri: config.logKey.uri } : row));
}
