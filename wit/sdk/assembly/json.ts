// Reads JSON where it lies: a Json is a span of the text, looked into only as far as asked.
// Malformed text gives nulls and defaults, never a read outside the span.

import { Bytes } from './bytes';

/** Past the white space at `p`. */
function space(p: usize, end: usize): usize {
  while (p < end) {
    const byte = load<u8>(p);
    if (byte != 32 && byte != 10 && byte != 13 && byte != 9) break;
    p++;
  }
  return p;
}

/** Past the string whose opening quote is at `p`; `end` if it does not close. */
function skipString(p: usize, end: usize): usize {
  p++;
  while (p < end) {
    const byte = load<u8>(p);
    if (byte == 34) return p + 1;
    p += byte == 92 ? 2 : 1;
  }
  return end;
}

/** Past the value at `p`. */
function skip(p: usize, end: usize): usize {
  let depth = 0;
  while (p < end) {
    const byte = load<u8>(p);
    if (byte == 34) p = skipString(p, end);
    else if (byte == 123 || byte == 91) {
      depth++;
      p++;
      continue;
    } else if (byte == 125 || byte == 93) {
      depth--;
      p++;
    } else if (byte == 44 || byte == 58 || byte == 32 || byte == 10 || byte == 13 || byte == 9) {
      if (depth == 0) return p;
      p++;
      continue;
    } else {
      p++;
      while (p < end && isScalar(load<u8>(p))) p++;
    }
    if (depth <= 0) return min(p, end);
  }
  return end;
}

function isScalar(byte: u8): bool {
  return (byte | 32) - 97 < 26 || byte - 48 < 10 || byte == 45 || byte == 43 || byte == 46;
}

/** One value of a JSON text. */
@final
export class Json {
  constructor(
    public start: usize,
    public end: usize,
  ) {}

  static parse(text: Bytes): Json {
    const end = text.ptr + text.length;
    return new Json(space(text.ptr, end), end);
  }

  private first(): u8 {
    return this.start < this.end ? load<u8>(this.start) : 0;
  }

  get isString(): bool {
    return this.first() == 34;
  }
  get isObject(): bool {
    return this.first() == 123;
  }
  get isArray(): bool {
    return this.first() == 91;
  }
  get isTrue(): bool {
    return this.first() == 116;
  }

  /** The member of an object, or null. `name` is plain ASCII. */
  get(name: string): Json | null {
    const members = new Items(this);
    for (let value = members.next(); value !== null; value = members.next()) {
      if (members.keyIs(name)) return value;
    }
    return null;
  }

  /** The raw text of the value, quotes and all. */
  raw(): Bytes {
    return new Bytes(this.start, <i32>(this.end - this.start));
  }

  /** A string's content; a view when nothing is escaped. Not a string: no bytes. */
  text(): Bytes {
    if (!this.isString || this.end - this.start < 2) return new Bytes(this.start, 0);
    const from = this.start + 1;
    const to = this.end - 1;
    let p = from;
    while (p < to && load<u8>(p) != 92) p++;
    if (p >= to) return new Bytes(from, <i32>(to - from));
    return unescape(from, to);
  }

  /** A number's integer part, or `other` for anything else. */
  integer(other: i64): i64 {
    let p = this.start;
    const negative = this.first() == 45;
    if (negative) p++;
    if (p >= this.end || load<u8>(p) - 48 > 9) return other;
    let value: i64 = 0;
    while (p < this.end) {
      const digit = load<u8>(p++) - 48;
      if (digit > 9) break;
      if (value > 900000000000000000) return other;
      value = value * 10 + digit;
    }
    return negative ? -value : value;
  }
}

/** Walks the items of an array or the members of an object. */
@final
export class Items {
  private p: usize;
  private end: usize;
  private object: bool;
  private key: usize = 0;
  private keyEnd: usize = 0;

  constructor(container: Json) {
    this.object = container.isObject;
    this.end = container.end;
    this.p = container.isObject || container.isArray ? container.start + 1 : container.end;
  }

  next(): Json | null {
    const end = this.end;
    let p = space(this.p, end);
    if (p < end && load<u8>(p) == 44) p = space(p + 1, end);
    if (p >= end || load<u8>(p) == 125 || load<u8>(p) == 93) return null;
    if (this.object) {
      this.key = p;
      p = skipString(p, end);
      this.keyEnd = p;
      p = space(p, end);
      if (p >= end || load<u8>(p) != 58) return null;
      p = space(p + 1, end);
    }
    const after = skip(p, end);
    if (after <= p) return null;
    this.p = after;
    return new Json(p, after);
  }

  /** Whether the last member's key is this ASCII name. */
  keyIs(name: string): bool {
    if (this.keyEnd - this.key != <usize>name.length + 2) return false;
    for (let i = 0; i < name.length; i++) {
      if (<i32>load<u8>(this.key + 1 + i) != name.charCodeAt(i)) return false;
    }
    return true;
  }
}

function hex4(p: usize): u32 {
  let value: u32 = 0;
  for (let i = 0; i < 4; i++) {
    const byte = load<u8>(p + i);
    const digit = byte - 48 < 10 ? byte - 48 : (byte | 32) - 87;
    value = (value << 4) | (digit & 15);
  }
  return value;
}

function unescape(from: usize, to: usize): Bytes {
  const out = heap.alloc(to - from + 4);
  let o = out;
  let p = from;
  while (p < to) {
    const byte = load<u8>(p++);
    if (byte != 92) {
      store<u8>(o++, byte);
      continue;
    }
    if (p >= to) break;
    const kind = load<u8>(p++);
    if (kind == 110) store<u8>(o++, 10);
    else if (kind == 116) store<u8>(o++, 9);
    else if (kind == 114) store<u8>(o++, 13);
    else if (kind == 98) store<u8>(o++, 8);
    else if (kind == 102) store<u8>(o++, 12);
    else if (kind == 117 && p + 4 <= to) {
      let code = hex4(p);
      p += 4;
      const high = code - 0xd800 < 0x400;
      if (high && p + 6 <= to && load<u8>(p) == 92 && load<u8>(p + 1) == 117) {
        const low = hex4(p + 2);
        if (low - 0xdc00 < 0x400) {
          code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
          p += 6;
        }
      }
      if (code - 0xd800 < 0x800) code = 0xfffd;
      o = encode(o, code);
    } else store<u8>(o++, kind);
  }
  return new Bytes(out, <i32>(o - out));
}

function encode(o: usize, code: u32): usize {
  if (code < 0x80) {
    store<u8>(o, <u8>code);
    return o + 1;
  }
  if (code < 0x800) {
    store<u8>(o, <u8>(0xc0 | (code >> 6)));
    store<u8>(o + 1, <u8>(0x80 | (code & 63)));
    return o + 2;
  }
  if (code < 0x10000) {
    store<u8>(o, <u8>(0xe0 | (code >> 12)));
    store<u8>(o + 1, <u8>(0x80 | ((code >> 6) & 63)));
    store<u8>(o + 2, <u8>(0x80 | (code & 63)));
    return o + 3;
  }
  store<u8>(o, <u8>(0xf0 | (code >> 18)));
  store<u8>(o + 1, <u8>(0x80 | ((code >> 12) & 63)));
  store<u8>(o + 2, <u8>(0x80 | ((code >> 6) & 63)));
  store<u8>(o + 3, <u8>(0x80 | (code & 63)));
  return o + 4;
}
