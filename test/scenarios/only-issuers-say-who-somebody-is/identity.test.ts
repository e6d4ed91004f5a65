// An identity is taken only as its issuer signed it, for this daemon, while it lasts; under another name,
// algorithm, key, audience or type it makes nobody of anyone.

import { writeFileSync } from 'node:fs';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type AgentFront, agentFront } from '../../support/agent-front.ts';
import { ALL_CAPABILITIES } from '../../support/decision.ts';
import { FakeIssuer, hmacToken, unsignedToken } from '../../support/issuer.ts';

type Json = Readonly<Record<string, unknown>>;

const ARGS = { text: 'hi' };
const ISS = 'https://id.example';
let home: string;
let front: AgentFront;
const issuer = new FakeIssuer('ES256', 'k1');
const rsa = new FakeIssuer('RS256', 'k2');
const second = new FakeIssuer('EdDSA', 'k1');
const stranger = new FakeIssuer('ES256', 'k1');

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'warder-issuer-'));
  const write = (name: string, keys: readonly object[]): void =>
    writeFileSync(join(home, name), JSON.stringify({ keys }), { mode: 0o644 });
  write('first.jwks', [issuer.jwk, rsa.jwk]);
  write('second.jwks', [second.jwk]);
  const trusted = {
    issuer: ISS,
    audience: 'warder',
    jwks: 'first.jwks',
    algorithms: ['ES256', 'RS256'],
    principalPrefix: 'corp:',
    agent: 'default',
  };
  front = await agentFront({
    home,
    config: {
      agents: {
        default: { capabilities: ALL_CAPABILITIES, holder: 'bearer' },
        desk: { capabilities: ALL_CAPABILITIES },
        strict: { capabilities: ALL_CAPABILITIES, holder: 'dpop' },
      },
      trust: {
        issuers: [
          trusted,
          {
            ...trusted,
            issuer: 'https://second.example',
            jwks: 'second.jwks',
            algorithms: ['EdDSA'],
            principalPrefix: 'second:',
            principalClaim: 'email',
          },
        ],
      },
    },
  });
});
afterAll(async () => {
  await front[Symbol.asyncDispose]();
  rmSync(home, { recursive: true, force: true });
});

function claims(change: Json = {}): Json {
  const second_ = Math.floor(front.gate.clock.wall() / 1000);
  return { iss: ISS, aud: 'warder', sub: 'ann', iat: second_, exp: second_ + 300, ...change };
}
const now = (): number => Math.floor(front.gate.clock.wall() / 1000);

test('the person it names, under a lease of the connection; receipts name her', async () => {
  for (const token of [issuer.token(claims()), rsa.token(claims({ aud: ['warder'] }))]) {
    expect((await front.call(ARGS, { identity: token })).answer).toBeDefined();
    expect((await front.call(ARGS, {}, { identity: token })).answer).toBeDefined();
  }
  expect(front.gate.receipts().at(-1)).toMatchObject({ principal: 'corp:ann', outcome: 'done' });
  const [issued] = front.gate.reader.list({ type: 'lease', outcome: 'issued' });
  expect(issued).toMatchObject({ principal: 'corp:ann' });
  const [taken] = front.gate.reader.list({ type: 'authentication', outcome: 'done' });
  expect(taken).toMatchObject({ principal: 'corp:ann' });
  const email = claims({ iss: 'https://second.example', email: 'bea@example' });
  expect((await front.call(ARGS, { identity: second.token(email) })).answer).toBeDefined();
  expect(front.gate.receipts().at(-1)).toMatchObject({ principal: 'second:bea@example' });
});

const publicPem = 'the public key as text';
const big = 'A'.repeat(10 * 1024 * 1024);

describe('refused, with a receipt, and nothing runs', () => {
  const cases: Readonly<Record<string, () => string>> = {
    'no signature at all (`none`)': () => unsignedToken(claims()),
    '`none` with the key’s name': () => unsignedToken(claims(), { alg: 'none', kid: 'k1' }),
    '`None`': () => unsignedToken(claims(), { alg: 'None', kid: 'k1' }),
    'an HMAC under what is public': () => hmacToken(claims(), 'k1', publicPem),
    'an HMAC under the key as JWK': () => hmacToken(claims(), 'k1', JSON.stringify(issuer.jwk)),
    'an algorithm that is not the key’s': () => issuer.token(claims(), { alg: 'RS256' }),
    'an algorithm that is not the issuer’s': () => issuer.token(claims(), { alg: 'ES384' }),
    'a list of algorithms': () => issuer.token(claims(), { alg: ['ES256'] }),
    'no algorithm': () => issuer.token(claims(), { alg: undefined }),
    'a key of the same name that is a stranger’s': () => stranger.token(claims()),
    'a stranger’s key brought along': () => stranger.token(claims(), { jwk: stranger.jwk }),
    'an address of keys': () => issuer.token(claims(), { jku: 'https://evil.example/jwks' }),
    'a certificate': () => issuer.token(claims(), { x5c: ['MIIB'] }),
    'the address of a certificate': () => issuer.token(claims(), { x5u: 'https://evil.example' }),
    'a name of a key that is a path': () => issuer.token(claims(), { kid: '../../etc/passwd' }),
    'a name of a key that is a prototype': () => issuer.token(claims(), { kid: '__proto__' }),
    'no name of a key': () => issuer.token(claims(), { kid: undefined }),
    'critical extensions': () => issuer.token(claims(), { crit: ['exp'], exp: 1 }),
    'another encoding of the payload': () => issuer.token(claims(), { b64: false }),
    'a lease by type': () => issuer.token(claims(), { typ: 'lease+jwt' }),
    'a proof by type': () => issuer.token(claims(), { typ: 'dpop+jwt' }),
    'a logout token': () => issuer.token(claims(), { typ: 'logout+jwt' }),
    'a type that is no text': () => issuer.token(claims(), { typ: 7 }),
    'two algorithms in the header': () =>
      issuer.tokenWithHeader('{"alg":"none","alg":"ES256","kid":"k1"}', claims()),
    'two principals in the claims': () =>
      issuer.token(JSON.stringify(claims()).replace('{', '{"sub":"root",')),
    'another issuer': () => issuer.token(claims({ iss: 'https://evil.example' })),
    'an issuer with a slash more': () => issuer.token(claims({ iss: `${ISS}/` })),
    'the name of one issuer under the key of another': () => second.token(claims()),
    'no issuer': () => issuer.token(claims({ iss: undefined })),
    'a list of issuers': () => issuer.token(claims({ iss: [ISS] })),
    'another audience': () => issuer.token(claims({ aud: 'other' })),
    'an audience that begins alike': () => issuer.token(claims({ aud: 'warder2' })),
    'two audiences': () => issuer.token(claims({ aud: ['warder', 'other'] })),
    'no audience': () => issuer.token(claims({ aud: undefined })),
    'no end': () => issuer.token(claims({ exp: undefined })),
    'an end that has come': () => issuer.token(claims({ exp: now() })),
    'an end that is text': () => issuer.token(claims({ exp: String(now() + 60) })),
    'an end years away': () => issuer.token(claims({ exp: now() + 86_401 })),
    'a beginning to come': () => issuer.token(claims({ nbf: now() + 61 })),
    'made in the future': () => issuer.token(claims({ iat: now() + 61, exp: now() + 90 })),
    'no time it was made': () => issuer.token(claims({ iat: undefined })),
    'bound to a key': () => issuer.token(claims({ cnf: { jkt: 'x' } })),
    'no name': () => issuer.token(claims({ sub: undefined })),
    'a name that is empty': () => issuer.token(claims({ sub: '' })),
    'a name that is no text': () => issuer.token(claims({ sub: { toString: 'root' } })),
    'a name with a line break': () => issuer.token(claims({ sub: 'ann\nroot' })),
    'a name that reads backwards': () => issuer.token(claims({ sub: 'ann\u202etoor' })),
    'a name that looks like another': () => issuer.token(claims({ sub: '\u0430nn' })),
    'claims that are no object': () => issuer.token('["ann"]'),
    'one bit of the signature': () => flip(issuer.token(claims()), -3),
    'one bit of the claims': () => flip(issuer.token(claims()), 100),
    padding: () => `${issuer.token(claims())}=`,
    'four parts': () => `${issuer.token(claims())}.x`,
    'nothing but dots': () => '..',
    'a thousand dots': () => '.'.repeat(1000),
    'a token within the bounds of a line': () => big.slice(0, 100_000),
  };

  test.each(Object.entries(cases))('%s', async (_, make) => {
    const identity = make();
    const ran = front.gate.runner.ran.length;
    const before = front.gate.receipts().length;
    const { error } = await front.call(ARGS, { identity });
    expect(error?.code).toMatch(/^(malformed|not-trusted|verification-failed|lease-refused)$/);
    expect(front.gate.runner.ran).toHaveLength(ran);
    expect(front.gate.receipts()).toHaveLength(before + 1);
    const last = front.gate.receipts().at(-1);
    expect(last).toMatchObject({ outcome: 'refused', principal: 'agent:default' });
    // At the door of a connection as well.
    const turned = await front.call(ARGS, {}, { identity });
    expect(turned.error?.code).toBe(error?.code);
    const [newest] = front.gate.reader.list({ type: 'authentication' });
    expect(newest).toMatchObject({ outcome: 'refused' });
  });
});

test('ten megabytes are not even read', async () => {
  for (const name of ['identity', 'lease', 'proof']) {
    const { error } = await front.call(ARGS, { [name]: big });
    expect(error?.code).toBe('malformed');
  }
  const peer = await front.dial();
  peer.write(`{"warder":{"identity":"${big.slice(0, 200_000)}`);
  const [line = ''] = await peer.received(1);
  expect(line).toContain('malformed');
});

test('it is for the socket of its agent, and never where leases have to be bound to a key', async () => {
  const identity = issuer.token(claims());
  for (const agent of ['desk', 'strict']) {
    expect((await front.call(ARGS, { identity }, {}, agent)).error?.code).toBe('lease-refused');
  }
});

test('a connection keeps to the first one it took, and its calls are hers from then on', async () => {
  const [ann, bea] = [issuer.token(claims()), issuer.token(claims({ sub: 'bea' }))];
  const mcp = await front.mcp();
  expect(await mcp.call(ARGS, { 'warder/identity': flip(ann, -3) })).toBe('verification-failed');
  expect(await mcp.call(ARGS, { 'warder/identity': ann })).toBeUndefined();
  expect(await mcp.call(ARGS, { 'warder/identity': bea })).toBe('lease-refused');
  expect(await mcp.call(ARGS, { 'x-lease-token': await front.issue() })).toBe('lease-refused');
  expect(await mcp.call(ARGS)).toBeUndefined();
  expect(front.gate.receipts().at(-1)).toMatchObject({ principal: 'corp:ann', outcome: 'done' });
  // Elsewhere it is taken again while it lasts.
  expect((await front.call(ARGS, { identity: ann })).answer).toBeDefined();
});

test('of two that come at once, one is taken', async () => {
  const tokens = ['ann', 'bea'].map((sub) => issuer.token(claims({ sub })));
  const mcp = await front.mcp();
  const codes = await Promise.all(
    tokens.map((token) => mcp.call(ARGS, { 'warder/identity': token })),
  );
  expect(codes.filter((code) => code === undefined)).toHaveLength(1);
  expect(codes).toContain('lease-refused');
});

test('its lease ends with it, and the connection with its lease', async () => {
  const identity = issuer.token(claims({ exp: now() + 40 }));
  const mcp = await front.mcp({ identity });
  expect(await mcp.call(ARGS)).toBeUndefined();
  front.gate.clock.advance(39_000);
  expect(await mcp.call(ARGS)).toBeUndefined();
  const issued = [...front.gate.reader.list({ type: 'lease', outcome: 'issued' })];
  front.gate.clock.advance(1000);
  expect(await mcp.call(ARGS)).toBe('lease-refused');
  expect(await mcp.call(ARGS, { 'warder/identity': identity })).toBe('lease-refused');
  expect(front.gate.reader.list({ type: 'lease', outcome: 'issued' })).toHaveLength(issued.length);
});

test('a lease she was granted on the way is not hers for longer', async () => {
  const mcp = await front.mcp({ identity: issuer.token(claims({ exp: now() + 40 })) });
  const ask = async (seconds: number): Promise<string> => {
    const args = {
      task: 'build',
      capabilities: ALL_CAPABILITIES,
      ttl_seconds: seconds,
      reason: 'test',
    };
    return JSON.stringify(
      await mcp.request('tools/call', { name: 'lease_request', arguments: args }),
    );
  };
  expect(await ask(600)).toContain('lease-refused');
  expect(await ask(40)).toContain('active');
  expect(await mcp.call(ARGS)).toBeUndefined();
  const last = front.gate.receipts().at(-1);
  expect(last).toMatchObject({ principal: 'corp:ann' });
  expect(last?.statement.predicate.task).toBe('build');
  front.gate.clock.advance(40_000);
  expect(await mcp.call(ARGS)).toBe('lease-refused');
  expect(await ask(10)).toContain('lease-refused');
});

test('keys that went away with the file are taken no more', async () => {
  const identity = issuer.token(claims());
  expect((await front.call(ARGS, { identity })).answer).toBeDefined();
  writeFileSync(join(home, 'first.jwks'), JSON.stringify({ keys: [rsa.jwk] }));
  expect((await front.call(ARGS, { identity })).error?.code).toBe('not-trusted');
  writeFileSync(join(home, 'first.jwks'), 'spoilt');
  expect((await front.call(ARGS, { identity: rsa.token(claims()) })).error?.code).toBe('malformed');
});

function flip(token: string, at: number): string {
  const place = at < 0 ? token.length + at : at;
  const other = token[place] === 'A' ? 'B' : 'A';
  return `${token.slice(0, place)}${other}${token.slice(place + 1)}`;
}
