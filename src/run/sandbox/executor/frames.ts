// The frames daemon and executor exchange over the executor's stdin and stdout. Shared by both ends.
//
//   u32 LE  bytes after the header: head and body
//   u32 LE  bytes of the head
//   u32 LE  number of the call the frame belongs to; 0 outside calls
//   u8      kind
//   u8 x 3  zero
//   head    JSON (UTF-8), may be empty
//   body    raw bytes, may be empty

export const HEADER_BYTES = 16;

/** What a frame is. Odd numbers go to the executor, even ones come from it. */
export const FrameKind = {
  /** Loads the package; once. Head {@link LoadHead}, body its parts one after the other. */
  load: 1,
  /** Asks for the package's operations. */
  describe: 3,
  /** Starts a call. Head {@link CallHead}, body the arguments. */
  call: 5,
  /** Answers a request. Head {@link ReplyHead}, body bytes. */
  reply: 7,
  /** Nothing is to do: gives memory back. Not answered. */
  rest: 9,
  /** The executor is up. */
  ready: 2,
  /** The package is compiled. */
  loaded: 4,
  /** A guest asks the host. Head is the request without its bytes, body the bytes. */
  request: 6,
  /** A guest logs. Head {@link LogHead}, body the line. */
  log: 8,
  /** A call or describe ended with an answer. Head {@link AnswerHead}, body the answer. */
  answer: 10,
  /** A load, call or describe ended without one. Head {@link FailedHead}. */
  failed: 12,
} as const;

export type FrameKind = (typeof FrameKind)[keyof typeof FrameKind];

export interface LoadHead {
  readonly engine: 'extism' | 'component';
  readonly maxMemoryBytes: number;
  /** Names and lengths of what stands in the body: see {@link splitParts}. */
  readonly parts: readonly { readonly name: string; readonly length: number }[];
}

export interface CallHead {
  readonly tool: string;
  readonly env: Readonly<Record<string, string>>;
  readonly config: Readonly<Record<string, string>>;
  readonly roots: readonly string[];
  readonly writable: readonly string[];
  readonly outputBytes: number;
}

/** `value` and the body's bytes, or a refusal. */
export type ReplyHead =
  | { readonly ok: true; readonly value: unknown; readonly hasBytes: boolean }
  | { readonly ok: false; readonly code: string; readonly message: string };

export interface LogHead {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
}

export interface AnswerHead {
  readonly peakMemoryBytes: number;
  readonly cpuMicros: number;
  /** Answers of `describe` only. */
  readonly convention?: string;
}

export interface FailedHead {
  /** `tool`: the guest ended by itself; `memory`, `output`: it ran out of that. */
  readonly cause: 'tool' | 'memory' | 'output';
  readonly reason: string;
  readonly peakMemoryBytes: number;
  readonly cpuMicros: number;
}

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
  kind: FrameKind,
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

/** Joins parts for the body of a load. */
export function joinParts(parts: ReadonlyMap<string, Uint8Array>): {
  readonly parts: LoadHead['parts'];
  readonly body: Uint8Array;
} {
  const list = [...parts].map(([name, bytes]) => ({ name, length: bytes.length }));
  const body = new Uint8Array(list.reduce((total, { length }) => total + length, 0));
  let at = 0;
  for (const bytes of parts.values()) {
    body.set(bytes, at);
    at += bytes.length;
  }
  return { parts: list, body };
}

/** The parts of a load's body, by name. */
export function splitParts(parts: LoadHead['parts'], body: Uint8Array): Map<string, Uint8Array> {
  const split = new Map<string, Uint8Array>();
  let at = 0;
  for (const { name, length } of parts) {
    split.set(name, body.subarray(at, at + length));
    at += length;
  }
  if (at !== body.length) throw new RangeError('the parts do not fill the body');
  return split;
}
