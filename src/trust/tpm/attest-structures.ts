// What a TPM says and signs: TPMS_ATTEST of a certified key or of a quote, TPMT_SIGNATURE, PCR selections.

import { hash, TPM_ALG, type TpmHash } from './public-area.ts';
import { TpmReader } from './tpm-reader.ts';
import { joined, u16, u32 } from './tpm-writer.ts';

/** `TPM_GENERATED`: a restricted key signs nothing from outside that starts so. */
const MAGIC = 0xff54_4347;
const CERTIFY = 0x8017;
const QUOTE = 0x8018;

/** A Name: algorithm and digest, or nothing. */
const NAME_MAX = 2 + 64;
/** TPM2B_DATA. */
const EXTRA_MAX = 2 + 64;

/** Registers of one bank. */
export interface PcrSelection {
  readonly bank: TpmHash;
  /** Ascending numbers from 0 to 23. */
  readonly pcrs: readonly number[];
}

/** What every statement says. */
interface Statement {
  /** Qualified Name of the key that signs. */
  readonly qualifiedSigner: Uint8Array;
  /** What the caller wanted it bound to. */
  readonly extraData: Uint8Array;
  readonly clock: {
    /** Milliseconds the TPM has been powered since it was last cleared. */
    readonly milliseconds: bigint;
    readonly resets: number;
    readonly restarts: number;
    readonly safe: boolean;
  };
  readonly firmware: bigint;
}

/** That an object with this Name is loaded in the TPM. */
export interface CertifyStatement extends Statement {
  readonly type: 'certify';
  readonly name: Uint8Array;
  readonly qualifiedName: Uint8Array;
}

/** What platform registers hold. */
export interface QuoteStatement extends Statement {
  readonly type: 'quote';
  readonly selection: PcrSelection;
  /** Digest over the values in the order of their numbers. */
  readonly pcrDigest: Uint8Array;
}

/** Largest TPMS_ATTEST that is read. */
export const ATTEST_MAX = 512;

/** Reads a TPMS_ATTEST. @param what for messages. @throws WarderError `malformed`. */
export function parseAttest(bytes: Uint8Array, what: string): CertifyStatement | QuoteStatement {
  const reader = new TpmReader(bytes, what);
  if (reader.u32() !== MAGIC) reader.fail('it does not say that a TPM made it');
  const type = reader.u16();
  if (type !== CERTIFY && type !== QUOTE) reader.fail('neither of a certified key nor a quote');
  const said: Statement = {
    qualifiedSigner: reader.sized(NAME_MAX),
    extraData: reader.sized(EXTRA_MAX),
    clock: {
      milliseconds: reader.u64(),
      resets: reader.u32(),
      restarts: reader.u32(),
      safe: yes(reader),
    },
    firmware: reader.u64(),
  };
  const whole: CertifyStatement | QuoteStatement =
    type === CERTIFY
      ? {
          type: 'certify',
          ...said,
          name: reader.sized(NAME_MAX),
          qualifiedName: reader.sized(NAME_MAX),
        }
      : {
          type: 'quote',
          ...said,
          selection: readSelection(reader),
          pcrDigest: reader.sized(64),
        };
  reader.end();
  return whole;
}

/** An ECDSA signature as a TPM makes it. */
export interface TpmSignature {
  readonly hash: TpmHash;
  /** Without leading zeroes guaranteed or forbidden. */
  readonly r: Uint8Array;
  readonly s: Uint8Array;
}

/** Reads a TPMT_SIGNATURE. @throws WarderError `malformed`, also for anything but ECDSA. */
export function parseTpmSignature(bytes: Uint8Array, what: string): TpmSignature {
  const reader = new TpmReader(bytes, what);
  if (reader.u16() !== TPM_ALG.ecdsa) reader.fail('not an ECDSA signature');
  const signature = { hash: hash(reader), r: reader.sized(48), s: reader.sized(48) };
  reader.end();
  return signature;
}

/** Raw `r || s`, each padded to `size` bytes; undefined when one of them is longer. */
export function rawSignature({ r, s }: TpmSignature, size: number): Uint8Array | undefined {
  if (r.length > size || s.length > size) return undefined;
  const raw = new Uint8Array(size * 2);
  raw.set(r, size - r.length);
  raw.set(s, size * 2 - s.length);
  return raw;
}

/** TPML_PCR_SELECTION of one bank, three bytes of bits. */
export function formatSelection({ bank, pcrs }: PcrSelection): Uint8Array<ArrayBuffer> {
  const bits = new Uint8Array(3);
  for (const pcr of pcrs) bits[pcr >> 3] = (bits[pcr >> 3] ?? 0) | (1 << (pcr & 7));
  return joined(u32(1), u16(TPM_ALG[bank]), Uint8Array.of(bits.length), bits);
}

/** Reads a TPML_PCR_SELECTION of one bank. */
export function readSelection(reader: TpmReader): PcrSelection {
  if (reader.u32() !== 1) reader.fail('registers of more than one bank');
  const bank = hash(reader);
  const size = reader.u8();
  if (size !== 3) reader.fail('a selection that does not have 24 bits');
  const bits = reader.bytes(size);
  const pcrs = Array.from({ length: 24 }, (_, pcr) => pcr).filter(
    (pcr) => ((bits[pcr >> 3] ?? 0) & (1 << (pcr & 7))) !== 0,
  );
  return { bank, pcrs };
}

function yes(reader: TpmReader): boolean {
  const value = reader.u8();
  if (value > 1) reader.fail('a yes or no that is neither');
  return value === 1;
}
