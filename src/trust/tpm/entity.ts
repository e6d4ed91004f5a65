// What commands are about: something with a handle, and the Name it goes by in what is authorised.

import { nameOf, type PublicArea } from './public-area.ts';
import { u32 } from './tpm-writer.ts';

/** Anything a handle stands for. */
export interface TpmEntity {
  readonly handle: number;
  /** Of an object or NV index: its Name. Of anything else: its handle. */
  readonly name: Uint8Array;
  /** Auth value; nothing where absent. Zeroed by who made it. */
  readonly auth?: Uint8Array;
}

/** A key or other object that can be used now. */
export interface TpmObject extends TpmEntity {
  readonly area: PublicArea;
}

/** A hierarchy, a register, or another entity without a Name of its own. */
export function permanent(handle: number, auth?: Uint8Array): TpmEntity {
  return { handle, name: u32(handle), ...(auth === undefined ? {} : { auth }) };
}

/** An object by its handle and public area. */
export function tpmObject(handle: number, area: PublicArea, auth?: Uint8Array): TpmObject {
  return { handle, name: nameOf(area), area, ...(auth === undefined ? {} : { auth }) };
}

/** TPM_RH: the hierarchies, with an empty auth value. */
export const HIERARCHY: Readonly<Record<'owner' | 'endorsement' | 'lockout' | 'null', TpmEntity>> =
  {
    owner: permanent(0x4000_0001),
    null: permanent(0x4000_0007),
    lockout: permanent(0x4000_000a),
    endorsement: permanent(0x4000_000b),
  };

/** First handle of each kind (TPM_HT). */
export const HANDLE_RANGE = {
  pcr: 0x0000_0000,
  nv: 0x0100_0000,
  hmacSession: 0x0200_0000,
  policySession: 0x0300_0000,
  transient: 0x8000_0000,
  persistent: 0x8100_0000,
} as const;
