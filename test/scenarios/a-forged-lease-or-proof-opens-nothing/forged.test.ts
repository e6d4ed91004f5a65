// Leases and proofs bent in every way that verifiers have fallen for: each is refused with a code and a receipt,
// however long or deep it is.

import { createHmac } from 'node:crypto';
import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { callDigest } from '../../../src/decide/approval/approval.ts';
import { generateHolderKey, type HolderKey } from '../../../src/trust/holder/holder-key.ts';
import { HeldLease } from '../../../src/trust/holder/held-lease.ts';
import { type AgentFront, agentFront } from '../../support/agent-front.ts';
import { ALL_CAPABILITIES } from '../../support/decision.ts';

type Json = Readonly<Record<string, unknown>>;

const ARGS = { text: 'hi' };
const LOW_ORDER = { kty: 'OKP', crv: 'Ed25519', x: `AQ${'A'.repeat(41)}` };
let front: AgentFront;
let key: HolderKey;
let held: HeldLease;

beforeAll(async () => {
  // The most open socket there is.
  const agents = { default: { capabilities: ALL_CAPABILITIES, holder: 'bearer' } };
  front = await agentFront({ config: { agents } });
  key = await generateHolderKey();
  const text = await front.issue({ cnf: { jwk: key.jwk }, delMax: 4 });
  held = new HeldLease(text, key, () => front.gate.clock.wall());
});
afterAll(() => front[Symbol.asyncDispose]());

const encode = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
const decode = (part: string | undefined): Json =>
  JSON.parse(Buffer.from(part ?? '', 'base64url').toString()) as Json;
const partsOf = (token: string): readonly string[] => token.split('.');

/** A token with this header and these claims, signed by the holder's key, as text where it is text. */
async function signed(header: unknown, claims: unknown, by: HolderKey = key): Promise<string> {
  const input = `${encode(header)}.${encode(claims)}`;
  return `${input}.${Buffer.from(await by.sign(input)).toString('base64url')}`;
}

/** The lease with another header, under the signature it has. */
function leaseHeader(change: Json): string {
  const [header, payload, signature] = partsOf(held.text);
  return `${encode({ ...decode(header), ...change })}.${payload}.${signature}`;
}

function hmacLease(secret: string): string {
  const [header, payload] = partsOf(held.text);
  const input = `${encode({ ...decode(header), alg: 'HS256' })}.${payload}`;
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
}

const leases: Readonly<Record<string, () => string | Promise<string>>> = {
  'signed by nobody (`none`)': () => {
    const [header, payload] = partsOf(held.text);
    return `${encode({ ...decode(header), alg: 'none' })}.${payload}.`;
  },
  'one bit of its signature': () => {
    const [header, payload, signature = ''] = partsOf(held.text);
    const bent = `${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`;
    return `${header}.${payload}.${bent}`;
  },
  'another principal under its signature': () => {
    const [header, payload, signature] = partsOf(held.text);
    return `${header}.${encode({ ...decode(payload), sub: 'root' })}.${signature}`;
  },
  'an HMAC under the public key': () => hmacLease(JSON.stringify(front.gate.office.signer.key)),
  'another algorithm than its key’s': () => leaseHeader({ alg: 'EdDSA' }),
  'a key of nobody': () => leaseHeader({ kid: 'A'.repeat(43) }),
  'a name of a key that is a path': () => leaseHeader({ kid: '../../../keys/signing.json' }),
  'its own key in the header': () => leaseHeader({ jwk: key.jwk }),
  'the address of a key': () => leaseHeader({ jku: 'https://evil.example' }),
  'critical extensions': () => leaseHeader({ crit: ['x'], x: 1 }),
  'the type of a JWT': () => leaseHeader({ typ: 'JWT' }),
  'the type of a proof': () => leaseHeader({ typ: 'dpop+jwt' }),
  'a root its holder signed': async () => {
    const [header, payload] = partsOf(held.text);
    return signed({ ...decode(header), kid: key.jkt }, decode(payload));
  },
  'two principals': async () => {
    const [header, payload] = partsOf(held.text);
    const text = JSON.stringify(decode(payload)).replace('{', '{"sub":"root",');
    return signed({ ...decode(header), kid: key.jkt }, text);
  },
  'two algorithms': () => {
    const [header, payload, signature] = partsOf(held.text);
    const text = JSON.stringify(decode(header)).replace('{', '{"alg":"none",');
    return `${encode(text)}.${payload}.${signature}`;
  },
  'a proof in its place': () => front.prove(held, ARGS),
  'a thousand times itself': () => Array.from({ length: 1000 }, () => held.text).join('~'),
  'itself as its own child': () => `${held.text}~${held.text}`,
  'an empty child': () => `${held.text}~`,
  'arrays in arrays': () => `${encode('['.repeat(50_000))}.${encode('{}')}.AAAA`,
  'another spelling of its signature': () => `${held.text}=`,
  'white space': () => ` ${held.text}`,
  'a hundred thousand dots': () => '.'.repeat(100_000),
};

async function refused(lease: string, proof: string | undefined): Promise<void> {
  const ran = front.gate.runner.ran.length;
  const before = front.gate.receipts().length;
  const { error } = await front.call(ARGS, { lease, ...(proof === undefined ? {} : { proof }) });
  expect(error?.code).toMatch(/^(malformed|not-trusted|verification-failed|lease-refused)$/);
  expect(front.gate.runner.ran).toHaveLength(ran);
  expect(front.gate.receipts()).toHaveLength(before + 1);
  expect(front.gate.receipts().at(-1)?.statement.predicate.code).toBe(error?.code);
}

test.each(Object.entries(leases))('a lease: %s', async (_, make) => {
  const lease = await make();
  // With the best proof there can be for this very text.
  const proof = await proofOver(lease);
  await refused(lease, proof);
  await refused(lease, undefined);
});

interface Bent {
  readonly header?: Json;
  readonly claims?: Json;
  readonly by?: HolderKey;
}

async function proofOver(token: string, bent: Bent = {}): Promise<string> {
  const digest = new Uint8Array(
    await crypto.subtle.digest('SHA-256', new TextEncoder().encode(token)),
  );
  const claims = {
    jti: encode(`${Math.random()}-${Math.random()}`).slice(0, 40),
    htm: 'POST',
    htu: 'warder://agent/default',
    iat: Math.floor(front.gate.clock.wall() / 1000),
    ath: Buffer.from(digest).toString('base64url'),
    aud: front.gate.office.origin,
    nonce: front.nonces.current(front.gate.clock.monotonic()),
    tool_digest: front.toolDigest,
    call_digest: callDigest('text_echo', ARGS),
  };
  const by = bent.by ?? key;
  const header = { typ: 'dpop+jwt', alg: by.alg, jwk: by.jwk };
  return signed({ ...header, ...bent.header }, { ...claims, ...bent.claims }, by);
}

test('a proof made by hand is taken, so that the ones below differ in one thing each', async () => {
  const proof = await proofOver(held.text);
  expect((await front.call(ARGS, { lease: held.text, proof })).answer).toBeDefined();
});

test.each(['ES256', 'EdDSA'] as const)(
  'a proof that another implementation makes with %s is taken',
  async (alg) => {
    const pair = await generateKeyPair(alg, { extractable: true });
    const jwk = await exportJWK(pair.publicKey);
    const lease = await front.issue({ cnf: { jkt: await calculateJwkThumbprint(jwk) } });
    const claims = decode(partsOf(await proofOver(lease))[1]);
    const proof = await new SignJWT({ ...claims })
      .setProtectedHeader({ typ: 'dpop+jwt', alg, jwk })
      .sign(pair.privateKey);
    expect((await front.call(ARGS, { lease, proof })).answer).toBeDefined();
  },
);

const proofs: Readonly<Record<string, () => Promise<string> | string>> = {
  'signed by nobody (`none`)': async () => {
    const [header, payload] = partsOf(await proofOver(held.text));
    return `${encode({ ...decode(header), alg: 'none' })}.${payload}.`;
  },
  'an HMAC': () => proofOver(held.text, { header: { alg: 'HS256' } }),
  'another algorithm': () => proofOver(held.text, { header: { alg: 'EdDSA' } }),
  'a key with its private half': () =>
    proofOver(held.text, { header: { jwk: key.exportPrivate() } }),
  'a key of low order': () => proofOver(held.text, { header: { alg: 'EdDSA', jwk: LOW_ORDER } }),
  'a key by name': () => proofOver(held.text, { header: { kid: key.jkt } }),
  'no key': () => proofOver(held.text, { header: { jwk: undefined } }),
  'critical extensions': () => proofOver(held.text, { header: { crit: ['b64'], b64: false } }),
  'the type of a lease': () => proofOver(held.text, { header: { typ: 'lease+jwt' } }),
  'another key': async () => proofOver(held.text, { by: await generateHolderKey() }),
  'the key of the lease in the header, the signature of another': async () =>
    proofOver(held.text, { by: await generateHolderKey(), header: { jwk: key.jwk } }),
  'a claim that is not known': () => proofOver(held.text, { claims: { admin: true } }),
  'no id': () => proofOver(held.text, { claims: { jti: undefined } }),
  'an id that is a path': () => proofOver(held.text, { claims: { jti: '../../../../state' } }),
  'a time in an hour': () => proofOver(held.text, { claims: { iat: 4_000_000_000 } }),
  'a time that is no number': () => proofOver(held.text, { claims: { iat: '1' } }),
  'a list of audiences': () =>
    proofOver(held.text, { claims: { aud: [front.gate.office.origin] } }),
  'an address with a query': () =>
    proofOver(held.text, { claims: { htu: 'warder://agent/default?x' } }),
  'two nonces': async () => {
    const [header, payload] = partsOf(await proofOver(held.text));
    const text = JSON.stringify(decode(payload)).replace('{', '{"nonce":"x",');
    return signed(decode(header), text);
  },
  'itself in pieces': async () => `${await proofOver(held.text)}.x`,
  'a lease in its place': () => held.text,
  'a hundred thousand dots': () => '.'.repeat(100_000),
};

test.each(Object.entries(proofs))('a proof: %s', async (_, make) => {
  await refused(held.text, await make());
});
