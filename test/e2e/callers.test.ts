// Who a caller is, through the command line and a daemon: leases with their key, identities, tenants.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'jsonc-parser';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { proveCall } from '../../src/front/mcp/prove-call.ts';
import { HeldLease } from '../../src/trust/holder/held-lease.ts';
import { importHolderKey } from '../../src/trust/holder/holder-key.ts';
import { sampleTool } from '../support/fixtures.ts';
import { FakeIssuer } from '../support/issuer.ts';
import { dial } from '../support/line-peer.ts';
import { openRawMcp } from '../support/raw-mcp.ts';
import { createTestHome, type TestHome } from '../support/warder.ts';

const CALLS = [{ type: 'tool.call', tools: ['*'] }];
const ARGS = ['--args', '{"text":"hi"}'];
const issuer = new FakeIssuer('RS256');
let home: TestHome;
let key: string;
let lease: string;

beforeAll(async () => {
  home = await createTestHome();
  const path = join(home.root, 'config.json');
  const config = parse(readFileSync(path, 'utf8')) as { agents: object };
  config.agents = {
    ...config.agents,
    acme: { tenant: 'acme', capabilities: CALLS },
    keyed: { capabilities: CALLS, holder: 'dpop' },
  };
  const trust = {
    issuers: [
      {
        issuer: 'https://id.example',
        audience: 'warder',
        jwks: 'issuer.jwks',
        algorithms: ['RS256'],
        principalPrefix: 'corp:',
        agent: 'default',
      },
    ],
  };
  writeFileSync(join(home.root, 'issuer.jwks'), JSON.stringify({ keys: [issuer.jwk] }), {
    mode: 0o644,
  });
  writeFileSync(path, JSON.stringify({ ...config, trust }));
  await home.ok(['tool', 'add', sampleTool('text')]);
  key = join(home.root, 'holder.key');
  lease = join(home.root, 'held.lease');
  const { jwk } = await home.ok<{ jwk: object }>(['lease', 'key', key]);
  writeFileSync(lease, `${await requestLease(jwk)}\n`);
});
afterAll(() => home.remove());

/** A lease bound to a key, from the agent's socket. */
async function requestLease(holder: object): Promise<string> {
  const peer = await dial(join(home.root, 'agent.sock'));
  const terms = {
    task: 'build',
    capabilities: CALLS,
    ttl_seconds: 600,
    reason: 'test',
    holder_key: holder,
  };
  peer.send({ warder: { mode: 'lease' } }, { op: 'request', terms });
  const [line = ''] = await peer.received(1);
  peer.socket.destroy();
  const { standing } = JSON.parse(line) as { standing?: { lease?: string } };
  if (standing?.lease === undefined) throw new Error(`no lease: ${line}`);
  return standing.lease;
}

const call = (...more: readonly string[]) =>
  home.run(['--json', 'call', 'text_echo', ...ARGS, ...more]);

async function newest(): Promise<{ principal: string; lease?: string; outcome: string }> {
  type Row = { principal: string; lease?: string; outcome: string };
  const rows = await home.ok<Row[]>(['receipts', 'list', '--type', 'call', '--last', '1']);
  return rows[0] ?? { principal: '', outcome: '' };
}

test('`call --lease --lease-key` signs the proof; without the key, or by another, nothing runs', async () => {
  const held = ['--lease', `@${lease}`];
  expect((await call(...held, '--lease-key', key)).code).toBe(0);
  expect(await newest()).toMatchObject({ principal: 'agent:default', outcome: 'done' });
  const stolen = await call(...held);
  expect([stolen.code, stolen.json()]).toMatchObject([
    3,
    { error: { code: 'lease-refused' }, receipt: {} },
  ]);
  const other = join(home.root, 'other.key');
  if (!existsSync(other)) await home.ok(['lease', 'key', other]);
  expect((await call(...held, '--lease-key', other)).code).toBe(3);
  expect(await newest()).toMatchObject({ outcome: 'refused' });
  // On the socket for holders of keys it is the only way.
  expect((await call('--agent', 'keyed')).code).toBe(3);
  expect((await call('--agent', 'keyed', ...held, '--lease-key', key)).code).toBe(0);
});

test('a proof that was used is refused by the daemon after this one, and the command goes on', async () => {
  const private_ = JSON.parse(readFileSync(key, 'utf8')) as unknown;
  const text = readFileSync(lease, 'utf8').trim();
  const held = new HeldLease(text, await importHolderKey(private_), Date.now);
  const path = join(home.root, 'agent.sock');
  const proof = await proveCall(path, held, 'text_echo', '{"text":"hi"}');
  const send = async (): Promise<string> => {
    const peer = await dial(path);
    peer.send(
      { warder: { mode: 'call' } },
      { tool: 'text_echo', arguments: '{"text":"hi"}', lease: text, proof },
    );
    const [line = ''] = await peer.received(1);
    peer.socket.destroy();
    return line;
  };
  expect(await send()).toContain('"answer"');
  await home.ok(['stop']);
  expect((await call('--lease', `@${lease}`, '--lease-key', key)).code).toBe(0);
  expect(await send()).toContain('lease-refused');
});

test('`mcp --lease --lease-key` proves each call of a client that knows nothing of it', async () => {
  const mcp = openRawMcp(home, '--lease', `@${lease}`, '--lease-key', key);
  await mcp.initialize();
  for (const id of [10, 11]) {
    const params = { name: 'text_echo', arguments: { text: `n ${id}` } };
    const { result } = await mcp.request(id, 'tools/call', params);
    expect(result?.['content']).toEqual([{ type: 'text', text: `n ${id}` }]);
  }
  mcp.endInput();
  expect(await mcp.exited).toBe(0);
  const { stateKey } = await home.ok<{ stateKey: string }>([
    'lease',
    'show',
    (await newest()).lease ?? '',
  ]);
  expect(stateKey).toBe((await newest()).lease);
});

test('`call --identity`: the person of the JWT; one that is no more, or on a command line, is refused', async () => {
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: 'https://id.example', aud: 'warder', sub: 'ann', iat: now };
  const file = join(home.root, 'ann.jwt');
  writeFileSync(file, issuer.token({ ...claims, exp: now + 300 }));
  expect((await call('--identity', `@${file}`)).code).toBe(0);
  expect(await newest()).toMatchObject({ principal: 'corp:ann', outcome: 'done' });
  writeFileSync(file, issuer.token({ ...claims, iat: now - 600, exp: now - 300 }));
  expect((await call('--identity', `@${file}`)).code).toBe(3);
  expect((await call('--identity', 'eyJ.eyJ.x')).code).toBe(2);
  expect((await call('--as', 'root', '--identity', `@${file}`)).code).toBe(2);
  const rows = await home.ok<object[]>(['receipts', 'list', '--type', 'authentication']);
  expect(rows).toMatchObject([{ outcome: 'refused' }, { outcome: 'done', principal: 'corp:ann' }]);
});

test('`--tenant`: tools of one tenant are there for its agents alone', async () => {
  expect((await call('--agent', 'acme')).code).toBe(2);
  await home.ok(['tool', 'add', sampleTool('text'), '--tenant', 'acme']);
  expect((await call('--agent', 'acme')).code).toBe(0);
  await home.ok(['tool', 'disable', 'text', '--tenant', 'acme']);
  expect((await call('--agent', 'acme')).code).toBe(2);
  expect((await call()).code).toBe(0);
  const wrong = await home.run(['tool', 'list', '--tenant', '../default']);
  expect(wrong.code).toBe(2);
  const held = ['--lease', `@${lease}`, '--lease-key', key];
  expect((await call('--agent', 'acme', ...held)).code).toBe(3);
});
