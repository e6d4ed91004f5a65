// What `--lease`, `--lease-key` and `--identity` take: files and inherited descriptors, never the text itself.

import { chmodSync, closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readCredentials } from '../../../../src/front/cli/credentials.ts';
import { generateHolderKey, type HolderKey } from '../../../../src/trust/holder/holder-key.ts';
import { issueRoot } from '../../lease/chains.ts';
import { openOffice } from '../../lease/office.ts';

let directory: string;
let lease: string;
let key: HolderKey;
const at = (name: string): string => join(directory, name);

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'warder-credentials-'));
  key = await generateHolderKey();
  lease = await issueRoot(await openOffice(), { cnf: { jkt: key.jkt } });
  writeFileSync(at('lease'), `${lease}\n`);
  writeFileSync(at('key'), JSON.stringify(key.exportPrivate()), { mode: 0o600 });
  writeFileSync(at('jwt'), 'a.b.c\n');
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

test('nothing, a lease, a lease with its key, an identity', async () => {
  expect(await readCredentials({})).toEqual({});
  expect(await readCredentials({ lease: `@${at('lease')}` })).toEqual({ lease });
  expect(await readCredentials({ identity: `@${at('jwt')}` })).toEqual({ identity: 'a.b.c' });
  const { held } = await readCredentials({ lease: `@${at('lease')}`, leaseKey: at('key') });
  expect(held?.text).toBe(lease);
});

test('from descriptors', async () => {
  const [one, two] = [openSync(at('lease'), 'r'), openSync(at('key'), 'r')];
  const read = await readCredentials({ lease: `fd:${one}`, leaseKey: `fd:${two}` });
  expect(read.held?.text).toBe(lease);
  for (const descriptor of [one, two]) closeSync(descriptor);
});

test('a key that others could read is not taken', async () => {
  writeFileSync(at('open'), JSON.stringify(key.exportPrivate()));
  chmodSync(at('open'), 0o644);
  await expect(
    readCredentials({ lease: `@${at('lease')}`, leaseKey: at('open') }),
  ).rejects.toMatchObject({ code: 'unavailable' });
});

test.each([
  ['the lease itself', { lease: 'eyJhbGciOiJFUzI1NiJ9.e30.AA' }, 'usage'],
  ['the identity itself', { identity: 'eyJhbGciOiJFUzI1NiJ9.e30.AA' }, 'usage'],
  ['a file that is not there', { lease: '@/nowhere/lease' }, 'usage'],
  ['a descriptor that is not open', { lease: 'fd:999' }, 'usage'],
  ['a descriptor that is none', { lease: 'fd:-1' }, 'usage'],
  ['a key without a lease', { leaseKey: '/nowhere' }, 'usage'],
])('%s', async (_, options, code) => {
  await expect(readCredentials(options)).rejects.toMatchObject({ code });
});

test('a lease and an identity, a key that is none', async () => {
  const both = { lease: `@${at('lease')}`, identity: `@${at('jwt')}` };
  await expect(readCredentials(both)).rejects.toMatchObject({ code: 'usage' });
  writeFileSync(at('none'), '{"kty":"EC"}', { mode: 0o600 });
  await expect(
    readCredentials({ lease: `@${at('lease')}`, leaseKey: at('none') }),
  ).rejects.toMatchObject({ code: 'malformed' });
});

test('no message repeats what was given', async () => {
  const secret = 'eyJhbGciOiJFUzI1NiJ9.c2VjcmV0.AA';
  for (const options of [{ lease: secret }, { identity: secret }]) {
    const error = await readCredentials(options).catch((thrown: unknown) => thrown);
    expect(JSON.stringify(error)).not.toContain('c2VjcmV0');
  }
});
