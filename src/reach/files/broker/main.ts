// The process that touches files for guests: it holds no keys, and serves one request after the other.

import { randomBytes } from 'node:crypto';
import { systemClock } from '../../../base/clock/clock.ts';
import { type OwnFrame, quit, readFrame, writeFrame } from '../../../base/frames/blocking-pipe.ts';
import { BrokerKind } from '../../../base/process/broker-frames.ts';
import type { BrokerMessage, FileRequest } from '../messages.ts';
import { CallFiles, type Served } from './call-files.ts';
import { descender, type Way } from './descend.ts';
import { DeniedInodes } from './own-inodes.ts';

const NOTHING: Served = { answer: { ok: true, value: {}, hasBytes: false } };

let own = new DeniedInodes({ roots: [], above: [], below: 'too-many' });
const [, , maker = randomBytes(16).toString('hex'), wanted] = process.argv;
const dead = new Set<string>();
const calls = new Map<number, CallFiles>();
const { descend } = descender(wanted as Way | undefined);
const ground = { descend, own: () => own, maker, dead, now: () => systemClock.wall() };

function serve(message: BrokerMessage, body: Uint8Array): Served {
  switch (message.op) {
    case 'begin':
      if (message.own !== undefined) own = new DeniedInodes(message.own);
      for (const each of message.dead) dead.add(each);
      calls.set(message.call, new CallFiles(message.terms, ground));
      return NOTHING;
    case 'end':
      calls.get(message.call)?.end();
      calls.delete(message.call);
      return NOTHING;
    default: {
      const call = calls.get(message.call) ?? quit(3);
      return call.serve({ ...message, data: body } as FileRequest);
    }
  }
}

function answer(frame: OwnFrame): void {
  // What nobody waits for any more is done by now, or was the reason why this process is ended.
  if (frame.kind === BrokerKind.abandon) return;
  if (frame.kind !== BrokerKind.request) quit(3);
  // The daemon alone writes here: its messages are what their types say.
  const served = serve(frame.head as unknown as BrokerMessage, frame.body);
  writeFrame(BrokerKind.reply, frame.call, served.answer, served.bytes);
}

writeFrame(BrokerKind.ready, 0);
for (;;) answer(readFrame());
