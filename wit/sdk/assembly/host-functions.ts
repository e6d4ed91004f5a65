// warder's host functions (`extism:host/user`): JSON in a block, JSON in a block back.
// Importing this file makes a plugin need them; a tool without them does not.

import { Bytes, Out, utf8 } from './bytes';
import { Json } from './json';
import { fromBlock, intoOut, toBlock } from './host';

// @ts-ignore: decorator
@external("extism:host/user", "kv_get")
declare function kv_get(request: u64): u64;
// @ts-ignore: decorator
@external("extism:host/user", "kv_set")
declare function kv_set(request: u64): u64;
// @ts-ignore: decorator
@external("extism:host/user", "kv_delete")
declare function kv_delete(request: u64): u64;
// @ts-ignore: decorator
@external("extism:host/user", "kv_list")
declare function kv_list(request: u64): u64;
// @ts-ignore: decorator
@external("extism:host/user", "file_roots")
declare function file_roots(request: u64): u64;
// @ts-ignore: decorator
@external("extism:host/user", "file_stat")
declare function file_stat(request: u64): u64;
// @ts-ignore: decorator
@external("extism:host/user", "file_list")
declare function file_list(request: u64): u64;
// @ts-ignore: decorator
@external("extism:host/user", "file_read")
declare function file_read(request: u64): u64;

/** What a host function said: `ok` is its result, or null and `code` / `message` say why. */
@final
export class Reply {
  ok: Json | null;
  code: Bytes = new Bytes(0, 0);
  message: Bytes = new Bytes(0, 0);

  constructor(text: Bytes) {
    const whole = Json.parse(text);
    this.ok = whole.get('ok');
    const error = whole.get('error');
    if (error !== null) {
      const code = error.get('code');
      const message = error.get('message');
      if (code !== null) this.code = code.text();
      if (message !== null) this.message = message.text();
    } else if (this.ok === null) {
      this.code = utf8('failed');
      this.message = utf8('the host gave an answer that is not one');
    }
  }

  /** A member of the result; null when refused. */
  get(name: string): Json | null {
    const ok = this.ok;
    return ok === null ? null : ok.get(name);
  }

  /** "code: message" for people. */
  why(): Bytes {
    return new Out().bytes(this.code).ascii(': ').bytes(this.message).view();
  }
}

function requestBlock(out: Out): u64 {
  return toBlock(out.ptr, out.length);
}

function withOne(name: string, value: Bytes): u64 {
  const out = new Out(value.length + 32);
  out.ascii('{"').ascii(name).ascii('":').string(value).byte(125);
  return requestBlock(out);
}

export function kvGet(key: Bytes): Reply {
  return new Reply(fromBlock(kv_get(withOne('key', key))));
}
export function kvDelete(key: Bytes): Reply {
  return new Reply(fromBlock(kv_delete(withOne('key', key))));
}
export function kvList(prefix: Bytes): Reply {
  return new Reply(fromBlock(kv_list(withOne('prefix', prefix))));
}
export function kvSet(key: Bytes, value: Bytes): Reply {
  const out = new Out(key.length + (value.length * 4) / 3 + 48);
  out.ascii('{"key":').string(key).ascii(',"value":"');
  base64(out, value);
  return new Reply(fromBlock(kv_set(requestBlock(out.ascii('"}')))));
}
export function fileRoots(): Reply {
  return new Reply(fromBlock(file_roots(requestBlock(new Out().ascii('{}')))));
}
export function fileStat(path: Bytes): Reply {
  return new Reply(fromBlock(file_stat(withOne('path', path))));
}
export function fileList(path: Bytes): Reply {
  return new Reply(fromBlock(file_list(withOne('path', path))));
}
/** The reply is read into `scratch`, which the next read may use again. */
export function fileRead(path: Bytes, offset: i64, length: i32, scratch: Out): Reply {
  const out = new Out(path.length + 64);
  out.ascii('{"path":').string(path).ascii(',"offset":').integer(offset);
  out.ascii(',"length":').integer(length).byte(125);
  intoOut(file_read(requestBlock(out)), scratch);
  return new Reply(scratch.view());
}

function digit64(value: u32): u8 {
  if (value < 26) return <u8>(65 + value);
  if (value < 52) return <u8>(71 + value);
  if (value < 62) return <u8>(value - 4);
  return value == 62 ? 43 : 47;
}

function value64(byte: u8): i32 {
  if (byte - 65 < 26) return byte - 65;
  if (byte - 97 < 26) return byte - 71;
  if (byte - 48 < 10) return byte + 4;
  if (byte == 43 || byte == 45) return 62;
  if (byte == 47 || byte == 95) return 63;
  return -1;
}

/** Appends the base64 of the bytes, with padding. */
export function base64(out: Out, data: Bytes): void {
  let i = 0;
  for (; i + 3 <= data.length; i += 3) {
    const v = (<u32>data.at(i) << 16) | (<u32>data.at(i + 1) << 8) | data.at(i + 2);
    out.byte(digit64(v >> 18)).byte(digit64((v >> 12) & 63));
    out.byte(digit64((v >> 6) & 63)).byte(digit64(v & 63));
  }
  const left = data.length - i;
  if (left == 1) {
    const v = <u32>data.at(i) << 16;
    out.byte(digit64(v >> 18)).byte(digit64((v >> 12) & 63)).byte(61).byte(61);
  } else if (left == 2) {
    const v = (<u32>data.at(i) << 16) | (<u32>data.at(i + 1) << 8);
    out.byte(digit64(v >> 18)).byte(digit64((v >> 12) & 63)).byte(digit64((v >> 6) & 63)).byte(61);
  }
}

/** The bytes of a base64 text (either alphabet, padding optional). */
export function unbase64(text: Bytes): Bytes {
  const out = new Out((text.length * 3) / 4 + 4);
  unbase64Into(text, out);
  return out.view();
}

/** Appends the bytes of a base64 text. */
export function unbase64Into(text: Bytes, out: Out): void {
  out.reserve((text.length * 3) / 4 + 4);
  const begin = out.ptr + out.length;
  let o = begin;
  let held: u32 = 0;
  let bits = 0;
  for (let i = 0; i < text.length; i++) {
    const value = value64(text.at(i));
    if (value < 0) continue;
    held = (held << 6) | value;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      store<u8>(o++, <u8>(held >> bits));
    }
  }
  out.length += <i32>(o - begin);
}
