// The process that has loaded a PKCS#11 module. A vendor's code may hang, crash or be poisoned by a token
// that went away: here it takes nothing else with it, and a new process begins anew.

import { Socket } from 'node:net';
import { quit, writeFrame } from '../../../../base/frames/blocking-pipe.ts';
import type { FrameHeader } from '../../../../base/frames/frame.ts';
import { type Frame, FrameReader } from '../../../../base/frames/frame-reader.ts';
import { BrokerKind } from '../../../../base/process/broker-frames.ts';
import type { ModuleAnswer, ModuleRequest } from '../messages.ts';
import { deviceTrouble } from './device-trouble.ts';
import { loadModule } from './load-module.ts';
import { Token } from './token.ts';

const [, , path = ''] = process.argv;
const module = loadModule(path);
// Every request awaits it.
module.catch(() => undefined);
let token: Token | undefined;

interface Served {
  readonly answer: ModuleAnswer;
  readonly body?: Uint8Array;
}

async function serve(request: ModuleRequest, body: Uint8Array): Promise<Served> {
  const loaded = await module;
  switch (request.op) {
    case 'log-in':
      token = Token.logIn(loaded, request.token, request.pin);
      return { answer: { value: token.facts } };
    case 'find':
      return { answer: { value: loggedIn().find(request.object) } };
    case 'generate':
      await loggedIn().generate(request.object, request.alg);
      return { answer: {} };
    case 'sign':
      return { answer: {}, body: await loggedIn().sign(request.id, request.mechanism, body) };
    case 'finish':
      token?.close();
      loaded.finalize();
      return { answer: {} };
  }
}

function loggedIn(): Token {
  if (token === undefined) throw new TypeError('not logged in');
  return token;
}

async function answer(frame: Frame): Promise<void> {
  // The inbox is written over by what comes next.
  const body = new Uint8Array(frame.body);
  // Our own process alone writes here: its messages are what their types say.
  const request = frame.head as unknown as ModuleRequest;
  let served: Served;
  try {
    served = await serve(request, body);
  } catch (thrown) {
    const { code, message, hint, data } = deviceTrouble(thrown, `${request.op} in the token`);
    served = { answer: { error: { code, message, hint, data } } };
  }
  writeFrame(BrokerKind.reply, frame.call, served.answer, served.body);
}

const reader = new FrameReader({
  accept: ({ kind }: FrameHeader) => {
    if (kind !== BrokerKind.request && kind !== BrokerKind.abandon) throw new RangeError('kind');
  },
  frame: (frame) => {
    // What nobody waits for any more is the reason why this process is ended.
    if (frame.kind === BrokerKind.request) void answer(frame);
  },
});

const inbox = Buffer.allocUnsafe(64 << 10);
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
