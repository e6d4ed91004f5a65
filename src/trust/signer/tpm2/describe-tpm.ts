// What a TPM says it is. Its strings are its maker's, or whoever's: cut to plain characters.

import { propertiesOf } from '../../tpm/attestation-commands.ts';
import type { Tpm } from '../../tpm/tpm.ts';
import type { Custody } from '../signer.ts';

/** TPM_PT_MANUFACTURER, four vendor strings and the firmware's version follow one another. */
const MANUFACTURER = 0x105;
const VENDOR = [0x106, 0x107, 0x108, 0x109] as const;
const FIRMWARE = [0x10b, 0x10c] as const;
const COUNT = 8;

/** What the TPM says. */
export interface TpmDescription {
  /** For people. */
  readonly text: string;
  readonly claims: NonNullable<Custody['claims']>;
}

/** Asks a TPM who made it. */
export async function describeTpm(tpm: Tpm): Promise<TpmDescription> {
  const properties = await propertiesOf(tpm, MANUFACTURER, COUNT);
  const characters = (...names: readonly number[]): string =>
    names
      .flatMap((name) =>
        [24, 16, 8, 0].map((shift) => ((properties.get(name) ?? 0) >>> shift) & 0xff),
      )
      .filter((code) => code > 0x20 && code < 0x7f)
      .map((code) => String.fromCharCode(code))
      .join('');
  const manufacturer = characters(MANUFACTURER);
  const vendor = characters(...VENDOR);
  const firmware = FIRMWARE.map((name) => (properties.get(name) ?? 0).toString(16)).join('.');
  return {
    text: `TPM 2.0 (${[manufacturer, vendor].filter((part) => part !== '').join(' ')}, firmware ${firmware})`,
    claims: { manufacturer, vendor, firmware },
  };
}
