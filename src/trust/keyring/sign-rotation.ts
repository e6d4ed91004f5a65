// Making the statement of a rotation, and what a signer looks at before it signs one.

import { decodeBase64url, encodeBase64url } from '../../base/encoding/base64url.ts';
import { canonicalBytes } from '../../base/encoding/jcs.ts';
import { parseJson } from '../../base/encoding/parse-json.ts';
import { sha256Text } from '../../base/encoding/sha256.ts';
import { decodeUtf8, encodeUtf8 } from '../../base/encoding/utf8.ts';
import { WarderError } from '../../base/errors/errors.ts';
import type { Json } from '../../base/encoding/json.ts';
import type { Admitter, Signer } from '../signer/signer.ts';
import {
  parseRotationClaims,
  ROTATION_TYPE,
  type RotationClaims,
  type SignedRotation,
} from '../verify/rotation.ts';

/**
 * Has a rotation signed by each of the keys.
 *
 * @throws WarderError `malformed` for claims no verifier would take; whatever a signer throws.
 */
export async function signRotation(
  claims: RotationClaims,
  signers: readonly Signer[],
): Promise<SignedRotation> {
  const whole = parseRotationClaims(JSON.parse(JSON.stringify(claims)) as Json);
  const payload = rotationPayload(whole);
  const signatures = await Promise.all(
    signers.map(async (signer) => {
      const { alg, kid } = signer.key;
      const header = encodeBase64url(canonicalBytes({ alg, kid, typ: ROTATION_TYPE }));
      const signature = await signer.sign({
        kind: 'rotation',
        payload: encodeUtf8(`${header}.${payload}`),
      });
      return { protected: header, signature: encodeBase64url(signature) };
    }),
  );
  return { payload, signatures };
}

function rotationPayload(claims: RotationClaims): string {
  return encodeBase64url(canonicalBytes(claims));
}

/** SHA-256 of what a rotation says, hex: what the log names it by. */
export function rotationDigest({ payload }: Pick<SignedRotation, 'payload'>): string {
  return sha256Text(payload, 'hex');
}

/** The same of one that {@link signRotation} is to make. */
export function digestOfClaims(claims: RotationClaims): string {
  return rotationDigest({ payload: rotationPayload(claims) });
}

/**
 * Admits rotations of one home, by keys that have to do with them: the old one, unless it was compromised,
 * the new one, and that of the other role.
 *
 * @param logKey thumbprint of the log key, or whether a thumbprint is that of the log key of the moment.
 */
export function rotationAdmitter(
  origin: string,
  logKey: string | ((kid: string) => boolean),
): Admitter {
  const isLogKey = typeof logKey === 'string' ? (kid: string) => kid === logKey : logKey;
  return {
    kind: 'rotation',
    admit({ payload }, key) {
      let fits: boolean;
      try {
        const [header = '', body = '', ...more] = decodeUtf8(payload).split('.');
        const expected = { alg: key.alg, kid: key.kid, typ: ROTATION_TYPE };
        const claims = parseRotationClaims(
          parseJson(decodeBase64url(body), { maxBytes: 4096, maxDepth: 3 }),
        );
        const ofLog = claims.role === 'log';
        // Of the other role there is one key here: that of the log, or whichever signs leases.
        const other = ofLog ? key.alg === 'ES256' : isLogKey(key.kid);
        const party =
          other ||
          key.kid === claims.new.kid ||
          (key.kid === claims.old && claims.compromised !== true);
        fits =
          more.length === 0 &&
          header === encodeBase64url(canonicalBytes(expected)) &&
          claims.iss === origin &&
          claims.new.alg === (ofLog ? 'EdDSA' : 'ES256') &&
          isLogKey(claims.old) === ofLog &&
          party;
      } catch (cause) {
        throw refusal(cause);
      }
      if (!fits) throw refusal(undefined);
    },
  };
}

function refusal(cause: unknown): WarderError {
  return new WarderError('not-trusted', 'the signer refuses this rotation', {
    cause,
    hint: 'it must be of this home, to a key of the same role, and have to do with the key that signs it',
  });
}
