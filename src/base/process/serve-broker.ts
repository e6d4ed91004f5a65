// A broker's own end of its pipe to the daemon, for one that works on many requests at once: requests come in on
// descriptor 0, replies go out on descriptor 1. It ends when the daemon does.

import { Socket } from 'node:net';
import { quit, writeFrame } from '../frames/blocking-pipe.ts';
import type { FrameHeader } from '../frames/frame.ts';
import { type Frame, FrameReader } from '../frames/frame-reader.ts';
import { BrokerKind } from './broker-frames.ts';

const INBOX_BYTES = 64 << 10;

/** A request of the daemon's. */
export interface BrokerRequest<Message> {
  /** Unique among those that are not answered. */
  readonly number: number;
  /** The daemon alone writes here: its messages are what their types say. */
  readonly message: Message;
  readonly body: Uint8Array;
}

/** What answers it. */
export interface Served<Answer extends object> {
  readonly answer: Answer;
  readonly bytes?: Uint8Array;
}

export interface BrokerWork<Message, Answer extends object> {
  /** What it throws ends the process, and with it every request that is not answered. */
  request(request: BrokerRequest<Message>): Promise<Served<Answer>>;
  /** Nobody waits for the request of this number any more. */
  abandon(number: number): void;
}

/** Says that the broker is up, and serves until the pipe ends. */
export function serveBroker<Message, Answer extends object>(
  work: BrokerWork<Message, Answer>,
): void {
  const answer = async ({ call: number, head, body }: Frame): Promise<void> => {
    const message = head as Message;
    // A copy: the inbox is written over by what comes next.
    const request = { number, message, body: new Uint8Array(body) };
    const served = await work.request(request);
    writeFrame(BrokerKind.reply, number, served.answer, served.bytes);
  };
  const reader = new FrameReader({
    accept: ({ kind }: FrameHeader) => {
      if (kind !== BrokerKind.request && kind !== BrokerKind.abandon) throw new RangeError('kind');
    },
    frame: (frame) => {
      if (frame.kind === BrokerKind.abandon) work.abandon(frame.call);
      else void answer(frame);
    },
  });
  const inbox = Buffer.allocUnsafe(INBOX_BYTES);
  const pipe = new Socket({
    fd: 0,
    onread: {
      buffer: inbox,
      callback: (count) => {
        reader.push(inbox.subarray(0, count));
        return true;
      },
    },
  });
  pipe.on('end', () => quit(0));
  pipe.on('error', () => quit(0));
  pipe.resume();
  writeFrame(BrokerKind.ready, 0);
}
