import { expect, test } from 'vitest';
import { parseSignerConfig, readSignerConfig } from '../../../src/front/signing/signer-config.ts';

const sound = {
  version: 1,
  origin: 'warder.invalid/log/0123456789abcdef',
  keys: [{ uri: 'file:signing.key?alg=ES256', kid: 'abc' }],
  logKey: { uri: 'file:log.key?alg=EdDSA', kid: 'def', kinds: ['checkpoint'] },
  listen: ['unix:/run/warder/signer.sock'],
};

const parse = (value: unknown) => parseSignerConfig(JSON.stringify(value), 'signer.json');
const problems = (value: unknown): unknown => {
  try {
    return parse(value);
  } catch (error) {
    expect(error).toMatchObject({ code: 'usage', hint: expect.any(String) as string });
    return (error as { data?: { problems?: unknown } }).data?.problems;
  }
};

test('what may be left out has its documented value', () => {
  const config = parse(sound);
  expect(config.pkcs11.modules).toEqual([]);
  expect(config.tls).toBeUndefined();
  expect(config.keys[0]?.kinds).toBeUndefined();
  expect(config.logKey.kinds).toEqual(['checkpoint']);
  expect(config.ceilings).toMatchObject({ ttl: 86_400, depth: 4 });
});

test.each<[string, object, string | RegExp]>([
  ['another version', { version: 2 }, '`version` must be 1'],
  ['an unknown key', { origins: 'x' }, /unknown key `origins`; did you mean `origin`/],
  ['no keys', { keys: [] }, '`keys` must be a list of keys'],
  [
    'a role that is none',
    { keys: [{ ...sound.keys[0], role: 'signing' }] },
    '`keys[0].role` can only be `log`',
  ],
  ['a loss that is said in words', { logKey: { ...sound.logKey, lost: 'yes' } }, /logKey.lost/],
  ['a memory elsewhere', { memory: '../log-2' }, /`memory` is a directory/],
  ['one key twice', { keys: [sound.keys[0], sound.keys[0]] }, '`keys`: one twice'],
  [
    'a signer process behind a signer process',
    { logKey: { uri: 'unix:/x', kid: 'def' } },
    /another/,
  ],
  ['a kind that is none', { logKey: { ...sound.logKey, kinds: ['digest'] } }, /`logKey\.kinds`/],
  [
    'a probe, which nobody has to ask for',
    { logKey: { ...sound.logKey, kinds: ['probe'] } },
    /kinds/,
  ],
  [
    'https without certificates',
    { listen: ['https://0.0.0.0:7443'] },
    '`tls` is needed to listen on https',
  ],
  ['a module that is found by luck', { pkcs11: { modules: ['lib.so'] } }, /`pkcs11\.modules/],
  ['a ceiling above the leases there are', { ceilings: { depth: 5 } }, /`ceilings\.depth`/],
])('refused: %s', (_, change, problem) => {
  const said = problems({ ...sound, ...change });
  expect(said).toEqual([typeof problem === 'string' ? problem : expect.stringMatching(problem)]);
});

test('every bad path is named at once', () => {
  const said = problems({ ...sound, version: 0, origin: 7, listen: 'x' });
  expect(said).toHaveLength(3);
});

test('a slip of the pen is named by its line', () => {
  const text = `{\n  // its log\n  "origin": ,\n}`;
  expect(() => parseSignerConfig(text, 'signer.json')).toThrow(/`signer\.json` line 3: /);
});

test('no file: how to make one', () => {
  const state = {
    root: '/none',
    config: '/none/signer.json',
    memory: '',
    succession: '',
    socket: '',
  };
  const refused = {
    code: 'unavailable',
    hint: expect.stringContaining('warder signer init') as string,
  };
  expect(() => readSignerConfig(state)).toThrow(expect.objectContaining(refused));
});
