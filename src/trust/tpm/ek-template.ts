// How endorsement keys are made (TCG EK Credential Profile, annex B): all of their public area but the key.

import { encodeHex } from '../../base/encoding/hex.ts';
import type { PublicArea, TpmHash } from './public-area.ts';

/** What makes an EK that of a profile. */
interface EkTemplate {
  readonly nameAlg: TpmHash;
  /** TPMA_OBJECT. */
  readonly attributes: number;
  /** Hex: wants the endorsement hierarchy's authorization. */
  readonly authPolicy: string;
  readonly keyBits: 128 | 256;
  /** Bits of an RSA modulus, or a curve. */
  readonly key: 2048 | 3072 | 'P-256' | 'P-384';
}

/** Policy A of the low range, policy B of the high range. */
const LOW = {
  nameAlg: 'sha256',
  attributes: 0x0003_00b2,
  authPolicy: '837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa',
  keyBits: 128,
} as const;
const HIGH = {
  nameAlg: 'sha384',
  attributes: 0x0003_00f2,
  authPolicy:
    'b26e7d28d11a50bc53d882bcf5fd3a1a074148bb35d3b4e4cb1c0ad9bde419cacb47ba09699646150f9fc000f3f80e12',
  keyBits: 256,
} as const;

/** L-1, L-2, H-3 and H-6. */
const EK_TEMPLATES: readonly EkTemplate[] = [
  { ...LOW, key: 2048 },
  { ...LOW, key: 'P-256' },
  { ...HIGH, key: 'P-384' },
  { ...HIGH, key: 3072 },
];

/** Whether a public area is made by one of the templates. */
export function isEkTemplate(area: PublicArea): boolean {
  const { nameAlg, attributes, authPolicy, symmetric, scheme, key } = area;
  const size = key.kind === 'ecc' ? key.curve : key.modulus.length * 8;
  return EK_TEMPLATES.some(
    (template) =>
      template.key === size &&
      template.nameAlg === nameAlg &&
      template.attributes === attributes &&
      template.authPolicy === encodeHex(authPolicy) &&
      template.keyBits === symmetric?.keyBits &&
      scheme === undefined,
  );
}
