// A home whose tool `http-once` gets one page of a server on loopback, with a secret for some of them.

import { readFileSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { fixture } from './fixtures.ts';
import { loopbackServer, type LoopbackServer } from './loopback-server.ts';
import { createTestHome, type TestHome } from './warder.ts';

export interface SecretHome extends AsyncDisposable {
  readonly home: TestHome;
  readonly server: LoopbackServer;
  /** Headers of each request that arrived. */
  readonly arrived: readonly IncomingMessage['headers'][];
  /** Adds the tool for one page; `/v1/**` is sent `API_KEY` as a bearer token. */
  addTool(path: string, ...flags: readonly string[]): Promise<Readonly<Record<string, unknown>>>;
}

/** @param answer what a page says, given the authorization field. */
export async function secretHome(options: {
  readonly answer: (path: string, field: string) => string;
  /** Whether the default agent has the capability. */
  readonly credential: boolean;
}): Promise<SecretHome> {
  const arrived: IncomingMessage['headers'][] = [];
  const server = await loopbackServer(({ headers, url = '' }, response) => {
    arrived.push(headers);
    const text = options.answer(url, headers.authorization ?? '(none)');
    response.end(JSON.stringify({ content: [{ type: 'text', text }], isError: false }));
  });
  const home = await createTestHome();
  if (options.credential) allowCredential(home.root);
  const policy = join(home.root, 'all.cedar');
  writeFileSync(policy, '@id("all") permit (principal, action in Action::"call", resource);');
  await home.ok(['policy', 'set', policy]);
  const origin = `http://127.0.0.1:${server.port}`;
  return {
    home,
    server,
    arrived,
    addTool: (path, ...flags) =>
      home.ok([
        'tool',
        'add',
        fixture('http-once'),
        '--config',
        `url=${origin}${path}`,
        '--allow-net',
        `GET ${origin}/**`,
        '--secret',
        `API_KEY@GET,${origin}/v1/**:Authorization=Bearer {}`,
        ...flags,
      ]),
    async [Symbol.asyncDispose]() {
      await home.remove();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** As docs/operations.md tells the operator to. */
function allowCredential(root: string): void {
  const path = join(root, 'config.json');
  const text = readFileSync(path, 'utf8');
  const widened = text.replace(
    '"capabilities": [',
    '"capabilities": [\n        { "type": "credential", "names": ["API_KEY"] },',
  );
  if (widened === text) throw new Error('the config has no capabilities to add to');
  writeFileSync(path, widened);
}
