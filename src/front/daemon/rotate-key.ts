// Rotating the signing key, from a new key to its pin in the config. A crash at any step leaves one key.

import { asWarderError, WarderError } from '../../base/errors/errors.ts';
import { rotationEvent } from '../../gate/key-events.ts';
import {
  extendHistory,
  historyAfter,
  type KeyRow,
  type RetiredKey,
} from '../../trust/keyring/key-history.ts';
import { rotationDigest, signRotation } from '../../trust/keyring/sign-rotation.ts';
import type { OpenedSigner } from '../../trust/signer/checked-signer.ts';
import type { RotationClaims } from '../../trust/verify/rotation.ts';
import { pinKey } from '../config/pin.ts';
import { readLogRow } from './current-log.ts';
import type { Runtime } from './compose.ts';
import { checkAlgorithm, makeNextKey } from './next-key.ts';

export interface RotationRequest {
  /** Where the new key is or shall be; see {@link makeNextKey} for when it is absent. */
  readonly key?: string;
  /** How long leases of the old key count; as long as the longest lease when absent. */
  readonly graceSeconds?: number;
  /** Nothing under the old key counts any more, and it is not asked to agree. */
  readonly compromised?: boolean;
}

export interface Rotated {
  readonly old: string;
  readonly kid: string;
  readonly uri: string;
  /** NumericDate seconds. */
  readonly graceUntil: number;
  /** What was not finished; the next start finishes it. */
  readonly unfinished?: string;
}

/** What is durable after each. */
export type RotationStep = 'made' | 'signed' | 'recorded' | 'pinned' | 'published';

export type RotationParts = Pick<
  Runtime,
  'home' | 'config' | 'keys' | 'gate' | 'receipts' | 'administration' | 'publish' | 'openSigning'
>;

/**
 * How far ahead of now a rotation is dated: what the old key signs until the change is durable must not
 * count as signed afterwards.
 */
const DATED_AHEAD_SECONDS = 3;
/** How long signatures may still be asked for that were prepared for the old key. */
const LATE_SIGNATURES_MS = 5_000;

/**
 * Puts a new signing key in the place of the current one, while calls go on.
 *
 * Before the step `recorded` nothing has happened but a key file too many; from it on the rotation stands,
 * and a start after a crash puts config and public files right.
 *
 * @param reached told of each step; tests end the process there.
 * @throws WarderError `usage` for a key or grace that cannot be; `unavailable` when a key cannot sign;
 *   `conflict` when another rotation came first.
 */
export async function rotateKey(
  parts: RotationParts,
  request: RotationRequest,
  reached: (step: RotationStep) => void = () => {},
): Promise<Rotated> {
  const { keys, receipts, gate } = parts;
  const compromised = request.compromised === true;
  const grace = checkGrace(parts, request);
  const uri = await makeNextKey(parts, 'signing', uriOf(keys.history), request.key);
  reached('made');
  const next = await parts.openSigning(uri);
  const old = keys.signing;
  try {
    checkAlgorithm('signing', next.key.alg);
    refuseKnown(next.key.kid, keys, gate);
    await next.ready();
    await receipts.checkpointer.still(async () => {
      const iat = Math.floor(gate.now() / 1000) + (compromised ? 0 : DATED_AHEAD_SECONDS);
      const claims: RotationClaims = {
        iss: keys.origin,
        seq: keys.history.length,
        iat,
        old: old.key.kid,
        new: next.key,
        size: gate.log.size,
        until: iat + grace,
        ...(compromised ? { compromised } : {}),
      };
      const signers = [next, keys.log, ...(compromised ? [] : [old])];
      const rotation = await signRotation(claims, signers);
      reached('signed');
      const history = historyAfter(keys.history, claims, rotation, uri, gate.now());
      const trusted = await keys.trustedAfter(history);
      await parts.administration.record((tx, now) => {
        if (!compromised && now >= (iat + 1) * 1000) {
          throw new WarderError('unavailable', 'signing the rotation took too long', {
            hint: 'nothing was changed: try again',
          });
        }
        extendHistory(tx, history);
        for (const { jwk, retired } of changed(keys.history, history)) {
          gate.leases.endKey(tx, jwk.kid, {
            at: iat * 1000,
            until: retired.until * 1000,
            ...(retired.compromised === undefined ? {} : { compromised: true }),
          });
        }
        return [undefined, rotationEvent(claims, rotationDigest(rotation))];
      });
      reached('recorded');
      keys.adopt(next, history, trusted);
    });
  } catch (error) {
    if (keys.signing !== next) await next.close();
    throw error;
  }
  closeLater(old, compromised ? 0 : LATE_SIGNATURES_MS);
  const { retired } = keys.history.at(-2) as KeyRow;
  const done = {
    old: old.key.kid,
    kid: next.key.kid,
    uri,
    graceUntil: retired?.until ?? 0,
  };
  try {
    await pinKey(parts.home.config, 'key', { uri, kid: next.key.kid });
    reached('pinned');
    await parts.publish();
    reached('published');
    return done;
  } catch (thrown) {
    return { ...done, unfinished: asWarderError(thrown).message };
  }
}

/** Seconds. */
function checkGrace({ config }: RotationParts, request: RotationRequest): number {
  const longest = Math.max(10, ...Object.values(config.agents).map(({ maxTtl }) => maxTtl));
  const { graceSeconds, compromised } = request;
  if (compromised === true) {
    if (graceSeconds === undefined || graceSeconds === 0) return 0;
    throw new WarderError('usage', 'there is no grace for a compromised key', {
      hint: 'leave `--grace` out',
    });
  }
  const grace = graceSeconds ?? longest;
  if (Number.isSafeInteger(grace) && grace >= 0 && grace <= longest) return grace;
  throw new WarderError('usage', `a grace is at most as long as a lease, ${longest} s`, {
    hint: `leave \`--grace\` out for ${longest} s`,
  });
}

/** @throws WarderError `usage` for a key of this home, whatever it signed. */
export function refuseKnown(
  kid: string,
  { history, logHistory }: RotationParts['keys'],
  { store }: RotationParts['gate'],
): void {
  const former = store.read(readLogRow)?.formerKeys ?? [];
  const known = [...history, ...logHistory].some(({ jwk }) => jwk.kid === kid);
  if (!known && !former.includes(kid)) return;
  throw new WarderError('usage', `this home signed with the key \`${kid}\` before`, {
    hint: 'a key comes back never: name another, or leave `--key` out',
  });
}

/** URI of the key that signs now. */
export function uriOf(history: readonly KeyRow[]): string {
  return (history.at(-1) as KeyRow).uri;
}

/** Keys that were retired, or whose grace was cut short. */
function changed(
  before: readonly KeyRow[],
  after: readonly KeyRow[],
): readonly (KeyRow & { readonly retired: RetiredKey })[] {
  return after.flatMap((row, at) => {
    const { retired } = row;
    return retired === undefined || retired.until === before[at]?.retired?.until
      ? []
      : [{ ...row, retired }];
  });
}

function closeLater(signer: OpenedSigner, ms: number): void {
  if (ms === 0) {
    void signer.close();
    return;
  }
  setTimeout(() => void signer.close(), ms).unref();
}
