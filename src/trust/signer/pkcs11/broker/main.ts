// The process that has loaded a PKCS#11 module. A vendor's code may hang, crash or be poisoned by a token
// that went away: here it takes nothing else with it, and a new process begins anew.

import { type Served, serveBroker } from '../../../../base/process/serve-broker.ts';
import type { ModuleAnswer, ModuleRequest } from '../messages.ts';
import { deviceTrouble } from './device-trouble.ts';
import { loadModule } from './load-module.ts';
import { Token } from './token.ts';

const [, , path = ''] = process.argv;
const module = loadModule(path);
// Every request awaits it.
module.catch(() => undefined);
let token: Token | undefined;

async function serve(request: ModuleRequest, body: Uint8Array): Promise<Served<ModuleAnswer>> {
  const loaded = await module;
  switch (request.op) {
    case 'log-in':
      token = Token.logIn(loaded, request.token, request.pin);
      return { answer: { value: token.facts } };
    case 'find':
      return { answer: { value: loggedIn().find(request.object) } };
    case 'check-new':
      loggedIn().checkNew(request.object, request.alg);
      return { answer: {} };
    case 'generate':
      await loggedIn().generate(request.object, request.alg);
      return { answer: {} };
    case 'sign':
      return { answer: {}, bytes: await loggedIn().sign(request.id, request.mechanism, body) };
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

serveBroker<ModuleRequest, ModuleAnswer>({
  async request({ message: asked, body }) {
    try {
      return await serve(asked, body);
    } catch (thrown) {
      const { code, message, hint, data } = deviceTrouble(thrown, `${asked.op} in the token`);
      return { answer: { error: { code, message, hint, data } } };
    }
  },
  // What nobody waits for any more is the reason why this process is ended.
  abandon() {},
});
