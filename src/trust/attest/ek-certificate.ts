// What makes a certificate one of an endorsement key (TCG EK Credential Profile), and what it says of the TPM.

import { WarderError } from '../../base/errors/errors.ts';
import { decodeUtf8 } from '../../base/encoding/utf8.ts';
import { type Certificate, KEY_USAGE } from './certificate.ts';
import { DER, DerReader, readOid } from './der.ts';

/** tcg-kp-EKCertificate. */
const EK_PURPOSE = '2.23.133.8.1';

/** Attributes of the TPM in the directory name. */
const TPM_ATTRIBUTES: Readonly<Record<string, keyof TpmDescription>> = {
  '2.23.133.2.1': 'manufacturer',
  '2.23.133.2.2': 'model',
  '2.23.133.2.3': 'version',
};

/** What the maker says of the TPM. */
export interface TpmDescription {
  readonly manufacturer?: string;
  readonly model?: string;
  readonly version?: string;
}

/**
 * Checks that a certificate is of an endorsement key that secrets can be sent to.
 *
 * @throws WarderError `not-trusted` for a certificate of anything else; `malformed`.
 */
export function readEkCertificate(certificate: Certificate): TpmDescription {
  const { constraints, keyUsage, extendedKeyUsage, x509 } = certificate;
  if (extendedKeyUsage?.includes(EK_PURPOSE) !== true) {
    refuse(`its purposes do not name ${EK_PURPOSE}`);
  }
  if (constraints?.ca === true) refuse('it is that of a CA');
  const bit =
    x509.publicKey.asymmetricKeyType === 'rsa' ? KEY_USAGE.keyEncipherment : KEY_USAGE.keyAgreement;
  if (keyUsage?.has(bit) !== true) refuse('its key may not receive secrets');
  if (keyUsage.has(KEY_USAGE.keyCertSign)) refuse('its key may sign certificates');
  return describe(certificate);
}

/** Reads the directory name among the alternative names (RFC 5280 section 4.2.1.6). */
function describe({ alternativeNames }: Certificate): TpmDescription {
  if (alternativeNames === undefined) return {};
  const whole = new DerReader(alternativeNames, 'the name in the EK certificate');
  const names = whole.inside(DER.sequence);
  whole.end();
  const said: { -readonly [Key in keyof TpmDescription]: TpmDescription[Key] } = {};
  while (names.more) {
    const name = names.any();
    if (name.tag !== DER.explicit(4)) continue;
    const relative = new DerReader(name.content, 'the name in the EK certificate').inside(
      DER.sequence,
    );
    while (relative.more) {
      const attributes = relative.inside(DER.set);
      while (attributes.more) {
        const attribute = attributes.inside(DER.sequence);
        const member = TPM_ATTRIBUTES[readOid(attribute.next(DER.oid))];
        const value = attribute.any().content;
        attribute.end();
        if (member !== undefined) said[member] = decodeUtf8(value.subarray(0, 128));
      }
    }
  }
  return said;
}

function refuse(why: string): never {
  throw new WarderError('not-trusted', `the certificate is not that of an endorsement key: ${why}`);
}
