// The host as the guest of one call sees it: requests over the pipe, one at a time.

import type { FileFault, HostReply, HostRequest, RefusalCode } from '../host-calls.ts';
import type { GuestHost, LogLevel } from './engine.ts';
import { type CallHead, FrameKind, type LogHead } from './frames.ts';
import { type OwnFrame, quit, readFrame, writeFrame } from '../../../base/frames/blocking-pipe.ts';

/** Longest log line, UTF-16 units; the rest is cut. */
const MAX_LINE = 16_384;

const EMPTY = new Uint8Array(0);
const encoder = new TextEncoder();

/** A guest's way to the daemon while call `number` runs. */
export class PipeHost implements GuestHost {
  readonly env: Readonly<Record<string, string>>;
  readonly config: Readonly<Record<string, string>>;
  readonly roots: readonly string[];
  readonly writable: readonly string[];
  readonly outputBytes: number;
  readonly #number: number;

  constructor(number: number, head: CallHead) {
    this.#number = number;
    this.env = nullPrototype(head.env);
    this.config = nullPrototype(head.config);
    this.roots = head.roots;
    this.writable = head.writable;
    this.outputBytes = head.outputBytes;
  }

  request(request: HostRequest): HostReply {
    const { head, bytes } = splitRequest(request);
    writeFrame(FrameKind.request, this.#number, head, bytes);
    const frame = readFrame();
    if (frame.kind !== FrameKind.reply || frame.call !== this.#number) quit(3);
    return readReply(frame);
  }

  log(level: LogLevel, message: string): void {
    const line = encoder.encode(message.slice(0, MAX_LINE));
    const head: LogHead = { level };
    writeFrame(FrameKind.log, this.#number, head, line);
  }
}

/** What a guest meets while it describes itself: a host that gives nothing. */
export const closedHost: GuestHost = {
  env: Object.freeze(Object.create(null) as Record<string, string>),
  config: Object.freeze(Object.create(null) as Record<string, string>),
  roots: [],
  request: () => ({ ok: false, code: 'denied', message: 'a package describes itself alone' }),
  log: () => {},
};

/** The request without its bytes, and the bytes. */
function splitRequest(request: HostRequest): { head: object; bytes: Uint8Array } {
  switch (request.op) {
    case 'http': {
      const { body, ...head } = request;
      return { head, bytes: body };
    }
    case 'kv-set': {
      const { value, ...head } = request;
      return { head, bytes: value };
    }
    case 'file-write':
    case 'file-write-at':
    case 'http-write': {
      const { data, ...head } = request;
      return { head, bytes: data };
    }
    default:
      return { head: request, bytes: EMPTY };
  }
}

/** The daemon is trusted; what it says has the form it declares. */
function readReply({ head, body }: OwnFrame): HostReply {
  if (head['ok'] !== true) {
    return {
      ok: false,
      code: head['code'] as RefusalCode,
      message: String(head['message']),
      ...(head['fault'] === undefined ? {} : { fault: head['fault'] as FileFault }),
    };
  }
  const value = head['value'] as Extract<HostReply, { ok: true }>['value'];
  return head['hasBytes'] === true ? { ok: true, value, bytes: body } : { ok: true, value };
}

function nullPrototype(record: Readonly<Record<string, string>>): Record<string, string> {
  return Object.assign(Object.create(null) as Record<string, string>, record);
}
