// Keys and lists from the command line, with a daemon and an agent at work.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sampleTool } from '../support/fixtures.ts';
import { openRawMcp } from '../support/raw-mcp.ts';
import { createTestHome, type TestHome } from '../support/warder.ts';

interface Row {
  readonly id: string;
}

let home: TestHome;
const folder = mkdtempSync(join(tmpdir(), 'warder-e2e-keys-'));
const file = (name: string): string => join(folder, name);

beforeAll(async () => {
  home = await createTestHome();
  await home.ok(['tool', 'add', sampleTool('text')]);
});

afterAll(async () => {
  await home.remove();
  rmSync(folder, { recursive: true, force: true });
});

async function save(name: string, args: readonly string[]): Promise<string> {
  const done = await home.run(args);
  expect(done.code, done.stderr).toBe(0);
  writeFileSync(file(name), `${done.stdout.trimEnd()}\n`);
  return file(name);
}

async function lastProof(name: string): Promise<string> {
  const [row] = await home.ok<Row[]>(['receipts', 'list', '--last', '1']);
  return save(name, ['receipts', 'proof', row?.id ?? '']);
}

test('a connection goes on over a rotation and over a compromise; proofs of all times verify', async () => {
  const mcp = openRawMcp(home);
  await mcp.initialize();
  let id = 10;
  const echo = async (): Promise<unknown> => {
    id += 1;
    const params = { name: 'text_echo', arguments: { text: 'x' } };
    const { result } = await mcp.request(id, 'tools/call', params);
    return result?.['content'];
  };
  const answer = [{ type: 'text', text: 'x' }];
  expect(await echo()).toEqual(answer);
  const before = await save('before.jwks', ['keys', 'jwks']);
  const proofs = [await lastProof('1.proof')];
  for (const flags of [['--grace', '10m'], ['--compromised']]) {
    const { kid } = await home.ok<{ kid: string }>(['keys', 'rotate', ...flags]);
    expect(await echo()).toEqual(answer);
    proofs.push(await lastProof(`${proofs.length + 1}.proof`));
    const [first] = await home.ok<{ jwk: { kid: string }; state: string }[]>(['keys', 'list']);
    expect(first).toMatchObject({ jwk: { kid }, state: 'current' });
    const today = await save('today.jwks', ['keys', 'jwks']);
    for (const proof of proofs) {
      const verified = await home.run(['receipts', 'verify', proof, '--key', today]);
      expect(verified.code, verified.stderr).toBe(0);
    }
    const led = await home.run(['keys', 'verify-rotation', today, '--key', before]);
    expect(led.code).toBe(flags.includes('--compromised') ? 6 : 0);
  }
  const old = await home.run(['receipts', 'verify', proofs[2] ?? '', '--key', before]);
  expect(old.code).toBe(6);
  mcp.endInput();
  await mcp.exited;
  // All of it over a restart, too.
  await home.ok(['stop']);
  const states = (await home.ok<{ state: string }[]>(['keys', 'list'])).map(({ state }) => state);
  expect(states).toEqual(['current', 'compromised', 'compromised', 'current']);
  await home.ok(['receipts', 'verify']);
}, 60_000);

test('revoking by what it is called, and the list that is published', async () => {
  const mistakes: [string[], number][] = [
    [['../rotate-key'], 2],
    [['--holder', '/nonexistent'], 2],
    [['--subtree'], 2],
    [[], 2],
    [['x', '--all'], 2],
    [['--all', '--tenant', '../x'], 2],
  ];
  for (const [args, code] of mistakes) {
    const done = await home.run(['lease', 'revoke', ...args]);
    expect(done.code, args.join(' ')).toBe(code);
    expect(done.stderr).toMatch(/^error\[[a-z-]+\]: .+\nhint: .+/);
  }
  await home.ok(['lease', 'revoke', '--all']);
  const { ended } = await home.ok<{ ended: unknown }>(['lease', 'revoke', '--all']);
  expect(ended).toEqual([{ tenant: 'default', leases: [] }]);
  const list = file('list.jwt');
  const { seq } = await home.ok<{ seq: number }>(['lease', 'revocations', '--out', list]);
  expect(seq).toBeGreaterThan(0);
  const published = readFileSync(join(home.root, 'public', 'revocations.jwt'), 'utf8');
  expect(readFileSync(list, 'utf8')).toBe(published);
  expect((await home.run(['lease', 'revocations', '--tenant', 'nobody'])).code).toBe(2);
  const findings = await home.ok<{ subject: string; state: string }[]>(['doctor']).catch(() => []);
  const finding = findings.find(({ subject }) => subject === 'revocations');
  expect(finding?.state ?? 'ok').toBe('ok');
}, 60_000);
