// How a row's value becomes bytes and back; both stores use it, so both lose and keep the same things.

import { WarderError } from '../errors/errors.ts';

/** What is kept for a value: JSON text, or a frame when the value has `Uint8Array` members. */
export type EncodedValue = string | Uint8Array;

interface Frame {
  readonly json: unknown;
  /** Names and lengths of the byte members, in the order their bytes follow the header. */
  readonly bytes: readonly (readonly [name: string, length: number])[];
}

const utf8 = new TextEncoder();
const fromUtf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Encodes a row value. Frame: 4 bytes big-endian header length, the header as JSON, the bytes.
 *
 * @throws WarderError `internal` for what JSON would lose silently: NaN, nested bytes, class instances.
 */
export function encodeValue(value: unknown): EncodedValue {
  const parts: Uint8Array[] = [];
  const named: [string, number][] = [];
  let json: unknown = value;
  if (isRecord(value)) {
    for (const [name, member] of Object.entries(value)) {
      if (member instanceof Uint8Array) {
        parts.push(member);
        named.push([name, member.length]);
      } else if (member !== undefined) {
        assertJson(member, name);
      }
    }
    if (parts.length > 0) {
      json = Object.fromEntries(
        Object.entries(value).filter(([, member]) => !(member instanceof Uint8Array)),
      );
    }
  } else {
    assertJson(value, 'value');
  }
  if (parts.length === 0) return JSON.stringify(json);
  const header = utf8.encode(JSON.stringify({ json, bytes: named } satisfies Frame));
  const size = parts.reduce((sum, part) => sum + part.length, 4 + header.length);
  const frame = new Uint8Array(size);
  new DataView(frame.buffer).setUint32(0, header.length);
  frame.set(header, 4);
  let at = 4 + header.length;
  for (const part of parts) {
    frame.set(part, at);
    at += part.length;
  }
  return frame;
}

/**
 * Decodes what {@link encodeValue} made.
 *
 * @throws WarderError `unavailable` when the bytes are not such a frame: the store is damaged.
 */
export function decodeValue(encoded: EncodedValue): unknown {
  try {
    if (typeof encoded === 'string') return JSON.parse(encoded);
    const view = new DataView(encoded.buffer, encoded.byteOffset, encoded.byteLength);
    let at = 4 + view.getUint32(0);
    const frame = JSON.parse(fromUtf8.decode(encoded.subarray(4, at))) as Frame;
    const value = frame.json as Record<string, unknown>;
    for (const [name, length] of frame.bytes) {
      if (at + length > encoded.length) throw new RangeError('frame is cut short');
      Object.defineProperty(value, name, {
        value: encoded.slice(at, at + length),
        enumerable: true,
        writable: true,
        configurable: true,
      });
      at += length;
    }
    return value;
  } catch (cause) {
    throw new WarderError('unavailable', 'a stored value cannot be read', {
      cause,
      hint: 'the store is damaged: stop the daemon and restore a backup of `state.db`',
    });
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function assertJson(value: unknown, at: string): void {
  if (value === null) return;
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return;
    case 'number':
      if (Number.isFinite(value)) return;
      break;
    case 'object':
      if (Array.isArray(value)) {
        for (const item of value) assertJson(item, at);
        return;
      }
      if (isRecord(value)) {
        for (const item of Object.values(value)) if (item !== undefined) assertJson(item, at);
        return;
      }
      break;
    case 'bigint':
    case 'function':
    case 'symbol':
    case 'undefined':
      break;
  }
  throw new WarderError('internal', `\`${at}\` of a row is not JSON (bytes: top level only)`);
}
