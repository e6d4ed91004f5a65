// What the command does with leases where there is no daemon.

import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { runProgram } from '../../../../src/front/cli/program.ts';
import { signRevocations } from '../../../../src/trust/lease/revocation-list.ts';
import { openMemorySigner } from '../../../../src/trust/signer/memory/memory-signer.ts';
import { rootTerms } from '../../lease/chains.ts';
import { openOffice, origin } from '../../lease/office.ts';
import { prepareLease, signLease } from '../../../../src/trust/lease/issue-lease.ts';

const folder = mkdtempSync(join(tmpdir(), 'warder-lease-cli-'));
const at = (name: string): string => join(folder, name);
let stdout = '';
let stderr = '';

async function warder(...argv: string[]): Promise<{ code: number; json: Record<string, unknown> }> {
  stdout = '';
  stderr = '';
  const code = await runProgram(['--json', 'lease', ...argv]);
  return { code, json: JSON.parse(stdout) as Record<string, unknown> };
}

beforeEach(() => {
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => ((stdout += String(text)), true));
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => ((stderr += String(text)), true));
});
afterEach(() => vi.restoreAllMocks());
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const trust = () => ['--origin', origin, '--key', at('issuer.jwk')];

beforeAll(async () => {
  const office = await openOffice();
  const second = Math.floor(Date.now() / 1000);
  const { generateHolderKey } = await import('../../../../src/trust/holder/holder-key.ts');
  const holder = await generateHolderKey();
  writeFileSync(at('holder.key'), JSON.stringify(holder.exportPrivate()), { mode: 0o600 });
  const terms = {
    ...rootTerms,
    capabilities: [{ type: 'fs.read', paths: ['/data/**'] }],
    cnf: { jwk: holder.jwk },
  } as const;
  const random = new Uint8Array(16).fill(9);
  const prepared = prepareLease(terms, office.signer.key, second * 1000, random);
  writeFileSync(at('root'), `${await signLease(prepared, office.signer)}\n`);
  writeFileSync(at('issuer.jwk'), JSON.stringify(office.signer.key));
  const signer = openMemorySigner('ES256', { roles: ['revocations'], admitters: [] });
  writeFileSync(at('list.jwk'), JSON.stringify(signer.key));
  for (const [name, leases] of [
    ['none', []],
    ['revoked', [prepared.stateKey]],
  ] as const) {
    const list = {
      iss: origin,
      seq: 1,
      iat: second,
      nextUpdate: second + 3600,
      leases,
      holders: [],
    };
    writeFileSync(at(name), await signRevocations(list, signer));
  }
});

test('a holder delegates offline, and anybody verifies it with the issuer’s key alone', async () => {
  const made = await warder('key', at('child.key'));
  expect(made.code).toBe(0);
  expect(statSync(at('child.key')).mode & 0o777).toBe(0o600);
  expect(stdout).not.toContain(JSON.parse(readFileSync(at('child.key'), 'utf8')).d);
  writeFileSync(at('child.jwk'), JSON.stringify(made.json['jwk']));
  const capabilities = JSON.stringify([{ type: 'fs.read', paths: ['/data/x/*'] }]);
  const child = await warder(
    'delegate',
    at('root'),
    '--key-file',
    at('holder.key'),
    '--to',
    at('child.jwk'),
    '--capabilities',
    capabilities,
    '--ttl',
    '60',
  );
  expect(child.code).toBe(0);
  writeFileSync(at('child'), String(child.json['lease']));
  expect(await warder('verify', at('child'), ...trust())).toMatchObject({
    code: 0,
    json: { depth: 1, revocation: 'not asked', claims: { del_depth: 1 } },
  });
  const check = (path: string) =>
    warder('check', at('child'), ...trust(), '--action', JSON.stringify({ type: 'fs.read', path }));
  expect(await check('/data/x/y')).toMatchObject({ code: 0, json: { covered: true } });
  expect((await check('/data/y')).code).toBe(3);
  expect((await check('/data/x/../y')).code).toBe(3);
  const wider = JSON.stringify([{ type: 'fs.read', paths: ['/**'] }]);
  const refused = await warder(
    'delegate',
    at('root'),
    '--key-file',
    at('holder.key'),
    '--to',
    at('child.jwk'),
    '--capabilities',
    wider,
  );
  expect(refused).toMatchObject({ code: 3, json: { error: { code: 'lease-refused' } } });
});

test('a revocation list decides, and fails closed', async () => {
  const verify = (...more: string[]) =>
    warder('verify', at('root'), ...trust(), '--key', at('list.jwk'), ...more);
  expect(await verify('--revocations', at('none'))).toMatchObject({
    code: 0,
    json: { revocation: 'not revoked' },
  });
  expect((await verify('--revocations', at('none'), '--at-least', '1')).json).toMatchObject({
    list: 1,
  });
  expect((await verify('--revocations', at('none'), '--at-least', '2')).code).toBe(3);
  expect((await verify('--at-least', '1')).code).toBe(2);
  expect((await verify('--max-age', '1')).code).toBe(2);
  expect((await verify('--revocations', at('revoked'))).code).toBe(3);
  expect((await verify('--revocations', at('root'))).code).toBe(2);
});

test.each<[string, () => string[], number]>([
  ['no key', () => ['verify', at('root'), '--origin', origin], 2],
  ['another origin', () => ['verify', at('root'), '--origin', 'x', '--key', at('issuer.jwk')], 3],
  ['another key', () => ['verify', at('root'), '--origin', origin, '--key', at('list.jwk')], 6],
  ['no file', () => ['verify', at('nothing'), ...trust()], 2],
  [
    'an action that is none',
    () => ['check', at('root'), ...trust(), '--action', '{"type":"x"}'],
    2,
  ],
  [
    'an action of too much',
    () => [
      'check',
      at('root'),
      ...trust(),
      '--action',
      '{"type":"fs.read","path":"/data/x","or":1}',
    ],
    2,
  ],
  ['a key file that exists', () => ['key', at('holder.key')], 2],
  [
    'a private key to delegate to',
    () => ['delegate', at('root'), '--key-file', at('holder.key'), '--to', at('holder.key')],
    2,
  ],
  [
    'a public key to delegate with',
    () => ['delegate', at('root'), '--key-file', at('issuer.jwk'), '--to', at('issuer.jwk')],
    7,
  ],
])('%s is refused', async (_, argv, code) => {
  expect((await warder(...argv())).code).toBe(code);
  expect(stderr).toContain('hint:');
});
