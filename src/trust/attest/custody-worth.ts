// What the custody of a key is worth: who says that it cannot be copied, and who can use it all the same.

import type { Custody } from '../signer/signer.ts';

/** How sure it is that nobody has a copy of a private key. */
export interface CustodyWorth {
  /**
   * - `exportable`: it is bytes that somebody can read.
   * - `claimed`: a device says that it cannot leave it, in an answer nobody signed.
   * - `provable`: a TPM proves it to whoever asks, see `warder keys attest`.
   */
  readonly copies: 'exportable' | 'claimed' | 'provable';
  /** What that rests on, and who can use the key. */
  readonly because: readonly string[];
}

const USE: Readonly<Record<'personal' | 'separated', string>> = {
  personal: 'at `personal`, whatever runs as this user can sign with it: only copies are prevented',
  separated: 'at `separated`, root and the daemon can sign with it: only copies are prevented',
};

const FILE = 'whoever reads the key file and its passphrase has the key for good';

/**
 * @param attests whether a TPM can be asked for evidence.
 * @param assurance the level that holds; a key is worth no more than it.
 */
export function custodyWorth(
  { backend, claims = {} }: Custody,
  attests: boolean,
  assurance: keyof typeof USE,
): CustodyWorth {
  const use = USE[assurance];
  switch (backend) {
    case 'file':
      return { copies: 'exportable', because: [FILE] };
    case 'memory':
      return { copies: 'exportable', because: ['it lies in the memory of this process'] };
    case 'pkcs11': {
      const { copies, because } = tokenWorth(claims);
      return { copies, because: [...because, use] };
    }
    case 'tpm2':
      return {
        copies: 'provable',
        because: [
          'the TPM made the key and lets nothing out; `warder keys attest` proves it to others',
          'what is shown here is what the TPM says: only a verifier with its maker’s CA knows',
          use,
        ],
      };
    case 'remote':
      return attests
        ? {
            copies: 'provable',
            because: [
              'a TPM of the signer process holds it; `warder keys attest` proves it to others',
              use,
            ],
          }
        : worthElsewhere(claims, use);
  }
}

/** What a signer process says of a key is worth no more than what would be said of the key here. */
function worthElsewhere(claims: NonNullable<Custody['claims']>, use: string): CustodyWorth {
  const because = ['the signer process says where it is, and nobody else'];
  switch (claims['behind']) {
    case 'pkcs11': {
      const { copies, because: there } = tokenWorth(claims);
      return { copies, because: [...because, ...there, use] };
    }
    case 'tpm2':
      return { copies: 'claimed', because: [...because, use] };
    default:
      return { copies: 'exportable', because: [...because, FILE] };
  }
}

function tokenWorth(claims: NonNullable<Custody['claims']>): CustodyWorth {
  const { local, alwaysSensitive, neverExtractable, token } = claims;
  const whole = local === true && alwaysSensitive === true && neverExtractable === true;
  return {
    copies: whole ? 'claimed' : 'exportable',
    because: [
      whole
        ? 'the token says that the key was made in it, was never readable and never extractable'
        : 'the token does not say that the key was made in it and could never leave it',
      'nobody signed that: it is worth what the PKCS#11 module and this machine are worth',
      ...(token === 'software' ? ['the token is software: its files hold the key'] : []),
      'certificates with which some devices attest keys (YubiHSM, cloud HSMs) are not read',
    ],
  };
}
