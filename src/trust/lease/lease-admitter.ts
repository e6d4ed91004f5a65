// What the signer asks before it signs a lease: that it is one, of this daemon, for this key.

import { decodeUtf8 } from '../../base/encoding/utf8.ts';
import { WarderError } from '../../base/errors/errors.ts';
import type { Admitter } from '../signer/signer.ts';
import { parseSigningInput } from './token.ts';

/** Admits root leases of one daemon that name the key that is to sign them. */
export function leaseAdmitter(origin: string): Admitter {
  return {
    kind: 'lease',
    admit(request, key) {
      try {
        const { header, claims } = parseSigningInput(decodeUtf8(request.payload));
        const fits =
          header.kid === key.kid &&
          header.alg === key.alg &&
          claims.iss === origin &&
          claims.aud === origin &&
          claims.del_depth === 0;
        if (fits) return;
      } catch (cause) {
        throw refusal(cause);
      }
      throw refusal(undefined);
    },
  };
}

function refusal(cause: unknown): WarderError {
  return new WarderError('not-trusted', 'the signer refuses this lease', {
    cause,
    hint: 'it must be a root lease of this daemon, for this key, of at most a day',
  });
}
