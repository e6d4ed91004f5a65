// The process that speaks HTTP, TLS and DNS for guests: it holds no keys, knows the rules of the calls
// it serves, and a secret only while a request needs it.

import { serveBroker } from '../../../base/process/serve-broker.ts';
import type { BrokerAnswer, BrokerMessage, BrokerSettings } from '../messages.ts';
import { compileRules } from '../rules.ts';
import { Abandon } from './abandon.ts';
import type { Resolve } from './addresses.ts';
import { type Answered, BrokerCall } from './call.ts';
import { resolver } from './resolve.ts';

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

serveBroker<BrokerMessage, BrokerAnswer>({
  async request({ number, message, body }) {
    const abandon = new Abandon();
    waiting.set(number, abandon);
    try {
      return await serve(message, body, abandon);
    } finally {
      waiting.delete(number);
    }
  },
  abandon: (number) => waiting.get(number)?.now(),
});
