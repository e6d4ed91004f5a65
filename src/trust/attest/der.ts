// DER, as far as certificates need it: definite lengths in their shortest form, nothing left over.

import { WarderError } from '../../base/errors/errors.ts';

/** One value. */
export interface DerValue {
  readonly tag: number;
  readonly content: Uint8Array;
  /** With tag and length. */
  readonly whole: Uint8Array;
}

/** Tags of the universal and the context class that are met here. */
export const DER = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  sequence: 0x30,
  set: 0x31,
  /** `[n] EXPLICIT`. */
  explicit: (n: number): number => 0xa0 | n,
  /** `[n] IMPLICIT` of something that is not constructed. */
  implicit: (n: number): number => 0x80 | n,
} as const;

/** Reads one value after the other. Every method throws WarderError `malformed` for what is no DER. */
export class DerReader {
  readonly #bytes: Uint8Array;
  readonly #what: string;
  #at = 0;

  /** @param what for messages, e.g. `the EK certificate`. */
  constructor(bytes: Uint8Array, what: string) {
    this.#bytes = bytes;
    this.#what = what;
  }

  get more(): boolean {
    return this.#at < this.#bytes.length;
  }

  /** The next value, which must have this tag. */
  next(tag: number): DerValue {
    const value = this.any();
    return value.tag === tag ? value : this.fail('a value of another kind');
  }

  /** The next value if it has this tag. */
  optional(tag: number): DerValue | undefined {
    return this.#bytes[this.#at] === tag ? this.any() : undefined;
  }

  /** The next value, whatever it is. */
  any(): DerValue {
    const from = this.#at;
    const tag = this.#byte();
    if ((tag & 0x1f) === 0x1f) this.fail('a tag of several bytes');
    const length = this.#length();
    if (length > this.#bytes.length - this.#at) this.fail('a value that ends too early');
    this.#at += length;
    return {
      tag,
      content: this.#bytes.subarray(this.#at - length, this.#at),
      whole: this.#bytes.subarray(from, this.#at),
    };
  }

  /** What is inside the next value, which must have this tag. */
  inside(tag: number): DerReader {
    return new DerReader(this.next(tag).content, this.#what);
  }

  /** Nothing may be left. */
  end(): void {
    if (this.more) this.fail('bytes follow its end');
  }

  /** @throws WarderError `malformed`, always. */
  fail(why: string): never {
    throw new WarderError('malformed', `${this.#what} is not in DER: ${why}`);
  }

  #length(): number {
    const first = this.#byte();
    if (first < 0x80) return first;
    const count = first & 0x7f;
    if (count === 0 || count > 3) this.fail('a length without end, or beyond all bounds');
    let length = 0;
    for (let n = 0; n < count; n += 1) length = length * 256 + this.#byte();
    if (length < 0x80 || length < 256 ** (count - 1)) this.fail('a length that could be shorter');
    return length;
  }

  #byte(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) this.fail('it ends too early');
    this.#at += 1;
    return byte;
  }
}

/** An OBJECT IDENTIFIER in dotted form. @throws WarderError `malformed`. */
export function readOid({ content }: DerValue): string {
  const arcs: number[] = [];
  let arc = 0;
  for (const [at, byte] of content.entries()) {
    if (arc === 0 && byte === 0x80) refuse();
    arc = arc * 128 + (byte & 0x7f);
    if (arc > Number.MAX_SAFE_INTEGER / 128) refuse();
    if (byte < 0x80) {
      arcs.push(arc);
      arc = 0;
    } else if (at === content.length - 1) refuse();
  }
  const [first] = arcs;
  if (first === undefined) refuse();
  const root = Math.min(2, Math.floor(first / 40));
  return [root, first - root * 40, ...arcs.slice(1)].join('.');
}

function refuse(): never {
  throw new WarderError('malformed', 'an object identifier is not in DER');
}
