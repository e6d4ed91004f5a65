// Reads hostile WebAssembly bytes: every length is checked before it is used.

import { WarderError } from '../base/errors/errors.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A cursor over bytes that cannot leave them. Every fault is WarderError `not-admitted`. */
export class BinaryReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get atEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /** Bytes not read yet. */
  get left(): number {
    return this.#bytes.length - this.#at;
  }

  /** Bytes read so far. */
  get offset(): number {
    return this.#at;
  }

  byte(): number {
    const value = this.#bytes[this.#at];
    if (value === undefined) throw truncated();
    this.#at += 1;
    return value;
  }

  peek(): number {
    return this.#bytes[this.#at] ?? -1;
  }

  /** An unsigned LEB128 of at most 32 bits. */
  u32(): number {
    let value = 0;
    for (let index = 0; index < 5; index += 1) {
      const byte = this.byte();
      if (index === 4 && byte > 0x0f) break;
      value += (byte & 0x7f) * 2 ** (7 * index);
      if (byte < 0x80) return value;
    }
    throw broken('a number is longer than 32 bits');
  }

  /** A signed LEB128 of at most `bits` bits whose value is not needed. */
  skipSigned(bits: number): void {
    for (let left = Math.ceil(bits / 7); left > 0; left -= 1) if (this.byte() < 0x80) return;
    throw broken(`a number is longer than ${String(bits)} bits`);
  }

  /** The next `length` bytes, not copied. */
  take(length: number): Uint8Array {
    if (length > this.left) throw truncated();
    const taken = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return taken;
  }

  /** What was not read yet, not copied. */
  rest(): Uint8Array {
    return this.take(this.left);
  }

  /** The bytes from an earlier offset up to here, not copied. */
  since(offset: number): Uint8Array {
    return this.#bytes.subarray(offset, this.#at);
  }

  /** A count of things of at least one byte each, at most `limit`. */
  count(what: string, limit: number): number {
    const value = this.u32();
    if (value > limit) {
      throw new WarderError('not-admitted', `more than ${String(limit)} ${what}`, {
        hint: 'split the package, or build it with optimisation on',
      });
    }
    if (value > this.left) throw truncated();
    return value;
  }

  /** A length-prefixed UTF-8 name of at most `limit` bytes. */
  name(limit: number): string {
    const length = this.u32();
    if (length > limit) throw broken(`a name is longer than ${String(limit)} bytes`);
    try {
      return utf8.decode(this.take(length));
    } catch (cause) {
      if (cause instanceof WarderError) throw cause;
      throw broken('a name is not valid UTF-8');
    }
  }
}

function truncated(): WarderError {
  return new WarderError('not-admitted', 'the file ends in the middle of the module', {
    hint: 'download or build it again; the file is truncated or damaged',
  });
}

/** The bytes are not WebAssembly as the specification has it. */
export function broken(what: string): WarderError {
  return new WarderError('not-admitted', `not a valid WebAssembly binary: ${what}`, {
    hint: 'build it again; the file is damaged or made by an unsupported tool',
  });
}
