// The frames our processes exchange over pipes. Shared by both ends.
//
//   u32 LE  bytes after the header: head and body
//   u32 LE  bytes of the head
//   u32 LE  number of the call the frame belongs to; 0 outside calls
//   u8      kind; what each means is the protocol's that uses the frame
//   u8 x 3  zero
//   head    JSON (UTF-8), may be empty
//   body    raw bytes, may be empty

import { isAscii } from 'node:buffer';

export const HEADER_BYTES = 16;

/** The header of a frame. */
export interface FrameHeader {
  readonly kind: number;
  readonly call: number;
  readonly headBytes: number;
  readonly bodyBytes: number;
}

const EMPTY = new Uint8Array(0);
const decoder = new TextDecoder('utf-8', { fatal: true });

/** A whole frame in one piece, so that it takes one write. */
export function encodeFrame(
  kind: number,
  call: number,
  head?: object,
  body: Uint8Array = EMPTY,
): Uint8Array {
  const json = head === undefined ? '' : JSON.stringify(head);
  return encode(kind, call, json, body.length, body);
}

/** The header and head of a frame, whose body of so many bytes follows by itself. */
export function encodeFront(
  kind: number,
  call: number,
  head: object | undefined,
  bodyBytes: number,
): Uint8Array {
  const json = head === undefined ? '' : JSON.stringify(head);
  return encode(kind, call, json, bodyBytes, EMPTY);
}

function encode(
  kind: number,
  call: number,
  json: string,
  bodyBytes: number,
  body: Uint8Array,
): Uint8Array {
  const headBytes = Buffer.byteLength(json);
  const frame = Buffer.allocUnsafeSlow(HEADER_BYTES + headBytes + body.length);
  frame.writeUInt32LE(headBytes + bodyBytes, 0);
  frame.writeUInt32LE(headBytes, 4);
  frame.writeUInt32LE(call, 8);
  frame.writeUInt32LE(kind, 12);
  frame.write(json, HEADER_BYTES);
  frame.set(body, HEADER_BYTES + headBytes);
  return frame;
}

/**
 * Reads the header at `offset` of `bytes`.
 *
 * @throws RangeError when it contradicts itself.
 */
export function decodeHeader(bytes: Uint8Array, offset = 0): FrameHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, HEADER_BYTES);
  const length = view.getUint32(0, true);
  const headBytes = view.getUint32(4, true);
  if (headBytes > length) throw new RangeError('the head is longer than the frame');
  if ((view.getUint32(12, true) & 0xff_ff_ff_00) !== 0) throw new RangeError('padding is not zero');
  const kind = view.getUint8(12);
  return { kind, call: view.getUint32(8, true), headBytes, bodyBytes: length - headBytes };
}

/**
 * The JSON of a head. Members are own and unchecked.
 *
 * @throws SyntaxError, TypeError when it is not a JSON object in UTF-8.
 */
export function decodeHead(bytes: Uint8Array): Record<string, unknown> {
  if (bytes.length === 0) return {};
  const value: unknown = JSON.parse(textOf(bytes));
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TypeError('the head is not an object');
  }
  return value as Record<string, unknown>;
}

/** Most heads are ASCII, and a decoder costs more than such a head is long. */
function textOf(bytes: Uint8Array): string {
  if (!isAscii(bytes)) return decoder.decode(bytes);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}
