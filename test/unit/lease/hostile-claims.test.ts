// Everything that other lease systems took or crashed on, as tokens signed with the right key: refused with
// a code, and in bounded time. Control: the same token without the change is taken.

import { beforeAll, describe, expect, it } from 'vitest';
import { encodeBase64url } from '../../../src/base/encoding/base64url.ts';
import { encodeUtf8 } from '../../../src/base/encoding/utf8.ts';
import { generateHolderKey } from '../../../src/trust/holder/holder-key.ts';
import { parseCapabilities } from '../../../src/trust/lease/capability.ts';
import { verifyLease } from '../../../src/trust/lease/verify-lease.ts';
import { loadKeys, type TrustedKeys } from '../../../src/trust/verify/keys.ts';
import { claimsOf, issueRoot, now, verifyIn } from './chains.ts';
import { openOffice, origin, type TestOffice } from './office.ts';

let office: TestOffice;
let good: Record<string, unknown>;
let token: string;
beforeAll(async () => {
  office = await openOffice();
  token = await issueRoot(office, { cnf: { conn: 'c-1' } });
  good = { ...claimsOf(token) };
});

// A signer would refuse most of these: here the key signs whatever it is given.
const careless = await generateHolderKey();
let keys: TrustedKeys;
beforeAll(async () => {
  keys = await loadKeys([JSON.stringify({ ...careless.jwk, warder_roles: ['lease'] })]);
});

async function signed(payload: string, header?: string): Promise<string> {
  const head = header ?? JSON.stringify({ alg: 'ES256', kid: careless.jkt, typ: 'lease+jwt' });
  const input = [head, payload].map((text) => encodeBase64url(encodeUtf8(text))).join('.');
  return `${input}.${encodeBase64url(await careless.sign(input))}`;
}
const verify = (text: string): Promise<unknown> =>
  verifyLease(text, keys, { now, audience: origin });
const claims = (change: object): string => JSON.stringify({ ...good, ...change });
const malformed = { code: 'malformed' };

it('control: unchanged it is taken', async () => {
  await expect(verify(await signed(claims({})))).resolves.toBeDefined();
});

const wrongTypes: readonly unknown[] = [null, true, 7, -1, 1.5, 'x', '', [], {}, [[]], { a: 1 }];
describe.each([
  'iss',
  'sub',
  'aud',
  'jti',
  'iat',
  'nbf',
  'exp',
  'tenant',
  'authorization_details',
  'del_depth',
  'del_max',
  'cnf',
  'task',
  'max_uses',
  'max_bytes',
  'rate',
  'max_exp',
  'delegatable',
  'par_hash',
])('`%s`', (name) => {
  const fine: Readonly<Record<string, (value: unknown) => boolean>> = {
    iss: (value) => value === 'x',
    sub: (value) => value === 'x',
    aud: (value) => value === 'x',
    tenant: (value) => value === 'x',
    task: (value) => value === 'x',
    authorization_details: (value) => Array.isArray(value) && value.length === 0,
    max_uses: (value) => value === 7,
    max_bytes: (value) => value === 7,
    delegatable: (value) => value === true,
  };
  it.each(wrongTypes.map((value) => [JSON.stringify(value), value] as const))(
    'of %s is malformed',
    async (_, value) => {
      const outcome = verify(await signed(claims({ [name]: value })));
      if (fine[name]?.(value) === true) {
        // Well-formed: whether it holds is another question, and another code.
        await outcome.catch((error: unknown) => expect(error).not.toMatchObject(malformed));
      } else {
        await expect(outcome).rejects.toMatchObject(malformed);
      }
    },
  );
});

const raw = (member: string): string => claims({}).replace(/\}$/, `,${member}}`);
const without = (name: string): string => {
  const { [name]: _, ...rest } = good;
  return JSON.stringify(rest);
};

describe('a payload', () => {
  it.each<[string, () => string]>([
    ['with NaN', () => raw('"max_uses":NaN')],
    ['with an infinity', () => raw('"max_uses":1e999')],
    ['beyond 2^53', () => raw('"max_uses":9007199254740993')],
    ['with a minus zero', () => raw('"max_uses":-0')],
    ['with zero uses', () => raw('"max_uses":0')],
    ['with a leading zero', () => raw('"max_uses":007')],
    ['with a member twice', () => raw('"exp":9999999999')],
    [
      'with a member twice in a capability',
      () => claims({}).replace('"tools":', '"tools":["x"],"tools":'),
    ],
    ['with an unknown claim', () => raw('"admin":true')],
    ['with a claim in other case', () => raw('"maxUses":1')],
    ['with `__proto__`', () => raw('"__proto__":{"delegatable":false}')],
    ['with `constructor`', () => raw('"constructor":{}')],
    ['with `toString`', () => raw('"toString":1')],
    ['that is a list', () => '[]'],
    ['that is text', () => '"x"'],
    ['that is null', () => 'null'],
    ['that is nothing', () => ''],
    ['that ends early', () => claims({}).slice(0, -1)],
    ['that goes on', () => `${claims({})}{}`],
    ['with a byte order mark', () => `\ufeff${claims({})}`],
    ['with a comment', () => claims({}).replace('{', '{/**/')],
    ['nested without end', () => raw(`"task":${'['.repeat(5000)}${']'.repeat(5000)}`)],
    ['without `exp`', () => without('exp')],
    ['without `nbf`', () => without('nbf')],
    ['without `iat`', () => without('iat')],
    ['without `jti`', () => without('jti')],
    ['without `aud`', () => without('aud')],
    ['without capabilities', () => without('authorization_details')],
    ['that ends in text', () => claims({ exp: new Date(now).toISOString() })],
    ['that lives for ever', () => claims({ exp: 253_402_300_799 })],
    ['that lives no time', () => claims({ exp: good['nbf'] })],
    ['that ends before it begins', () => claims({ exp: 1 })],
    ['in milliseconds', () => claims({ exp: now + 1000 })],
    ['that ends after its hard end', () => claims({ max_exp: Number(good['exp']) - 1 })],
    ['with a control character', () => claims({ sub: 'a\u0007b' })],
    ['with a line end', () => claims({ sub: 'a\nb' })],
    ['with NUL', () => claims({ sub: 'a\0b' })],
    ['with text that turns round', () => claims({ sub: 'a\u202eb' })],
    ['with text that hides', () => claims({ sub: 'a\u200bb' })],
    ['with half a character', () => claims({}).replace('agent:default', 'a\\ud800')],
    ['with a path as id', () => claims({ jti: '../../rotate-key/x' })],
    ['with a path as tenant', () => claims({ tenant: '../other' })],
    ['deeper than it may be', () => claims({ del_depth: 4, del_max: 3 })],
    ['delegated without a parent', () => claims({ del_depth: 1, del_max: 4 })],
    ['a root with a parent', () => claims({ par_hash: 'A'.repeat(43) })],
    ['with two holders', () => claims({ cnf: { conn: 'c', jkt: 'A'.repeat(43) } })],
    ['with an empty holder', () => claims({ cnf: {} })],
    ['with a thumbprint of stray bits', () => claims({ cnf: { jkt: `${'A'.repeat(42)}B` } })],
    [
      'with a holder of low order',
      () => claims({ cnf: { jwk: { kty: 'OKP', crv: 'Ed25519', x: 'A'.repeat(43) } } }),
    ],
    [
      'with a private key',
      () => claims({ cnf: { jwk: { kty: 'OKP', crv: 'Ed25519', x: 'x'.repeat(43), d: 'A' } } }),
    ],
    ['with a shared secret', () => claims({ cnf: { jwk: { kty: 'oct', k: 'AAAA' } } })],
    [
      'refreshed without an end',
      () => claims({ authorization_details: [{ type: 'lease.refresh' }] }),
    ],
    ['of 40,000 spaces', () => claims({ task: ' '.repeat(40_000) })],
  ])('%s is malformed', async (_, payload) => {
    await expect(verify(await signed(payload()))).rejects.toMatchObject(malformed);
  });

  const details = (one: object): string => claims({ authorization_details: [one] });
  const tool = { type: 'tool.call', tools: ['x'] };
  it.each<[string, object]>([
    ['an unknown type', { type: 'shell' }],
    ['a type that is none', { type: ['tool.call'] }],
    ['the type of everything', { type: '*' }],
    ['`__proto__` as type', { type: '__proto__' }],
    ['`constructor` as type', { type: 'constructor' }],
    ['a member too many', { ...tool, maxDurationMS: 1 }],
    ['an empty list', { type: 'tool.call', tools: [] }],
    ['no list', { type: 'tool.call' }],
    ['a list of nothing', { type: 'tool.call', tools: [''] }],
    ['a path that climbs', { type: 'fs.read', paths: ['/data/../etc/**'] }],
    ['a path that stands still', { type: 'fs.read', paths: ['/data/./x'] }],
    ['a relative path', { type: 'fs.read', paths: ['data/**'] }],
    ['a path with a backslash', { type: 'fs.read', paths: ['/data\\x'] }],
    ['a path with NUL', { type: 'fs.read', paths: ['/data/\0'] }],
    ['a pattern without end', { type: 'fs.read', paths: [`/${'*a'.repeat(600)}`] }],
    [
      'a method in small letters',
      { type: 'http.call', methods: ['get'], origins: ['*'], paths: ['/**'] },
    ],
    [
      'an origin with a user',
      { type: 'http.call', methods: ['*'], origins: ['https://a@b'], paths: ['/**'] },
    ],
    [
      'an origin with a path',
      { type: 'http.call', methods: ['*'], origins: ['https://a/b'], paths: ['/**'] },
    ],
    [
      'an origin as a number',
      { type: 'http.call', methods: ['*'], origins: ['https://0x7f.1'], paths: ['/**'] },
    ],
    [
      'an origin in capitals',
      { type: 'http.call', methods: ['*'], origins: ['https://A.test'], paths: ['/**'] },
    ],
    ['money below nothing', { type: 'spend', currency: 'EUR', amount: -100 }],
    ['no money', { type: 'spend', currency: 'EUR', amount: 0 }],
    ['half a cent', { type: 'spend', currency: 'EUR', amount: 0.5 }],
    ['money as text', { type: 'spend', currency: 'EUR', amount: '5' }],
    ['no number of money', { type: 'spend', currency: 'EUR', amount: null }],
    ['money of no land', { type: 'spend', currency: 'eur', amount: 5 }],
    ['a time as text', { ...tool, notAfter: '2026-01-01' }],
    ['times the wrong way round', { ...tool, notBefore: 5, notAfter: 4 }],
    ['an argument rule that says nothing', { ...tool, arguments: { a: {} } }],
    ['an argument rule of two kinds', { ...tool, arguments: { a: { any: true, in: [1] } } }],
    ['an argument that may be false', { ...tool, arguments: { a: { any: false } } }],
    ['an argument of objects', { ...tool, arguments: { a: { in: [{}] } } }],
    ['an argument without a name', { ...tool, arguments: { '': { any: true } } }],
    ['arguments that are a list', { ...tool, arguments: [] }],
    ['bounds the wrong way round', { ...tool, arguments: { a: { min: 2, max: 1 } } }],
    ['a glob that climbs', { ...tool, arguments: { a: { glob: ['/x/../**'] } } }],
  ])('with %s in a capability is malformed', async (_, one) => {
    await expect(verify(await signed(details(one)))).rejects.toMatchObject(malformed);
  });

  it('with two caps for one currency is malformed', async () => {
    const cap = { type: 'spend', currency: 'EUR', amount: 5 };
    await expect(
      verify(await signed(claims({ authorization_details: [cap, { ...cap, amount: 6 }] }))),
    ).rejects.toMatchObject(malformed);
  });

  it('with `__proto__` among the rules of arguments is malformed', async () => {
    const one = '{"type":"tool.call","tools":["x"],"arguments":{"__proto__":{"any":true}}}';
    const text = details({}).replace('[{}]', `[${one}]`);
    expect(text).toContain('__proto__');
    await expect(verify(await signed(text))).rejects.toMatchObject(malformed);
  });
});

describe('a header', () => {
  const head = (change: object): string =>
    JSON.stringify({ alg: 'ES256', kid: careless.jkt, typ: 'lease+jwt', ...change });
  it.each<[string, string, string]>([
    ['alg none', 'malformed', head({ alg: 'none' })],
    ['alg HS256', 'malformed', head({ alg: 'HS256' })],
    ['alg of another curve', 'malformed', head({ alg: 'ES384' })],
    ['alg of another key', 'not-trusted', head({ alg: 'EdDSA' })],
    ['alg as a list', 'malformed', head({ alg: ['ES256'] })],
    ['an unknown `crit`', 'malformed', head({ crit: ['x'], x: 1 })],
    ['an empty `crit`', 'malformed', head({ crit: [] })],
    ['a payload of another form', 'malformed', head({ b64: false })],
    ['a key of its own', 'malformed', head({ jwk: careless.jwk })],
    ['an address of keys', 'malformed', head({ jku: 'https://evil.test/jwks' })],
    ['a certificate', 'malformed', head({ x5c: ['AAAA'] })],
    ['a key id that is a path', 'malformed', head({ kid: '../../etc/passwd' })],
    ['a key id that is a query', 'malformed', head({ kid: `' OR 1=1 --${'A'.repeat(32)}` })],
    ['no key id', 'malformed', head({ kid: undefined })],
    ['a key id of nobody', 'not-trusted', head({ kid: 'A'.repeat(43) })],
    ['a member twice', 'malformed', head({}).replace('{', '{"alg":"none",')],
  ])('with %s is refused', async (_, code, header) => {
    await expect(verify(await signed(claims({}), header))).rejects.toMatchObject({ code });
  });

  it.each(['JWT', 'dpop+jwt', 'lease+JWT', undefined])('of type %s is malformed', async (typ) => {
    await expect(verify(await signed(claims({}), head({ typ })))).rejects.toMatchObject(malformed);
  });
});

describe('a text', () => {
  it.each<[string, (text: string) => unknown]>([
    ['nothing', () => ''],
    ['no text', () => undefined],
    ['null', () => null],
    ['a list', (text) => [text]],
    ['two parts', (text) => text.split('.').slice(0, 2).join('.')],
    ['four parts', (text) => `${text}.x`],
    ['padding', (text) => `${text}=`],
    ['white space', (text) => ` ${text}`],
    ['a line end', (text) => `${text}\n`],
    ['the other alphabet', (text) => text.replaceAll(/[-_]/g, '+')],
    ['10 MB', (text) => text + 'A'.repeat(10_000_000)],
    ['10 MB of dots', () => '.'.repeat(10_000_000)],
    ['10 MB of links', () => '~'.repeat(10_000_000)],
  ])('%s is malformed', async (_, spoil) => {
    // With something in it that the other alphabet spells otherwise.
    let sound = '';
    while (!/[-_]/.test(sound)) sound = await signed(claims({ task: '-_' }));
    await expect(verify(spoil(sound) as string)).rejects.toMatchObject(malformed);
  });

  it('with a short signature fails, and does not crash', async () => {
    const [header, payload] = token.split('.');
    for (const signature of ['', 'AA', 'A'.repeat(84), 'A'.repeat(86), 'A'.repeat(88)]) {
      await expect(verifyIn(office, `${header}.${payload}.${signature}`)).rejects.toMatchObject({
        code: 'verification-failed',
      });
    }
  });
});

describe('clocks', () => {
  it.each([
    ['a minute behind the issuer', -60_000, 'lease-refused'],
    ['more than that', -60_001, 'lease-refused'],
    ['at the end', 3_600_000, 'lease-refused'],
    ['at no time', Number.NaN, 'internal'],
  ])('%s', async (_, later, code) => {
    await expect(verifyIn(office, token, now + later)).rejects.toMatchObject({ code });
  });
  it('the last millisecond counts', async () => {
    await expect(verifyIn(office, token, now + 3_599_999)).resolves.toBeDefined();
  });
});

describe('in bounded time', () => {
  const bounded = async (work: () => unknown): Promise<void> => {
    const before = process.cpuUsage();
    await work();
    expect(process.cpuUsage(before).user).toBeLessThan(5_000_000);
  };

  it('100,000 resources are refused', () =>
    bounded(() => {
      const paths = Array.from({ length: 100_000 }, (_, n) => `/p/${String(n)}`);
      const one = { type: 'fs.read', paths };
      expect(() => parseCapabilities([one])).toThrow(expect.objectContaining(malformed));
      const many = Array.from({ length: 100_000 }, () => ({ ...one, paths: ['/x'] }));
      expect(() => parseCapabilities(many)).toThrow(expect.objectContaining(malformed));
    }));

  it('a claim of 10 MB is refused', () =>
    bounded(async () => {
      const [header, , signature] = token.split('.');
      const payload = Buffer.from(claims({ sub: 'a'.repeat(10_000_000) })).toString('base64url');
      await expect(verify(`${header}.${payload}.${signature}`)).rejects.toMatchObject(malformed);
    }));

  it('64 KiB of problems are told in a message one can read', () =>
    bounded(async () => {
      const unknown = Object.fromEntries(
        Array.from({ length: 4000 }, (_, n) => [`c${String(n)}`, n]),
      );
      const error = await verify(await signed(claims(unknown))).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject(malformed);
      expect((error as Error).message.length).toBeLessThan(4000);
    }));
});
