// The frames our processes exchange over pipes. Shared by both ends.
//
//   u32 LE  bytes after the header: head and body
//   u32 LE  bytes of the head
//   u32 LE  number of the call the frame belongs to; 0 outside calls
//   u8      kind; what each means is the protocol's that uses the frame
//   u8 x 3  zero
//   head    JSON (UTF-8), may be empty
//   body    raw bytes, may be empty

export const HEADER_BYTES = 16;

/** The header of a frame. */
export interface FrameHeader {
  readonly kind: number;
  readonly call: number;
  readonly headBytes: number;
  readonly bodyBytes: number;
}

const EMPTY = new Uint8Array(0);
const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

/** A whole frame in one piece, so that it takes one write. */
export function encodeFrame(
  kind: number,
  call: number,
  head?: object,
  body: Uint8Array = EMPTY,
): Uint8Array {
  const headBytes = head === undefined ? EMPTY : encoder.encode(JSON.stringify(head));
  const frame = new Uint8Array(HEADER_BYTES + headBytes.length + body.length);
  const view = new DataView(frame.buffer);
  view.setUint32(0, headBytes.length + body.length, true);
  view.setUint32(4, headBytes.length, true);
  view.setUint32(8, call, true);
  frame[12] = kind;
  frame.set(headBytes, HEADER_BYTES);
  frame.set(body, HEADER_BYTES + headBytes.length);
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
  const value: unknown = JSON.parse(decoder.decode(bytes));
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TypeError('the head is not an object');
  }
  return value as Record<string, unknown>;
}
