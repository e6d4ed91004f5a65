// What a signer process says of its keys is read like anything from outside: exact, bounded, and printable.

import { expect, test } from 'vitest';
import { parseJson } from '../../../src/base/encoding/parse-json.ts';
import { openMemorySigner } from '../../../src/trust/signer/memory/memory-signer.ts';
import { readRemoteKeys, type RemoteKeys } from '../../../src/trust/signer/remote/remote-key.ts';

const jwk = openMemorySigner('ES256', { roles: [] }).key;
const custody = { backend: 'pkcs11', summary: 'in a token', claims: { local: true } };
const key = { jwk, use: 'signing', custody, attests: false };

/** As it comes over the wire. */
function read(keys: unknown): Promise<RemoteKeys> {
  const text = JSON.stringify({ origin: 'example.com/log', keys });
  const ask = (): Promise<never> => Promise.resolve(parseJson(text) as never);
  return readRemoteKeys({ name: 'x', ask, close: () => Promise.resolve() });
}

test('a key is taken as it is said to be', async () => {
  const { keys } = await read([key]);
  expect(keys).toEqual([key]);
});

test('control characters of another process are printed by nobody, nor endless text', async () => {
  const claims = { model: '\u001b[2Jx', serial: 'y'.repeat(10_000) };
  const { keys } = await read([{ ...key, custody: { ...custody, summary: 'a\nb', claims } }]);
  expect(keys[0]?.custody).toEqual({
    backend: 'pkcs11',
    summary: 'a?b',
    claims: { model: '?[2Jx', serial: 'y'.repeat(256) },
  });
});

test.each<[string, unknown]>([
  ['no list', {}],
  ['no key', ['key']],
  ['another use', [{ ...key, use: 'spare' }]],
  ['a thumbprint that is not the key’s', [{ ...key, jwk: { ...jwk, kid: 'A'.repeat(43) } }]],
  ['no custody', [{ ...key, custody: undefined }]],
  ['custody as a line', [{ ...key, custody: 'in a token' }]],
  ['another signer behind it', [{ ...key, custody: { ...custody, backend: 'remote' } }]],
  ['claims as a list', [{ ...key, custody: { ...custody, claims: [1] } }]],
  ['a claim with members', [{ ...key, custody: { ...custody, claims: { a: { b: 1 } } } }]],
  ['a claim of another name', [{ ...key, custody: { ...custody, claims: { 'a b': 1 } } }]],
  [
    'more claims than anybody reads',
    [
      {
        ...key,
        custody: {
          ...custody,
          claims: Object.fromEntries(Array.from({ length: 53 }, (_, at) => [letters(at), true])),
        },
      },
    ],
  ],
])('%s is no answer', async (_, keys) => {
  await expect(read(keys)).rejects.toMatchObject({
    code: 'unavailable',
    message: 'the signer process answers what cannot be understood',
    data: { signer: 'misconfigured' },
  });
});

function letters(at: number): string {
  return String.fromCharCode(97 + (at % 26)).repeat(1 + Math.floor(at / 26));
}
