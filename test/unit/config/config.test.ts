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
    'a limit that is no count': { ...sound, limits: { argumentBytes: -1 } },
    'a limit that is text': { ...sound, limits: { argumentBytes: '5' } },
    'an agent name that could be a path': { ...sound, agents: { '../x': { capabilities: [] } } },
    'a tenant with a slash': { ...sound, agents: { a: { capabilities: [], tenant: 'a/b' } } },
    'a lease life of years': { ...sound, agents: { a: { capabilities: [], ttl: 1e9 } } },
  };
  test.each(Object.entries(cases))('%s', (_, value) => {
    expect(() => parse(value)).toThrow(expect.objectContaining({ code: 'usage' }));
    expect(validate(JSON.parse(JSON.stringify(value)))).toBe(false);
  });
});

test('the schema accepts what the reader accepts', () => {
  expect(validate(sound)).toBe(true);
});

test('every bad path is named at once', () => {
  const bad = { ...sound, version: 3, limits: { nope: 1 }, agents: { a: { ttl: 0 } } };
  expect(() => parse(bad)).toThrow(/version.*nope.*a\.ttl|version[^]*agents\.a[^]*nope/);
});

test('a syntax error names its line', () => {
  expect(() => parseConfig('{\n"version": 1\n"key": 2}', 'c.json')).toThrow(/line 3/);
});
