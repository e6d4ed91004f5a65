// Views on UTF-8 bytes in linear memory, and a growing buffer that writes JSON.

/** `length` bytes at `ptr`. Never freed: memory is the call's. */
@final
export class Bytes {
  constructor(
    public ptr: usize,
    public length: i32,
  ) {}

  // @ts-ignore: decorator
  @inline
  at(i: i32): u8 {
    return load<u8>(this.ptr + i);
  }

  slice(from: i32, to: i32): Bytes {
    return new Bytes(this.ptr + from, to - from);
  }

  equals(other: Bytes): bool {
    return this.length == other.length && memory.compare(this.ptr, other.ptr, this.length) == 0;
  }

  /** Whether the bytes are exactly this ASCII text. */
  is(text: string): bool {
    if (text.length != this.length) return false;
    for (let i = 0; i < text.length; i++) {
      if (<i32>this.at(i) != text.charCodeAt(i)) return false;
    }
    return true;
  }

  startsWith(prefix: Bytes): bool {
    return (
      this.length >= prefix.length && memory.compare(this.ptr, prefix.ptr, prefix.length) == 0
    );
  }

  /** Order by bytes, which for UTF-8 is order by code point. */
  compare(other: Bytes): i32 {
    const order = memory.compare(this.ptr, other.ptr, min(this.length, other.length));
    return order != 0 ? order : this.length - other.length;
  }

  /** FNV-1a. */
  hash(): u32 {
    let hash: u32 = 2166136261;
    for (let i = 0; i < this.length; i++) hash = (hash ^ this.at(i)) * 16777619;
    return hash;
  }
}

/** The UTF-8 bytes of a string. */
export function utf8(text: string): Bytes {
  const length = String.UTF8.byteLength(text, false);
  const ptr = heap.alloc(length + 1);
  String.UTF8.encodeUnsafe(changetype<usize>(text), text.length, ptr, false);
  return new Bytes(ptr, length);
}

/** ASCII letters to lower case; other bytes as they are. */
// @ts-ignore: decorator
@inline
export function lower(byte: u8): u8 {
  return byte - 65 < 26 ? byte + 32 : byte;
}

/** Letters, digits, underscore, and everything outside ASCII. */
// @ts-ignore: decorator
@inline
export function isWordByte(byte: u8): bool {
  return byte >= 128 || (byte | 32) - 97 < 26 || byte - 48 < 10 || byte == 95;
}

/** Index of `needle` in `text` at or after `from`, or -1. `needle` lower case if `fold`. */
export function indexOf(text: Bytes, needle: Bytes, from: i32, fold: bool): i32 {
  const last = text.length - needle.length;
  if (needle.length == 0) return from <= text.length ? from : -1;
  const first = needle.at(0);
  for (let i = from; i <= last; i++) {
    const byte = text.at(i);
    if ((fold ? lower(byte) : byte) != first) continue;
    let j = 1;
    if (fold) {
      while (j < needle.length && lower(text.at(i + j)) == needle.at(j)) j++;
    } else {
      while (j < needle.length && text.at(i + j) == needle.at(j)) j++;
    }
    if (j == needle.length) return i;
  }
  return -1;
}

/** A copy with the ASCII letters in lower case. */
export function lowered(text: Bytes): Bytes {
  const ptr = heap.alloc(text.length + 1);
  for (let i = 0; i < text.length; i++) store<u8>(ptr + i, lower(text.at(i)));
  return new Bytes(ptr, text.length);
}

/** A growing buffer. */
@final
export class Out {
  ptr: usize;
  length: i32 = 0;
  private room: i32;

  constructor(room: i32 = 256) {
    this.room = room;
    this.ptr = heap.alloc(room);
  }

  reserve(more: i32): void {
    if (this.length + more <= this.room) return;
    this.room = max(this.room * 2, this.length + more);
    this.ptr = heap.realloc(this.ptr, this.room);
  }

  view(): Bytes {
    return new Bytes(this.ptr, this.length);
  }

  byte(value: u8): Out {
    this.reserve(1);
    store<u8>(this.ptr + this.length++, value);
    return this;
  }

  bytes(value: Bytes): Out {
    this.reserve(value.length);
    memory.copy(this.ptr + this.length, value.ptr, value.length);
    this.length += value.length;
    return this;
  }

  /** A text known to be ASCII: punctuation and names of the program. */
  ascii(text: string): Out {
    this.reserve(text.length);
    const end = this.ptr + this.length;
    for (let i = 0; i < text.length; i++) store<u8>(end + i, <u8>text.charCodeAt(i));
    this.length += text.length;
    return this;
  }

  integer(value: i64): Out {
    if (value < 0) {
      this.byte(45);
      value = -value;
    }
    let scale: i64 = 1;
    while (value / scale >= 10) scale *= 10;
    for (; scale > 0; scale /= 10) this.byte(<u8>(48 + (value / scale) % 10));
    return this;
  }

  bool(value: bool): Out {
    return this.ascii(value ? 'true' : 'false');
  }

  /** The bytes as a JSON string; what is not UTF-8 becomes U+FFFD. */
  string(value: Bytes): Out {
    this.byte(34);
    this.escaped(value);
    return this.byte(34);
  }

  /** The inside of a JSON string. */
  escaped(value: Bytes): Out {
    let i = 0;
    this.reserve(value.length + 16);
    while (i < value.length) {
      const byte = value.at(i);
      if (byte < 128) {
        if (byte == 34 || byte == 92) this.byte(92).byte(byte);
        else if (byte >= 32) this.byte(byte);
        else if (byte == 10) this.byte(92).byte(110);
        else if (byte == 9) this.byte(92).byte(116);
        else if (byte == 13) this.byte(92).byte(114);
        else this.ascii('\\u00').byte(48 + (byte >> 4)).byte(hexDigit(byte & 15));
        i++;
        continue;
      }
      const width = sequence(value, i);
      if (width == 0) {
        this.byte(0xef).byte(0xbf).byte(0xbd);
        i++;
        continue;
      }
      this.bytes(value.slice(i, i + width));
      i += width;
    }
    return this;
  }
}

function hexDigit(value: u8): u8 {
  return value < 10 ? 48 + value : 87 + value;
}

/** Length of the well-formed UTF-8 sequence at `i`, or 0. */
export function sequence(text: Bytes, i: i32): i32 {
  const first = text.at(i);
  const left = text.length - i;
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4) return 0;
  const width = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (left < width) return 0;
  for (let k = 1; k < width; k++) if ((text.at(i + k) & 0xc0) != 0x80) return 0;
  const second = text.at(i + 1);
  if (first == 0xe0 && second < 0xa0) return 0;
  if (first == 0xed && second > 0x9f) return 0;
  if (first == 0xf0 && second < 0x90) return 0;
  if (first == 0xf4 && second > 0x8f) return 0;
  return width;
}
