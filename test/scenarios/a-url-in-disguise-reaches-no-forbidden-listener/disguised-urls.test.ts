// URLs that mean loopback in disguise, under rules that allow every name. The listener counts who comes.

import { lookup } from 'node:dns';
import { readFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import { Agent, request } from 'undici';
import ipaddr from 'ipaddr.js';
import { describe, expect, it } from 'vitest';
import { fetchOnce, openSession, testEgress } from '../../support/egress.ts';
import { loopbackServer, type LoopbackServer } from '../../support/loopback-server.ts';
import { netRule, reachPermit } from '../../support/reach-permit.ts';
import { vectorSuite } from '../../support/vectors.ts';

/** Spellings of 127.0.0.1, of names for it and of addresses that carry it. PORT is the listener's. */
const DISGUISES = [
  'http://127.0.0.1:PORT/',
  'http://127.1:PORT/',
  'http://127.000.000.1:PORT/',
  'http://0x7f000001:PORT/',
  'http://0x7f.0x0.0x0.0x1:PORT/',
  'http://0177.0.0.1:PORT/',
  'http://2130706433:PORT/',
  'http://0:PORT/',
  'http://0.0.0.0:PORT/',
  'http://127.0.0.1.:PORT/',
  'http://127。0。0。1:PORT/',
  'http://①②⑦.⓪.⓪.①:PORT/',
  'http://%31%32%37.0.0.1:PORT/',
  'http://localhost:PORT/',
  'http://LOCALHOST:PORT/',
  'http://localhost.:PORT/',
  'http://[::1]:PORT/',
  'http://[::]:PORT/',
  'http://[0:0:0:0:0:0:0:1]:PORT/',
  'http://[::ffff:127.0.0.1]:PORT/',
  'http://[::ffff:7f00:1]:PORT/',
  'http://[::127.0.0.1]:PORT/',
  'http://[::7f00:1]:PORT/',
  'http://[::ffff:0:127.0.0.1]:PORT/',
  'http://[64:ff9b::127.0.0.1]:PORT/',
  'http://[2002:7f00:1::]:PORT/',
  'http://allowed.example@127.0.0.1:PORT/',
  'http://allowed.example:80@127.0.0.1:PORT/',
  'http://127.0.0.1:PORT\\@allowed.example/',
  'http://allowed.example\\@127.0.0.1:PORT/',
  'http:127.0.0.1:PORT/',
  'http:///127.0.0.1:PORT/',
  'http://\t127.0.0.1:PORT/',
  'http://127.0.0.1:PORT#@allowed.example/',
  'http://127.0.0.1:PORT?@allowed.example/',
];

function suiteUrls(): string[] {
  const suite = vectorSuite('ssrf');
  if (suite === undefined) return [];
  const lines = readFileSync(join(suite, 'payloads-976.txt'), 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => line.replaceAll(':80', ':PORT'));
}

const urls = [...DISGUISES, ...suiteUrls()];
const ANSWER = 'forbidden ground';

/** Listens on both loopback addresses, so that no spelling misses it; on one where IPv6 is off. */
async function forbiddenListener(): Promise<LoopbackServer> {
  const answer: RequestListener = (_, response) => response.end(ANSWER);
  const four = await loopbackServer(answer);
  let six: LoopbackServer | undefined;
  try {
    six = await loopbackServer(answer, { host: '::1', port: four.port });
  } catch (thrown) {
    console.error('SKIPPED: no listener on ::1', thrown);
  }
  return {
    port: four.port,
    connections: () => four.connections() + (six?.connections() ?? 0),
    async [Symbol.asyncDispose]() {
      await four[Symbol.asyncDispose]();
      await six?.[Symbol.asyncDispose]();
    },
  };
}

describe('URLs in disguise', () => {
  it('reach loopback when only look-ups are checked', async () => {
    await using server = await forbiddenListener();
    // The naive form: the agent's look-up refuses loopback, and literals are never looked up.
    const agent = new Agent({
      connect: {
        timeout: 500,
        lookup: (name, options, callback) => {
          lookup(name, { ...options, all: true }, (error, found) => {
            const good = found?.every(({ address }) => ipaddr.parse(address).range() === 'unicast');
            callback(error ?? (good ? null : new Error('forbidden')), found);
          });
        },
      },
    });
    const reaches = async (url: string): Promise<boolean> => {
      try {
        const signal = AbortSignal.timeout(500);
        const { body } = await request(url.replaceAll('PORT', String(server.port)), {
          dispatcher: agent,
          signal,
        });
        return (await body.text()) === ANSWER;
      } catch {
        // Some are no URLs to undici either.
        return false;
      }
    };
    const reached = (await Promise.all(DISGUISES.map(reaches))).filter(Boolean).length;
    await agent.destroy();
    expect(reached).toBeGreaterThan(10);
  });

  it(`reach nothing through egress: ${urls.length} of them, whatever DNS says`, async () => {
    await using server = await forbiddenListener();
    const { port } = server;
    const permit = reachPermit({
      allowNet: [80, port].flatMap((at) => [
        netRule(`* http://*:${at}/**`),
        netRule(`* https://*:${at}/**`),
        netRule(`* http://*.example:${at}/**`),
        netRule(`* http://localhost:${at}/**`),
      ]),
    });
    // Each name stands for loopback, in the ways an answer can say so.
    const answers = [['127.0.0.1'], ['::1'], ['::ffff:127.0.0.1'], ['0.0.0.0'], ['::']];
    for (const answer of answers) {
      await using egress = await testEgress({ zone: () => answer });
      using session = openSession(egress, permit);
      for (const url of urls) {
        const reply = await session.get(url.replaceAll('PORT', String(port)));
        expect(reply.ok, url).toBe(false);
        expect(session.effects.at(-1)?.state, url).toBe('refused');
      }
      expect(session.effects).toHaveLength(urls.length);
    }
    expect(server.connections()).toBe(0);
  });

  it('the listener is reached when a rule gives its address, so it could be counted', async () => {
    await using server = await forbiddenListener();
    const permit = reachPermit({ allowNet: [netRule(`GET http://127.0.0.1:${server.port}/**`)] });
    await using egress = await testEgress();
    const { reply } = await fetchOnce(egress, permit, { url: `http://127.0.0.1:${server.port}/` });
    expect(reply.ok).toBe(true);
    expect(server.connections()).toBe(1);
  });
});
