// Key files of issuers: what is read, what is passed over, and what makes the whole file worthless.

import { generateKeyPairSync } from 'node:crypto';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { describe, expect, test } from 'vitest';
import {
  type IdentityAlgorithm,
  identityAlgorithms,
} from '../../../src/trust/identity/identity-algorithm.ts';
import { verifyIdentity } from '../../../src/trust/identity/identity.ts';
import { parseIssuerKeys } from '../../../src/trust/identity/issuer-keys.ts';
import { type FakeAlgorithm, FakeIssuer } from '../../support/issuer.ts';

const jwks = (...keys: readonly unknown[]): string => JSON.stringify({ keys });
const read = (text: string, algorithms: readonly IdentityAlgorithm[] = identityAlgorithms) =>
  parseIssuerKeys(text, algorithms);
const ec = new FakeIssuer('ES256', 'ec');
const rsa = new FakeIssuer('RS256', 'rsa');
const NOW = 1_800_000_000;

describe.each<FakeAlgorithm>(['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA'])('%s', (alg) => {
  const issuer = new FakeIssuer(alg);
  const trusted = {
    issuer: 'https://id.example',
    audience: 'warder',
    algorithms: [alg],
    principalClaim: 'sub',
    principalPrefix: 'p:',
  };
  const claims = { iss: trusted.issuer, aud: 'warder', sub: 'ann', iat: NOW, exp: NOW + 60 };
  const verify = (token: string) =>
    verifyIdentity(token, [trusted], () => read(jwks(issuer.jwk), [alg]), NOW * 1000);

  test('what it signed is taken, and nothing else', async () => {
    const token = issuer.token(claims);
    expect(await verify(token)).toMatchObject({ principal: 'p:ann', expires: NOW + 60 });
    const [header, payload, signature = ''] = token.split('.');
    const other = issuer.token({ ...claims, sub: 'root' }).split('.')[1];
    const bent = (signature.startsWith('A') ? 'B' : 'A') + signature.slice(1);
    const zero = Buffer.alloc(Buffer.from(signature, 'base64url').length).toString('base64url');
    for (const wrong of [
      `${header}.${other}.${signature}`,
      `${header}.${payload}.${bent}`,
      `${header}.${payload}.${zero}`,
      `${header}.${payload}.`,
      new FakeIssuer(alg).token(claims),
    ]) {
      await expect(verify(wrong)).rejects.toMatchObject({ code: 'verification-failed' });
    }
  });

  test('only under the algorithms its issuer may use', async () => {
    const algorithms = identityAlgorithms.filter((each) => each !== alg);
    const strict = { ...trusted, algorithms };
    const token = issuer.token(claims);
    await expect(
      verifyIdentity(token, [strict], () => read(jwks(issuer.jwk)), NOW * 1000),
    ).rejects.toMatchObject({ code: 'not-trusted' });
  });
});

test('an RSA key that says its algorithm is used for no other', async () => {
  const keys = await read(jwks({ ...rsa.jwk, alg: 'PS256' }));
  const [header = '', payload = '', signature = ''] = rsa.token({}).split('.');
  const bytes = Buffer.from(signature, 'base64url');
  expect(await keys.get('rsa')?.check('RS256', `${header}.${payload}`, bytes)).toBe(false);
  const open = await read(jwks(rsa.jwk));
  expect(await open.get('rsa')?.check('RS256', `${header}.${payload}`, bytes)).toBe(true);
  expect(await open.get('rsa')?.check('PS256', `${header}.${payload}`, bytes)).toBe(false);
  expect(await open.get('rsa')?.check('ES256', `${header}.${payload}`, bytes)).toBe(false);
});

test('a header that names another algorithm of the same kind than its key’s', async () => {
  const trusted = {
    issuer: 'https://id.example',
    audience: 'warder',
    algorithms: ['ES256', 'ES384'] as const,
    principalClaim: 'sub',
    principalPrefix: 'p:',
  };
  const claims = { iss: trusted.issuer, aud: 'warder', sub: 'ann', iat: NOW, exp: NOW + 60 };
  const verify = (token: string) =>
    verifyIdentity(token, [trusted], () => read(jwks(ec.jwk), trusted.algorithms), NOW * 1000);
  expect(await verify(ec.token(claims))).toMatchObject({ principal: 'p:ann' });
  await expect(verify(ec.token(claims, { alg: 'ES384' }))).rejects.toMatchObject({
    code: 'verification-failed',
  });
});

test('keys to encrypt with and of other kinds are passed over', async () => {
  const keys = await read(
    jwks(
      ec.jwk,
      { ...rsa.jwk, use: 'enc' },
      { kty: 'EC', crv: 'secp256k1', kid: 'k', x: 'A', y: 'A' },
    ),
  );
  expect([...keys.keys()]).toEqual(['ec']);
});

const rsaOf = (bits: number): object => ({
  ...generateKeyPairSync('rsa', { modulusLength: bits }).publicKey.export({ format: 'jwk' }),
  kid: 'small',
});
const lowOrder = { kty: 'OKP', crv: 'Ed25519', kid: 'low', x: 'A'.repeat(42) + 'A' };

describe('the whole file is refused for', () => {
  test.each<[string, string]>([
    ['no JSON', 'keys'],
    ['a list', '[]'],
    ['no keys', '{}'],
    ['an empty list of keys', jwks()],
    ['a key without a name', jwks({ ...ec.jwk, kid: undefined })],
    ['a name with a space', jwks({ ...ec.jwk, kid: 'a b' })],
    ['two keys of one name', jwks(ec.jwk, { ...new FakeIssuer('ES256', 'ec').jwk })],
    [
      'two keys of one name, one to be passed over',
      jwks(ec.jwk, { ...rsa.jwk, kid: 'ec', use: 'enc' }),
    ],
    ['a private key', jwks({ ...ec.jwk, d: 'AAAA' })],
    ['a shared key', jwks(ec.jwk, { kty: 'oct', kid: 'shared', k: 'AAAA' })],
    ['a member twice', `{"keys":[${JSON.stringify(ec.jwk).replace('{', '{"kid":"other",')}]}`],
    ['a small RSA key', jwks(rsaOf(1024))],
    ['an RSA exponent of one', jwks({ ...rsa.jwk, e: 'AQ' })],
    ['an even RSA exponent', jwks({ ...rsa.jwk, e: 'AgA' })],
    ['a huge RSA exponent', jwks({ ...rsa.jwk, e: 'AQAAAAAB' })],
    ['a point of low order', jwks(lowOrder)],
    ['a point off its curve', jwks({ ...ec.jwk, y: ec.jwk['x'] })],
    ['a coordinate that is too short', jwks({ ...ec.jwk, x: 'AAAA' })],
    ['no key that could be used', jwks({ ...ec.jwk, use: 'enc' })],
    ['more than it may hold', ' '.repeat(300_000)],
  ])('%s', async (_, text) => {
    await expect(read(text)).rejects.toMatchObject({
      code: expect.stringMatching(/^(malformed|not-trusted)$/) as string,
    });
  });
});

test.each(['RS256', 'RS512', 'PS384', 'ES256', 'ES384', 'EdDSA'] as const)(
  '%s as another implementation makes it',
  async (alg) => {
    const pair = await generateKeyPair(alg, { extractable: true });
    const jwk = { ...(await exportJWK(pair.publicKey)), kid: 'theirs', alg, use: 'sig' };
    const token = await new SignJWT({})
      .setProtectedHeader({ alg, kid: 'theirs', typ: 'JWT' })
      .setIssuer('https://id.example')
      .setAudience('warder')
      .setSubject('ann')
      .setIssuedAt(NOW)
      .setExpirationTime(NOW + 60)
      .sign(pair.privateKey);
    const trusted = {
      issuer: 'https://id.example',
      audience: 'warder',
      algorithms: [alg],
      principalClaim: 'sub',
      principalPrefix: 'p:',
    };
    const verified = await verifyIdentity(
      token,
      [trusted],
      () => read(jwks(jwk), [alg]),
      NOW * 1000,
    );
    expect(verified.principal).toBe('p:ann');
  },
);
