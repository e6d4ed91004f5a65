// Reads what a TPM wrote (TPM 2.0 Library, Part 1, section 12): big-endian, every length looked at before it is used.

import { WarderError } from '../../base/errors/errors.ts';

/** One pass over bytes. Every method throws WarderError `malformed` when they end too early. */
export class TpmReader {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #what: string;
  #at = 0;

  /** @param what for messages, e.g. `the quote`. */
  constructor(bytes: Uint8Array, what: string) {
    // A copy of plain bytes: slices of a Buffer would be views.
    this.#bytes = Uint8Array.from(bytes);
    this.#what = what;
  }

  u8(): number {
    return this.bytes(1)[0] ?? 0;
  }

  u16(): number {
    const [high = 0, low = 0] = this.bytes(2);
    return (high << 8) | low;
  }

  u32(): number {
    return this.u16() * 0x10000 + this.u16();
  }

  u64(): bigint {
    return (BigInt(this.u32()) << 32n) | BigInt(this.u32());
  }

  /** A copy of the next `count` bytes. */
  bytes(count: number): Uint8Array<ArrayBuffer> {
    if (count > this.#bytes.length - this.#at) this.fail('it ends too early');
    this.#at += count;
    return this.#bytes.slice(this.#at - count, this.#at);
  }

  /** A TPM2B: two bytes of length, then as many bytes; at most `most`. */
  sized(most: number): Uint8Array<ArrayBuffer> {
    const length = this.u16();
    if (length > most) this.fail(`a field of ${length} bytes where ${most} are the most`);
    return this.bytes(length);
  }

  /** Whatever is left. */
  rest(): Uint8Array<ArrayBuffer> {
    return this.bytes(this.#bytes.length - this.#at);
  }

  /** Nothing may be left. */
  end(): void {
    if (this.#at !== this.#bytes.length) this.fail('bytes follow its end');
  }

  /** @throws WarderError `malformed`, always. */
  fail(why: string): never {
    throw new WarderError('malformed', `${this.#what} is not what a TPM writes: ${why}`);
  }
}
