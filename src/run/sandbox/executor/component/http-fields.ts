// wasi:http header fields, checked for syntax here; what may be sent is decided by egress.

import { ErrResult } from './err-result.ts';

const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const MAX_FIELDS = 256;
const MAX_BYTES = 65_536;

const latin1 = new TextDecoder('latin1');

const syntax = (): ErrResult => new ErrResult({ tag: 'invalid-syntax' });

function checked(name: string, value: Uint8Array): readonly [string, Uint8Array] {
  if (!NAME.test(name) || value.some((byte) => byte === 0 || byte === 10 || byte === 13))
    throw syntax();
  return [name, value.slice()];
}

/** wasi:http/types fields (headers and trailers). */
export class Fields {
  #entries: (readonly [string, Uint8Array])[] = [];
  #frozen = false;

  static fromList(entries: readonly (readonly [string, Uint8Array])[]): Fields {
    const fields = new Fields();
    for (const [name, value] of entries) fields.append(name, value);
    return fields;
  }

  /** Fields a guest can read only. */
  static received(headers: readonly (readonly [string, string])[]): Fields {
    const fields = new Fields();
    fields.#entries = headers.map(([name, value]) => [name, Buffer.from(value, 'latin1')]);
    fields.#frozen = true;
    return fields;
  }

  /** As header text, and unchangeable from now on. */
  static seal(fields: Fields): (readonly [string, string])[] {
    fields.#frozen = true;
    return fields.#entries.map(([name, value]) => [name, latin1.decode(value)]);
  }

  get(name: string): Uint8Array[] {
    return this.#entries.filter(([each]) => same(each, name)).map(([, value]) => value);
  }

  has(name: string): boolean {
    return this.#entries.some(([each]) => same(each, name));
  }

  set(name: string, values: readonly Uint8Array[]): void {
    const added = values.map((value) => checked(name, value));
    this.delete(name);
    this.#add(added);
  }

  delete(name: string): void {
    this.#mutable();
    if (!NAME.test(name)) throw syntax();
    this.#entries = this.#entries.filter(([each]) => !same(each, name));
  }

  append(name: string, value: Uint8Array): void {
    this.#mutable();
    this.#add([checked(name, value)]);
  }

  entries(): (readonly [string, Uint8Array])[] {
    return [...this.#entries];
  }

  clone(): Fields {
    const copy = new Fields();
    copy.#entries = [...this.#entries];
    return copy;
  }

  #mutable(): void {
    if (this.#frozen) throw new ErrResult({ tag: 'immutable' });
  }

  #add(added: readonly (readonly [string, Uint8Array])[]): void {
    const all = [...this.#entries, ...added];
    const size = all.reduce((sum, [name, value]) => sum + name.length + value.length, 0);
    if (all.length > MAX_FIELDS || size > MAX_BYTES) throw new ErrResult({ tag: 'forbidden' });
    this.#entries = all;
  }
}

function same(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}
