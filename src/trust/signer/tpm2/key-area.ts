// What a TPM key is by its public area: one that stays, of the right kind; and what is said of it.

import { encodeBase64url } from '../../../base/encoding/base64url.ts';
import { encodeHex } from '../../../base/encoding/hex.ts';
import { hasAll, nameOf, type PublicArea, TPM_ALG } from '../../tpm/public-area.ts';
import { ALGORITHMS, makePublicJwk } from '../jwk.ts';
import type { Tpm2KeyUri } from '../key-uri.ts';
import type { Custody, PublicJwk } from '../signer.ts';
import { signerTrouble } from '../trouble.ts';
import type { TpmDescription } from './describe-tpm.ts';

/** Whether this is the key the URI is about, and one that never leaves. @throws WarderError `unavailable`. */
export function checkArea(area: PublicArea, { pcrs, alg, key }: Tpm2KeyUri): PublicJwk {
  const where = 'handle' in key ? `0x${key.handle.toString(16)}` : key.blob;
  const fault = faultOf(area, pcrs.length > 0);
  if (fault !== undefined) {
    throw signerTrouble('misconfigured', `the TPM key at \`${where}\` ${fault}`, {
      hint: 'let warder make one: `warder keys create`; see docs/keys/tpm2.md',
    });
  }
  const { crv, hash } = ALGORITHMS[alg];
  const point = area.key;
  const scheme = area.scheme?.hash ?? hash;
  if (point.kind !== 'ecc' || point.curve !== crv || scheme !== hash) {
    throw signerTrouble('misconfigured', `the TPM key at \`${where}\` is no ${alg} key`, {
      hint: 'correct `alg` in the key URI',
    });
  }
  return makePublicJwk(alg, encodeBase64url(point.x), encodeBase64url(point.y));
}

function faultOf(area: PublicArea, withPolicy: boolean): string | undefined {
  if (!hasAll(area, ['fixedTPM', 'fixedParent'])) return 'may be copied to another TPM';
  if (!hasAll(area, ['sensitiveDataOrigin'])) return 'was not made in it: somebody may have a copy';
  if (!hasAll(area, ['sign']) || hasAll(area, ['restricted']))
    return 'may not sign what it is given';
  if (hasAll(area, ['decrypt'])) return 'is for more than signing';
  if (!hasAll(area, ['noDA'])) return 'counts wrong tries: anybody could lock it for everybody';
  if (area.scheme !== undefined && area.scheme.alg !== TPM_ALG.ecdsa) return 'signs otherwise';
  const byAuth = hasAll(area, ['userWithAuth']);
  if (withPolicy && (byAuth || area.authPolicy.length === 0)) return 'is not bound to registers';
  if (!withPolicy && !byAuth) return 'wants a policy: `pcrs` is missing in the key URI';
  return undefined;
}

/** Where a key is, for people. */
export function handleText({ key }: Tpm2KeyUri): string {
  return 'handle' in key ? `0x${key.handle.toString(16)}` : key.blob;
}

/** What the TPM says of a key. */
export function custodyOf(area: PublicArea, uri: Tpm2KeyUri, tpm: TpmDescription): Custody {
  const guard = [
    ...(uri.authSource === undefined ? [] : ['an auth value']),
    ...(uri.pcrs.length === 0 ? [] : [`registers ${uri.pcrs.join(',')}`]),
  ];
  return {
    backend: 'tpm2',
    summary: `${tpm.text}: made in it, fixed to it; guarded by ${guard.join(' and ')}`,
    claims: {
      ...tpm.claims,
      fixedTPM: hasAll(area, ['fixedTPM']),
      fixedParent: hasAll(area, ['fixedParent']),
      sensitiveDataOrigin: hasAll(area, ['sensitiveDataOrigin']),
      restricted: hasAll(area, ['restricted']),
      noDA: hasAll(area, ['noDA']),
      name: encodeHex(nameOf(area)),
      ...(area.authPolicy.length === 0 ? {} : { authPolicy: encodeHex(area.authPolicy) }),
      ...('handle' in uri.key ? { handle: handleText(uri) } : {}),
    },
  };
}
