import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../../src/front/config/config.ts';

const sound = {
  version: 1,
  key: { uri: 'file:keys/signing.json?alg=ES256', kid: 'abc' },
  logKey: { uri: 'file:keys/log.json?alg=EdDSA', kid: 'def' },
  log: { origin: 'warder.invalid/log/0123456789abcdef', memory: '/var/lib/memory.json' },
  agents: { default: { capabilities: [{ type: 'tool.call', tools: ['*'] }] } },
};

const schemaPath = resolve(import.meta.dirname, '../../../src/front/config/config.schema.json');
const validate = new Ajv2020({ strict: false }).compile(
  JSON.parse(readFileSync(schemaPath, 'utf8')) as object,
);

const CALLS = sound.agents.default.capabilities;
const ISSUER = {
  issuer: 'https://id.example',
  audience: 'warder',
  jwks: 'keys/issuer.jwks',
  algorithms: ['RS256'],
  principalPrefix: 'corp:',
  agent: 'default',
};
const trusting = (more: object): object => ({ trust: { issuers: [{ ...ISSUER, ...more }] } });

const VKEY = 'witness.example/w1+0123abcd+BAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA';
const WITNESS = { vkey: VKEY, url: 'https://w.example/prefix' };
const witnessed = (witnesses: unknown, quorum?: number): object => ({
  log: { ...sound.log, witnesses, ...(quorum === undefined ? {} : { quorum }) },
});

const parse = (value: unknown) => parseConfig(JSON.stringify(value), 'config.json');

test('what may be left out has its documented value', () => {
  const config = parse(sound);
  expect(config.limits.argumentBytes).toBe(1024 * 1024);
  expect(config.agents['default']).toMatchObject({
    principal: 'agent:default',
    tenant: 'default',
    ttl: 3600,
    holder: 'connection',
  });
});

test('operators are named, and nobody but `operator` when none is', () => {
  expect(parse(sound).operators).toEqual([]);
  const two = { ...sound, operators: { alice: {}, 'bob-2': {} } };
  expect(parse(two).operators).toEqual(['alice', 'bob-2']);
  expect(validate(two)).toBe(true);
});

test('witnesses are named, and all of them are the quorum if none is said', () => {
  expect(parse(sound).log).toMatchObject({ witnesses: [], quorum: 0 });
  const other = { vkey: VKEY.replace('w1', 'w2'), url: 'http://127.0.0.1:7380' };
  const two = { ...sound, ...witnessed([WITNESS, other]) };
  expect(parse(two).log).toMatchObject({ witnesses: [WITNESS, other], quorum: 2 });
  expect(validate(two)).toBe(true);
  expect(parse({ ...sound, ...witnessed([WITNESS, other], 1) }).log.quorum).toBe(1);
  for (const bad of [witnessed([WITNESS, WITNESS]), witnessed([WITNESS], 2)]) {
    expect(() => parse({ ...sound, ...bad })).toThrow(expect.objectContaining({ code: 'usage' }));
  }
});

test('comments and trailing commas are allowed', () => {
  const text = `// mine\n${JSON.stringify(sound).slice(0, -1)}, /* none */ "limits": {},}`;
  expect(parseConfig(text, 'config.json').version).toBe(1);
});

describe('mistakes are refused, by the reader and by the published schema alike', () => {
  const cases: Record<string, unknown> = {
    'an unknown key': { ...sound, limit: {} },
    'an unknown inner key': { ...sound, limits: { argumentByte: 5 } },
    'an unknown agent key': { ...sound, agents: { a: { capabilities: [], maxDurationMS: 4 } } },
    'another version': { ...sound, version: 2 },
    'no key': { ...sound, key: undefined },
    'a memory inside wherever': { ...sound, log: { ...sound.log, memory: 'memory.json' } },
    'a witness without a url': { ...sound, ...witnessed([{ vkey: VKEY }]) },
    'a witness without a key': { ...sound, ...witnessed([{ url: 'https://w.example' }]) },
    'a witness over plain http': {
      ...sound,
      ...witnessed([{ vkey: VKEY, url: 'http://w.example' }]),
    },
    'a witness named by a query': {
      ...sound,
      ...witnessed([{ vkey: VKEY, url: 'https://w.example/?a' }]),
    },
    'a quorum of none': { ...sound, ...witnessed([WITNESS], 0) },
    'a quorum without witnesses': { ...sound, log: { ...sound.log, quorum: 1 } },
    'a limit that is no count': { ...sound, limits: { argumentBytes: -1 } },
    'a limit that is text': { ...sound, limits: { argumentBytes: '5' } },
    'an agent name that could be a path': { ...sound, agents: { '../x': { capabilities: [] } } },
    'a tenant with a slash': { ...sound, agents: { a: { capabilities: [], tenant: 'a/b' } } },
    'a holder that is none': { ...sound, agents: { a: { capabilities: [], holder: 'none' } } },
    'an issuer without algorithms': { ...sound, ...trusting({ algorithms: [] }) },
    'an issuer that signs with a shared secret': {
      ...sound,
      ...trusting({ algorithms: ['HS256'] }),
    },
    'an issuer that signs nothing': { ...sound, ...trusting({ algorithms: ['none'] }) },
    'an issuer without a prefix': { ...sound, ...trusting({ principalPrefix: '' }) },
    'an issuer with an unknown key': { ...sound, ...trusting({ jwksUri: 'https://id.example' }) },
    'trust in something else': { ...sound, trust: { everybody: true } },
    'an operator name that could be a path': { ...sound, operators: { '../x': {} } },
    'the operator who is there anyway': { ...sound, operators: { operator: {} } },
    'an operator of whom something unknown is said': {
      ...sound,
      operators: { alice: { password: 'x' } },
    },
    'an operator who is no object': { ...sound, operators: { alice: true } },
    'operators as a list': { ...sound, operators: ['alice'] },
    'more operators than anybody has': {
      ...sound,
      operators: Object.fromEntries(Array.from({ length: 65 }, (_, at) => [`o${at}`, {}])),
    },
    'a lease life of years': { ...sound, agents: { a: { capabilities: [], ttl: 1e9 } } },
  };
  test.each(Object.entries(cases))('%s', (_, value) => {
    expect(() => parse(value)).toThrow(expect.objectContaining({ code: 'usage' }));
    expect(validate(JSON.parse(JSON.stringify(value)))).toBe(false);
  });
});

describe('issuers whose people could be taken for others', () => {
  test.each([
    ['two of one name', [{}, { principalPrefix: 'b:' }]],
    ['two with one prefix', [{}, { issuer: 'https://other.example' }]],
    [
      'a prefix that begins another',
      [{}, { issuer: 'https://o.example', principalPrefix: 'corp:x' }],
    ],
    ['a prefix that an agent begins with', [{ principalPrefix: 'agent:' }]],
    ['a prefix that the operator begins with', [{ principalPrefix: 'oper' }]],
    ['an agent that is not there', [{ agent: 'nobody' }]],
    ['a tenant that is not its agent’s', [{ tenant: 'other' }]],
    ['keys outside of the home', [{ jwks: '../jwks.json' }]],
    ['keys outside of the home, by a detour', [{ jwks: 'keys/../../jwks.json' }]],
  ])('%s', (_, list) => {
    const issuers = list.map((each) => ({ ...ISSUER, ...each }));
    expect(() => parse({ ...sound, trust: { issuers } })).toThrow(
      expect.objectContaining({ code: 'usage' }),
    );
  });

  test('an agent that takes key-bound leases only', () => {
    const agents = { default: { ...sound.agents.default, holder: 'dpop' } };
    expect(() => parse({ ...sound, agents, ...trusting({}) })).toThrow(
      expect.objectContaining({ code: 'usage' }),
    );
  });
});

test('the schema accepts what the reader accepts', () => {
  expect(validate(sound)).toBe(true);
  const whole = {
    ...sound,
    agents: { default: sound.agents.default, b: { capabilities: CALLS, holder: 'dpop' } },
    ...trusting({ tenant: 'default', principalClaim: 'email' }),
  };
  expect(parse(whole).trust.issuers).toHaveLength(1);
  expect(parse(whole).agents['b']?.holder).toBe('dpop');
  expect(validate(whole)).toBe(true);
});

test('every bad path is named at once', () => {
  const bad = { ...sound, version: 3, limits: { nope: 1 }, agents: { a: { ttl: 0 } } };
  expect(() => parse(bad)).toThrow(/version.*nope.*a\.ttl|version[^]*agents\.a[^]*nope/);
});

test('a syntax error names its line', () => {
  expect(() => parseConfig('{\n"version": 1\n"key": 2}', 'c.json')).toThrow(/line 3/);
});
