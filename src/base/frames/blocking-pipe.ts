// The far end of a pipe to the daemon: blocking frames on descriptors 0 and 1. Anything out of order
// ends the process, because a frame that cannot be trusted leaves nothing to go on with.

import { readSync, writeSync, writevSync } from 'node:fs';

import { decodeHead, decodeHeader, encodeFrame, encodeFront, HEADER_BYTES } from './frame.ts';

const STDIN = 0;
const STDOUT = 1;
const INBOX_BYTES = 64 * 1024;
/** Largest frame taken: a package of 256 MiB and its names. */
const MAX_FRAME_BYTES = 260 * 1024 * 1024;
const RETRY_MS = 1;
/** A body from this size on costs more to copy than to hand over by itself. */
const MIN_GATHERED = 4096;

const inbox = new Uint8Array(INBOX_BYTES);
let start = 0;
let end = 0;
const never = new Int32Array(new SharedArrayBuffer(4));

export interface OwnFrame {
  readonly kind: number;
  readonly call: number;
  readonly head: Record<string, unknown>;
  /** A copy that is the reader's own, alone in its buffer. */
  readonly body: Uint8Array<ArrayBuffer>;
}

/** Waits for the next frame. Ends the process when the daemon is gone or the frame is bad. */
export function readFrame(): OwnFrame {
  fill(HEADER_BYTES);
  try {
    const { kind, call, headBytes, bodyBytes } = decodeHeader(inbox, start);
    if (headBytes + bodyBytes > MAX_FRAME_BYTES) quit(3);
    start += HEADER_BYTES;
    const head = decodeHead(take(headBytes));
    return { kind, call, head, body: take(bodyBytes) };
  } catch {
    return quit(3);
  }
}

/** Sends a frame, waiting until the system took all of it. */
export function writeFrame(kind: number, call: number, head?: object, body?: Uint8Array): void {
  if (body === undefined || body.length < MIN_GATHERED) {
    writeAll(encodeFrame(kind, call, head, body));
    return;
  }
  // In one system call, and without a copy.
  const front = encodeFront(kind, call, head, body.length);
  const written = untilReady(() => writevSync(STDOUT, [front, body]));
  if (written < front.length) writeAll(front.subarray(written));
  writeAll(body.subarray(Math.max(0, written - front.length)));
}

function writeAll(bytes: Uint8Array): void {
  let at = 0;
  while (at < bytes.length) {
    at += untilReady(() => writeSync(STDOUT, bytes, at, bytes.length - at));
  }
}

/** Ends the process at once. */
export function quit(code: number): never {
  process.exit(code);
}

/** Makes at least `count` bytes (no more than the inbox holds) stand in the inbox. */
function fill(count: number): void {
  if (end - start >= count) return;
  inbox.copyWithin(0, start, end);
  end -= start;
  start = 0;
  while (end < count) end += read(inbox, end);
}

function take(count: number): Uint8Array<ArrayBuffer> {
  const bytes = ownBytes(count);
  const ready = Math.min(count, end - start);
  bytes.set(inbox.subarray(start, start + ready));
  start += ready;
  // The rest goes straight to its place, without reading past this frame's end.
  let at = ready;
  while (at < count) at += read(bytes, at);
  return bytes;
}

/** Every byte of it is written before it is read. */
function ownBytes(count: number): Uint8Array<ArrayBuffer> {
  const { buffer } = Buffer.allocUnsafeSlow(count);
  return new Uint8Array(buffer);
}

function read(into: Uint8Array, at: number): number {
  const count = untilReady(() => readSync(STDIN, into, at, into.length - at, null));
  if (count === 0) quit(0);
  return count;
}

/** Some hosts hand over descriptors that do not block; then a short sleep stands in for blocking. */
function untilReady(attempt: () => number): number {
  for (;;) {
    try {
      return attempt();
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'EAGAIN' && code !== 'EINTR') quit(0);
      Atomics.wait(never, 0, 0, RETRY_MS);
    }
  }
}
