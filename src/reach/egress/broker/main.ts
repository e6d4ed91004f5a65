// The process that speaks HTTP, TLS and DNS for guests: it holds no keys, knows the rules of the calls
// it serves, and a secret only while a request needs it.

import { Socket } from 'node:net';
import { quit, writeFrame } from '../../../base/frames/blocking-pipe.ts';
import type { FrameHeader } from '../../../base/frames/frame.ts';
import { type Frame, FrameReader } from '../../../base/frames/frame-reader.ts';
import { BrokerKind } from '../../../base/process/broker-frames.ts';
import type { BrokerMessage, BrokerSettings } from '../messages.ts';
import { compileRules } from '../rules.ts';
import { Abandon } from './abandon.ts';
import type { Resolve } from './addresses.ts';
import { type Answered, BrokerCall } from './call.ts';
import { resolver } from './resolve.ts';

const INBOX_BYTES = 64 << 10;
const NOTHING: Answered = { answer: {} };

let settings: BrokerSettings | undefined;
let resolve: Resolve | undefined;
const calls = new Map<number, BrokerCall>();
const waiting = new Map<number, Abandon>();

async function serve(
  message: BrokerMessage,
  body: Uint8Array,
  abandon: Abandon,
): Promise<Answered> {
  if (message.op === 'settings') {
    ({ settings } = message);
    resolve = resolver(settings.nameServers);
    return NOTHING;
  }
  if (message.op === 'open') {
    if (settings === undefined || resolve === undefined) throw new TypeError('not set up');
    const rules = compileRules(message.allow, message.deny);
    calls.set(message.call, new BrokerCall(settings, rules, resolve));
    return NOTHING;
  }
  const call = calls.get(message.call);
  if (call === undefined) throw new TypeError('a call that is not open');
  switch (message.op) {
    case 'close':
      calls.delete(message.call);
      call.close();
      return NOTHING;
    case 'fetch':
      return call.fetch(message.hop, body, abandon);
    case 'stream-start':
      return call.start(message.exchange, message.hop, message.body, abandon);
    case 'stream-write':
      return call.write(message.exchange, body);
    case 'stream-finish':
      return call.finish(message.exchange);
    case 'stream-read':
      return call.read(message.exchange, message.length);
    case 'stream-close':
      return call.closeExchange(message.exchange);
  }
}

async function request(frame: Frame): Promise<void> {
  const abandon = new Abandon();
  // The inbox is written over by what comes next.
  const body = new Uint8Array(frame.body);
  waiting.set(frame.call, abandon);
  // The daemon alone writes here: its messages are what their types say.
  const message = frame.head as unknown as BrokerMessage;
  try {
    const { answer, bytes } = await serve(message, body, abandon);
    writeFrame(BrokerKind.reply, frame.call, answer, bytes);
  } finally {
    waiting.delete(frame.call);
  }
}

const reader = new FrameReader({
  accept: ({ kind }: FrameHeader) => {
    if (kind !== BrokerKind.request && kind !== BrokerKind.abandon) throw new RangeError('kind');
  },
  frame: (frame) => {
    if (frame.kind === BrokerKind.abandon) waiting.get(frame.call)?.now();
    else void request(frame);
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
