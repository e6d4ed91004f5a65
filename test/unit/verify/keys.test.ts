import { createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import * as jose from 'jose';
import { expect, test } from 'vitest';
import { encodeUtf8 } from '../../../src/base/encoding/utf8.ts';
import { verifyCheckpoint } from '../../../src/trust/verify/checkpoint.ts';
import { loadKeys } from '../../../src/trust/verify/keys.ts';
import { parseJws, verifyJws } from '../../../src/trust/verify/jws.ts';
import { formatNote, noteSignature } from '../../../src/trust/verify/note.ts';
import { formatVkey, parseVkey } from '../../../src/trust/verify/note-key.ts';
import { parseSpki } from '../../../src/trust/verify/spki.ts';

const pairs = {
  ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  ES384: generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  EdDSA: generateKeyPairSync('ed25519'),
};
const jwkOf = (key: KeyObject): Record<string, unknown> => ({ ...key.export({ format: 'jwk' }) });
const pemOf = (key: KeyObject): string => key.export({ format: 'pem', type: 'spki' });
const spkiOf = (key: KeyObject): Buffer => key.export({ format: 'der', type: 'spki' });

test.each(['ES256', 'ES384', 'EdDSA'] as const)(
  'a %s key is the same from JWK, JWKS and PEM, with the thumbprint jose computes',
  async (alg) => {
    const { publicKey } = pairs[alg];
    const jwk = jwkOf(publicKey);
    const kid = await jose.calculateJwkThumbprint(jwk);
    const texts = [JSON.stringify(jwk), JSON.stringify({ keys: [jwk] }), pemOf(publicKey)];
    for (const text of texts) {
      const [key] = await loadKeys([text]);
      expect(key).toMatchObject({ alg, kid, roles: ['checkpoint'] });
      const again = createPublicKey({ key: { ...key?.jwk }, format: 'jwk' });
      expect(spkiOf(again).equals(spkiOf(publicKey))).toBe(true);
    }
  },
);

test('several keys of several files, each once', async () => {
  const [one, two] = [pairs.ES256.publicKey, pairs.EdDSA.publicKey];
  const keys = await loadKeys([pemOf(one) + pemOf(two), JSON.stringify({ keys: [jwkOf(two)] })]);
  expect(keys.map(({ alg }) => alg)).toEqual(['ES256', 'EdDSA']);
});

test('roles stand in the file, or are what the caller assumes', async () => {
  const jwk = jwkOf(pairs.ES256.publicKey);
  const load = async (changes: object): Promise<readonly string[] | undefined> =>
    (await loadKeys([JSON.stringify({ ...jwk, ...changes })], ['lease']))[0]?.roles;
  expect(await load({})).toEqual(['lease']);
  expect(await load({ warder_roles: ['checkpoint', 'of-a-later-version'] })).toEqual([
    'checkpoint',
  ]);
  expect(await load({ warder_roles: [] })).toEqual([]);
});

const ed = jwkOf(pairs.EdDSA.publicKey);
const ec = jwkOf(pairs.ES256.publicKey);
test.each([
  ['a private key', { ...jwkOf(pairs.ES256.privateKey) }],
  ['a shared secret', { kty: 'oct', k: 'AAAA' }],
  ['an RSA key', { kty: 'RSA', n: 'AAAA', e: 'AQAB' }],
  ['another curve', { ...ec, crv: 'secp256k1' }],
  ['a contradicting algorithm', { ...ec, alg: 'ES384' }],
  ['a key for encryption', { ...ec, use: 'enc' }],
  ['operations without verify', { ...ec, key_ops: ['sign'] }],
  ['padding in a coordinate', { ...ec, x: `${String(ec['x'])}=` }],
  ['a short coordinate', { ...ec, x: 'AAAA' }],
  ['a coordinate that is not there', { kty: 'EC', crv: 'P-256', x: ec['x'] }],
  ['an Ed25519 key with y', { ...ed, y: ed['x'] }],
  ['roles that are no list', { ...ec, warder_roles: 'all' }],
  ['a JWKS with one unusable key', { keys: [ec, { kty: 'RSA' }] }],
  ['an empty JWKS', { keys: [] }],
])('refuses %s', async (_, jwk) => {
  await expect(loadKeys([JSON.stringify(jwk)])).rejects.toMatchObject({ code: 'malformed' });
});

test.each([
  ['nothing', ''],
  ['a private PEM', pairs.EdDSA.privateKey.export({ format: 'pem', type: 'pkcs8' })],
  ['a certificate', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'],
  ['text after the PEM', `${pemOf(pairs.ES256.publicKey)}trailing`],
  ['duplicate members', `{"kty":"EC","kty":"OKP"}`],
  ['prose', 'my key'],
])('refuses a file with %s', async (_, text) => {
  await expect(loadKeys([text])).rejects.toMatchObject({ code: 'malformed' });
});

test('the vkey of the C2SP specification', () => {
  const vkey = 'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k';
  expect(formatVkey(parseVkey(vkey))).toBe(vkey);
});

test.each([
  ['another id', 'example.com/foo+530d903b+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k'],
  ['another name', 'example.com/fox+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k'],
  ['a cosignature type', 'example.com/foo+530d903a+BOkyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k'],
  ['a short key', 'example.com/foo+530d903a+Aeky'],
  ['a space in the name', 'example.com foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k'],
  ['no name', '+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k'],
])('refuses a vkey with %s', (_, vkey) => {
  expect(() => parseVkey(vkey)).toThrow(expect.objectContaining({ code: 'malformed' }));
});

test('a P-384 key signs no notes', () => {
  const name = 'example.com/foo';
  const vkey = formatVkey({ name, raw: parseSpki(spkiOf(pairs.ES384.publicKey)) });
  expect(() => parseVkey(vkey)).toThrow(expect.objectContaining({ code: 'malformed' }));
});

test('a key that may not sign checkpoints signs none, though its signature holds', async () => {
  const text = `o\n1\n${Buffer.alloc(32).toString('base64')}\n`;
  const { publicKey, privateKey } = pairs.EdDSA;
  const line = noteSignature(
    'o',
    parseSpki(spkiOf(publicKey)),
    sign(null, Buffer.from(text), privateKey),
  );
  const note = formatNote({ text, signatures: [line] });
  const withRole = (...roles: string[]): ReturnType<typeof loadKeys> =>
    loadKeys([JSON.stringify({ ...jwkOf(publicKey), warder_roles: roles })]);
  expect(await verifyCheckpoint(note, await withRole('checkpoint'))).toMatchObject({ size: 1 });
  await expect(verifyCheckpoint(note, await withRole('lease'))).rejects.toMatchObject({
    code: 'not-trusted',
  });
});

test('a key bound to one log signs for no other', async () => {
  const jwk = { ...jwkOf(pairs.EdDSA.publicKey), warder_origin: 'p' };
  const text = `o\n1\n${Buffer.alloc(32).toString('base64')}\n`;
  const raw = parseSpki(spkiOf(pairs.EdDSA.publicKey));
  const line = noteSignature('o', raw, sign(null, Buffer.from(text), pairs.EdDSA.privateKey));
  const note = formatNote({ text, signatures: [line] });
  const keys = await loadKeys([JSON.stringify(jwk)]);
  await expect(verifyCheckpoint(note, keys)).rejects.toMatchObject({ code: 'not-trusted' });
});

test('a checkpoint whose line names a key without its signature is not trusted', async () => {
  const jwk = { ...jwkOf(pairs.ES256.publicKey), warder_roles: ['checkpoint'] };
  const keys = await loadKeys([JSON.stringify(jwk)]);
  const note = `o\n1\n${Buffer.alloc(32).toString('base64')}\n\n— o AAAAAAAA\n`;
  await expect(verifyCheckpoint(note, keys)).rejects.toMatchObject({ code: 'not-trusted' });
});

async function tokenOf(alg: 'ES256' | 'ES384' | 'EdDSA', header: object = {}): Promise<string> {
  return new jose.CompactSign(encodeUtf8('{"a":1}'))
    .setProtectedHeader({ alg, ...header })
    .sign(pairs[alg].privateKey);
}

test.each(['ES256', 'ES384', 'EdDSA'] as const)('a %s token of jose verifies', async (alg) => {
  const [key] = await loadKeys([pemOf(pairs[alg].publicKey)]);
  const jws = parseJws(await tokenOf(alg));
  await verifyJws(jws, key ?? expect.fail());
  const other = alg === 'ES256' ? 'EdDSA' : 'ES256';
  const [wrong] = await loadKeys([pemOf(pairs[other].publicKey)]);
  await expect(verifyJws(jws, wrong ?? expect.fail())).rejects.toMatchObject({
    code: 'verification-failed',
  });
});

test('no second spelling of a token is read', async () => {
  const token = await tokenOf('ES256');
  const [header = '', payload = '', signature = ''] = token.split('.');
  const spellings = [
    `${header}=.${payload}.${signature}`,
    `${header}.${payload}=.${signature}`,
    `${header}.${payload}.${signature}==`,
    `${header}.${payload}.${signature.slice(0, -1)}B`,
    `${header}. ${payload}.${signature}`,
    `${header}.${payload}.${signature}\n`,
    `${header}.${payload}`,
    `${token}.`,
  ];
  for (const text of spellings) {
    expect(() => parseJws(text)).toThrow(expect.objectContaining({ code: 'malformed' }));
  }
});

const header = (value: string): string => `${Buffer.from(value).toString('base64url')}.e30.AA`;
test.each([
  ['critical extensions', '{"alg":"ES256","crit":["exp"],"exp":1}'],
  ['an unencoded payload', '{"alg":"ES256","b64":false}'],
  ['a member twice', '{"alg":"ES256","alg":"none"}'],
  ['no object', '[]'],
])('a header with %s is refused', (_, text) => {
  expect(() => parseJws(header(text))).toThrow(expect.objectContaining({ code: 'malformed' }));
});

test.each(['none', 'HS256', 'ES384', 'RS256'])(
  'a header that says %s is refused under an ES256 key, though the signature holds',
  async (alg) => {
    const { publicKey, privateKey } = pairs.ES256;
    const [key] = await loadKeys([pemOf(publicKey)]);
    const signedWith = (name: string): ReturnType<typeof parseJws> => {
      const head = Buffer.from(JSON.stringify({ alg: name })).toString('base64url');
      const options = { key: privateKey, dsaEncoding: 'ieee-p1363' } as const;
      const signature = sign('sha256', Buffer.from(`${head}.e30`), options).toString('base64url');
      return parseJws(`${head}.e30.${signature}`);
    };
    await verifyJws(signedWith('ES256'), key ?? expect.fail());
    await expect(verifyJws(signedWith(alg), key ?? expect.fail())).rejects.toMatchObject({
      code: 'verification-failed',
    });
  },
);
