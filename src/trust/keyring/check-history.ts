// Holds the key history against the statements in it: a row says no more than keys of the home have signed.

import type { Json } from '../../base/encoding/json.ts';
import { WarderError } from '../../base/errors/errors.ts';
import type { TrustedKeys } from '../verify/keys.ts';
import { checkSignatures, parseRotation, type RotationClaims } from '../verify/rotation.ts';
import type { KeyRow } from './key-history.ts';

/**
 * Checks every rotation of a history: signed by the new key, the one of the other role, and the old one unless
 * it was compromised; and the rows around it say what it says.
 *
 * @param others keys of the other role: that of the log for the one that signs leases, and the other way round.
 * @param keys of the home, those of the history among them.
 * @throws WarderError `unavailable` when a row was changed: nothing may be signed then.
 */
export async function checkHistory(
  history: readonly KeyRow[],
  others: readonly KeyRow[],
  origin: string,
  keys: TrustedKeys,
): Promise<void> {
  // From when on a compromise cut every grace short.
  let cut = Infinity;
  try {
    for (const [at, row] of [...history.entries()].toReversed()) {
      const before = history[at - 1];
      if (before === undefined) return;
      const { claims, ...rest } = parseRotation(JSON.parse(JSON.stringify(row.rotation)) as Json);
      const { old, compromised, size } = claims;
      const signers = [row.jwk.kid, kidAt(others, size), ...(compromised === true ? [] : [old])];
      await checkSignatures(
        { claims, ...rest },
        signers.map((kid) => {
          const key = keys.find((each) => each.kid === kid);
          if (key === undefined) throw new TypeError('a key of the history is none');
          return key;
        }),
      );
      if (compromised === true) cut = Math.min(cut, claims.iat);
      if (!fits(claims, before, row, at, cut) || claims.iss !== origin) {
        throw new TypeError(`row ${at + 1} is not what was signed`);
      }
    }
  } catch (cause) {
    throw new WarderError('unavailable', 'the history of the signing keys was changed', {
      cause,
      hint: 'restore `state.db` from a backup, and find out who writes to it',
    });
  }
}

/** Whose turn it was. */
function kidAt(rows: readonly KeyRow[], size: number): string {
  const found = rows.find(({ heads: { from, to = Infinity } }) => size >= from && size <= to);
  if (found === undefined) throw new TypeError('no key of the other role signed then');
  return found.jwk.kid;
}

function fits(
  claims: RotationClaims,
  before: KeyRow,
  row: KeyRow,
  at: number,
  cut: number,
): boolean {
  const { retired } = before;
  return (
    claims.seq === at &&
    claims.old === before.jwk.kid &&
    claims.new.kid === row.jwk.kid &&
    before.heads.to === claims.size &&
    retired !== undefined &&
    retired.at === claims.iat &&
    retired.until === Math.min(claims.until, cut)
  );
}
