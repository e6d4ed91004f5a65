// Proofs of possession: the figures of RFC 9449, each claim bent in turn, and replays.

import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { encodeBase64url } from '../../../src/base/encoding/base64url.ts';
import { openLeaseBook } from '../../../src/trust/lease/lease-book.ts';
import {
  formatProof,
  type ProofExpectations,
  type ProofTerms,
  verifyProof,
} from '../../../src/trust/lease/proof.ts';
import { ProofNonces } from '../../../src/trust/lease/proof-nonces.ts';
import { proofReplayTable } from '../../../src/trust/lease/proof-replay.ts';
import { vectorFiles } from '../verify/vectors.ts';
import { issueRoot, now, openHolder, type TestHolder, verifyIn } from './chains.ts';
import { openOffice, origin } from './office.ts';

interface Figure {
  readonly name: string;
  readonly htm: string;
  readonly htu: string;
  readonly iat: number;
  readonly access_token?: string;
  readonly proof: string;
}

describe('RFC 9449', () => {
  const figures = [...vectorFiles('dpop/dpop-rfc9449.json').values()].flatMap(
    (file) => (file as { readonly vectors: readonly Figure[] }).vectors,
  );
  it('its figures verify, and only for what they are for', async () => {
    for (const { htm, htu, iat, access_token: token, proof } of figures) {
      const expected: ProofExpectations = {
        method: htm,
        uri: htu,
        now: iat * 1000,
        ...(token === undefined ? {} : { token }),
      };
      const { jkt } = await verifyProof(proof, expected);
      expect(jkt).toBe('0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I');
      for (const wrong of [
        { method: 'PUT' },
        { uri: `${htu}/x` },
        { uri: htu.replace('https', 'http') },
        { now: iat * 1000 + 61_000 },
        { now: iat * 1000 - 61_000 },
        { now: Number.NaN },
        { token: 'another' },
        { audience: 'x' },
        { nonce: () => true },
        { call: { tool: 't', digest: 'd' } },
      ]) {
        await expect(verifyProof(proof, { ...expected, ...wrong })).rejects.toMatchObject({
          code: 'lease-refused',
        });
      }
    }
  });
});

const call = { tool: 'a'.repeat(64), digest: 'b'.repeat(64) };
const uri = 'http://localhost:7777/v1/call';
const terms = (token: string): ProofTerms => ({
  method: 'POST',
  uri,
  now,
  token,
  audience: origin,
  nonce: 'n-1',
  call,
  random: randomBytes(16),
});
const expectations = (token: string): ProofExpectations => ({
  method: 'POST',
  uri,
  now,
  token,
  audience: origin,
  nonce: (nonce) => nonce === 'n-1',
  call,
});

async function sign(input: string, holder: TestHolder): Promise<string> {
  return `${input}.${encodeBase64url(await holder.sign(input))}`;
}
const prove = (holder: TestHolder, token: string, more: Partial<ProofTerms> = {}) =>
  sign(formatProof({ ...terms(token), ...more }, holder.jwk), holder);

/** A proof with parts of it changed, signed by its holder nevertheless. */
function bent(holder: TestHolder, header: object, claims: object): Promise<string> {
  const [head = '', payload = ''] = formatProof(terms('t'), holder.jwk).split('.');
  const change = (part: string, by: object): string => {
    const json = JSON.parse(Buffer.from(part, 'base64url').toString()) as object;
    return Buffer.from(JSON.stringify({ ...json, ...by })).toString('base64url');
  };
  return sign(`${change(head, header)}.${change(payload, claims)}`, holder);
}

const es = await openHolder();
const other = await openHolder();

describe('a proof', () => {
  it.each(['ES256', 'EdDSA'] as const)('by a key for %s holds for its call alone', async (alg) => {
    const holder = await openHolder(alg);
    const proof = await prove(holder, 'token');
    await expect(verifyProof(proof, expectations('token'))).resolves.toMatchObject({
      jkt: holder.jkt,
    });
    for (const wrong of [
      { token: 'token2' },
      { audience: 'elsewhere' },
      { nonce: () => false },
      { call: { ...call, tool: 'c'.repeat(64) } },
      { call: { ...call, digest: 'c'.repeat(64) } },
    ]) {
      const expected = { ...expectations('token'), ...wrong };
      await expect(verifyProof(proof, expected)).rejects.toMatchObject({ code: 'lease-refused' });
    }
  });

  it.each<[string, string, object, object]>([
    ['typ', 'malformed', { typ: 'JWT' }, {}],
    ['alg none', 'verification-failed', { alg: 'none' }, {}],
    ['alg HS256', 'verification-failed', { alg: 'HS256' }, {}],
    ['alg of another key', 'verification-failed', { alg: 'EdDSA' }, {}],
    ['a critical extension', 'malformed', { crit: ['exp'] }, {}],
    ['a key id', 'malformed', { kid: 'x' }, {}],
    ['a key address', 'malformed', { jku: 'https://evil.test' }, {}],
    ['no key', 'malformed', { jwk: null }, {}],
    ['a private key', 'malformed', { jwk: { ...es.jwk, d: 'A'.repeat(43) } }, {}],
    ['another key', 'verification-failed', { jwk: other.jwk }, {}],
    [
      'a key of low order',
      'malformed',
      { jwk: { kty: 'OKP', crv: 'Ed25519', x: 'A'.repeat(43) } },
      {},
    ],
    ['a point off the curve', 'malformed', { jwk: { ...es.jwk, y: 'A'.repeat(43) } }, {}],
    ['a shared secret', 'malformed', { jwk: { kty: 'oct', k: 'AAAA' } }, {}],
    ['a short id', 'lease-refused', {}, { jti: 'x' }],
    ['an id that is none', 'lease-refused', {}, { jti: '../../../../../../x' }],
    ['no id', 'lease-refused', {}, { jti: undefined }],
    ['time as text', 'lease-refused', {}, { iat: String(now / 1000) }],
    ['half seconds', 'lease-refused', {}, { iat: now / 1000 + 0.5 }],
    ['no time', 'lease-refused', {}, { iat: undefined }],
    ['a place with a query', 'lease-refused', {}, { htu: `${uri}?x` }],
    ['no place', 'lease-refused', {}, { htu: 7 }],
    ['an expiry of its own', 'lease-refused', {}, { exp: 1 }],
    ['no hash of the token', 'lease-refused', {}, { ath: undefined }],
    ['no nonce', 'lease-refused', {}, { nonce: undefined }],
    ['a nonce that is no text', 'lease-refused', {}, { nonce: { a: 1 } }],
    ['no audience', 'lease-refused', {}, { aud: undefined }],
    ['audiences', 'lease-refused', {}, { aud: [origin] }],
    ['no arguments', 'lease-refused', {}, { call_digest: undefined }],
  ])('with %s is refused', async (_, code, header, claims) => {
    const proof = await bent(es, header, claims);
    await expect(verifyProof(proof, expectations('t'))).rejects.toMatchObject({ code });
  });

  it('is text of one spelling, and short', async () => {
    const proof = await prove(es, 't');
    for (const text of ['', 'a.b', `${proof}=`, `${proof} `, proof.slice(0, -2), 'A'.repeat(1e7)]) {
      await expect(verifyProof(text, expectations('t'))).rejects.toThrow();
    }
    await expect(verifyProof(null as unknown as string, expectations('t'))).rejects.toMatchObject({
      code: 'malformed',
    });
  });
});

describe('a lease bound to a key', () => {
  it('is used with a fresh proof by that key, and each proof once, also after a restart', async () => {
    const office = await openOffice();
    const [holder, thief] = [await openHolder(), await openHolder()];
    const text = await issueRoot(office, { cnf: { jkt: holder.jkt } });
    const verified = await verifyIn(office, text);
    const proof = await prove(holder, text);
    const check = async (shown: string, book = office.book) =>
      book.check(verified, { proof: await verifyProof(shown, expectations(text)) }, now);
    const lease = await check(proof);
    expect(lease.holder).toBe('dpop');
    const spend = (which: typeof lease, book = office.book) =>
      office.store.commit((tx) => book.spend(tx, which, now));
    await spend(lease);
    const refused = { code: 'lease-refused' };
    await expect(spend(lease)).rejects.toMatchObject(refused);
    await expect(spend(await check(proof))).rejects.toMatchObject(refused);
    const later = openLeaseBook(office.store);
    await expect(spend(await check(proof, later), later)).rejects.toMatchObject(refused);
    await spend(await check(await prove(holder, text)));
    // Of many at once one gets through.
    const same = await prove(holder, text);
    const leases = await Promise.all(Array.from({ length: 8 }, () => check(same)));
    const results = await Promise.allSettled(leases.map((each) => spend(each)));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    await expect(check(await prove(thief, text))).rejects.toMatchObject(refused);
    const other = await issueRoot(office, { cnf: { jkt: holder.jkt } });
    const forOther = await verifyProof(await prove(holder, other), expectations(other));
    for (const presented of [
      { proof: forOther },
      { bearer: true } as const,
      { connection: 'c-1' },
    ]) {
      expect(() => office.book.check(verified, presented, now)).toThrow(
        expect.objectContaining(refused),
      );
    }
    const forged = { jkt: holder.jkt, jti: 'A'.repeat(22), iat: now / 1000, token: text };
    expect(() => office.book.check(verified, { proof: forged }, now)).toThrow(TypeError);
  });

  it('leaves no proofs behind that could not be used again anyway', async () => {
    const office = await openOffice();
    const holder = await openHolder();
    const text = await issueRoot(office, { cnf: { jkt: holder.jkt } });
    const verified = await verifyIn(office, text);
    for (let minute = 0; minute < 20; minute += 1) {
      const at = now + minute * 60_000;
      const proof = await prove(holder, text, { now: at });
      const presented = { proof: await verifyProof(proof, { ...expectations(text), now: at }) };
      const lease = office.book.check(verified, presented, at);
      await office.store.commit((tx) => office.book.spend(tx, lease, at));
    }
    const kept = office.store.read((reader) => reader.list(proofReplayTable, 'default'));
    expect(kept.length).toBeLessThan(5);
  });
});

describe('nonces', () => {
  it('are taken for some minutes after they were given out, and no longer', () => {
    const nonces = new ProofNonces((length) => randomBytes(length));
    const first = nonces.current(0);
    expect(nonces.current(119_999)).toBe(first);
    const second = nonces.current(120_000);
    expect(second).not.toBe(first);
    expect(nonces.accepts(first, 300_000)).toBe(true);
    expect(nonces.accepts(first, 420_000)).toBe(false);
    expect(nonces.accepts(second, 10_000_000)).toBe(false);
    expect(nonces.accepts('', 10_000_001)).toBe(false);
    expect(new ProofNonces((length) => randomBytes(length)).accepts(first, 0)).toBe(false);
  });
});
