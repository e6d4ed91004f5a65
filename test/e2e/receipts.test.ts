// Receipts from the command line: proven with the answer, disclosed, exported, reported, erased, audited elsewhere.

import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sampleTool } from '../support/fixtures.ts';
import { createTestHome, type TestHome, warderMain } from '../support/warder.ts';

interface Call {
  readonly receipt: { readonly id: string };
  readonly proof?: string;
}

let home: TestHome;
let keys: string;
const folder = mkdtempSync(join(tmpdir(), 'warder-e2e-receipts-'));
const file = (name: string): string => join(folder, name);

beforeAll(async () => {
  home = await createTestHome();
  await home.ok(['tool', 'add', sampleTool('text')]);
  keys = file('keys.jwks');
  writeFileSync(keys, (await home.run(['keys', 'jwks'])).stdout);
});
afterAll(async () => {
  await home.remove();
  rmSync(folder, { recursive: true, force: true });
});

const call = (text: string, ...more: readonly string[]): Promise<Call> =>
  home.ok<Call>(['call', 'text_echo', '--args', JSON.stringify({ text }), ...more]);

const verify = async (path: string): Promise<Record<string, unknown>> =>
  home.ok(['receipts', 'verify', path, '--key', keys]);

test('a proof with the answer, openings for one reader, a bundle for other tools', async () => {
  const { receipt, proof = '' } = await call('shown', '--wait-proof', '--proof-timeout', '60s');
  writeFileSync(file('one.tlog-proof'), proof);
  expect(await verify(file('one.tlog-proof'))).toMatchObject({ id: receipt.id });

  const disclose = [
    'receipts',
    'disclose',
    receipt.id,
    '--fields',
    'arguments',
    '--for',
    'auditor',
  ];
  await home.run([...disclose, '--out', file('auditor.json')]);
  expect(await verify(file('auditor.json'))).toMatchObject({
    disclosed: { arguments: { text: 'shown' } },
    sealed: ['principal', 'result', 'policy'],
  });
  const own = ['receipts', 'disclose', receipt.id, '--agent', 'default'];
  expect((await home.run([...own, '--fields', 'policy'])).code).toBe(2);
  writeFileSync(file('own.json'), (await home.run(own)).stdout);
  expect(await verify(file('own.json'))).toMatchObject({
    disclosed: { principal: 'agent:default' },
  });

  const bundle = [
    'receipts',
    'export',
    receipt.id,
    '--format',
    'sigstore',
    '--out',
    file('bundle'),
  ];
  expect((await home.run(bundle)).code).toBe(0);
  expect(await verify(file('bundle'))).toMatchObject({ id: receipt.id });
  const changed = readFileSync(file('bundle'), 'utf8').replace('"payload":"ey', '"payload":"ez');
  writeFileSync(file('changed'), changed);
  expect((await home.run(['receipts', 'verify', file('changed'), '--key', keys])).code).toBe(6);
});

test('what was done is added up, and goes into a table', async () => {
  await call('counted');
  const tasks = await home.ok<unknown[]>([
    'receipts',
    'report',
    '--by-task',
    '--tool',
    'text_echo',
  ]);
  expect(tasks).toMatchObject([{ task: null, outcomes: { done: expect.any(Number) as number } }]);
  const { stdout } = await home.run(['receipts', 'export', '--format', 'csv', '--type', 'call']);
  const [header, ...rows] = stdout.trimEnd().split('\r\n');
  expect(header).toMatch(/^leaf,id,time,/);
  expect(rows.length).toBeGreaterThan(0);
});

test('a log copied elsewhere is audited there, and never goes back', async () => {
  await home.ok(['receipts', 'checkpoint']);
  const copy = file('log');
  cpSync(join(home.root, 'log'), copy, { recursive: true });
  const audit = ['receipts', 'verify', '--log', copy, '--key', keys, '--remember', file('seen')];
  const first = await home.ok<{ size: number }>(audit);
  await call('later');
  await home.ok(['receipts', 'checkpoint']);
  cpSync(copy, file('old'), { recursive: true });
  cpSync(join(home.root, 'log'), copy, { recursive: true });
  expect(await home.ok(audit)).toMatchObject({ remembered: first.size });
  const back = [
    'receipts',
    'verify',
    '--log',
    file('old'),
    '--key',
    keys,
    '--remember',
    file('seen'),
  ];
  expect((await home.run(back)).code).toBe(6);
});

test('what is erased stands in no file of the home, and its proof still holds', async () => {
  const { receipt, proof = '' } = await call('needle-in-the-home', '--wait-proof');
  writeFileSync(file('erased.tlog-proof'), proof);
  const where = (): string[] =>
    readdirSync(home.root, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .filter((path) => readFileSync(path).includes('needle-in-the-home'));
  expect(where()).not.toEqual([]);
  await home.ok(['receipts', 'erase', receipt.id, '--reason', 'asked to']);
  expect(where()).toEqual([]);
  expect(await verify(file('erased.tlog-proof'))).toMatchObject({ id: receipt.id });
  expect((await home.run(['receipts', 'erase', '--reason', 'no filter'])).code).toBe(2);
  await home.ok(['receipts', 'verify']);
});

test('who follows goes on following when the daemon is started anew', async () => {
  await call('the last one before');
  const args = [
    '--home',
    home.root,
    '--json',
    'receipts',
    'follow',
    '--type',
    'call',
    '--last',
    '1',
  ];
  const follower = spawn(process.execPath, ['--disable-sigusr1', warderMain, ...args], {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: home.mcp().env,
  });
  const lines = createInterface(follower.stdout)[Symbol.asyncIterator]();
  const next = async (): Promise<string> => {
    const { value } = (await lines.next()) as { value: string };
    return (JSON.parse(value) as { id: string }).id;
  };
  try {
    await next();
    const before = await call('before');
    expect(await next()).toBe(before.receipt.id);
    await home.ok(['stop']);
    const after = await call('after');
    expect(await next()).toBe(after.receipt.id);
  } finally {
    follower.kill();
  }
});
