// Keys and lists from the command line, with a daemon and an agent at work.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sampleTool } from '../support/fixtures.ts';
import { KeptFiles, verifyProof } from '../support/kept-files.ts';
import { openRawMcp } from '../support/raw-mcp.ts';
import { createTestHome, type TestHome } from '../support/warder.ts';

let home: TestHome;
let kept: KeptFiles;

beforeAll(async () => {
  home = await createTestHome();
  kept = new KeptFiles(home);
  await home.ok(['tool', 'add', sampleTool('text')]);
});

afterAll(async () => {
  await home.remove();
  kept.remove();
});

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
  const before = await kept.save('before.jwks', ['keys', 'jwks']);
  const proofs = [await kept.lastProof('1.proof')];
  for (const flags of [['--grace', '10m'], ['--compromised']]) {
    const { kid } = await home.ok<{ kid: string }>(['keys', 'rotate', ...flags]);
    expect(await echo()).toEqual(answer);
    proofs.push(await kept.lastProof(`${proofs.length + 1}.proof`));
    const [first] = await home.ok<{ jwk: { kid: string }; state: string }[]>(['keys', 'list']);
    expect(first).toMatchObject({ jwk: { kid }, state: 'current' });
    const today = await kept.save('today.jwks', ['keys', 'jwks']);
    for (const proof of proofs) {
      const verified = await verifyProof(proof, today);
      expect(verified.code, verified.stderr).toBe(0);
    }
    const led = await home.run(['keys', 'verify-rotation', today, '--key', before]);
    expect(led.code).toBe(flags.includes('--compromised') ? 6 : 0);
  }
  const old = await verifyProof(proofs[2] ?? '', before);
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
  const list = kept.path('list.jwt');
  const { seq } = await home.ok<{ seq: number }>(['lease', 'revocations', '--out', list]);
  expect(seq).toBeGreaterThan(0);
  const published = readFileSync(join(home.root, 'public', 'revocations.jwt'), 'utf8');
  expect(readFileSync(list, 'utf8')).toBe(published);
  expect((await home.run(['lease', 'revocations', '--tenant', 'nobody'])).code).toBe(2);
  const findings = await home.ok<{ subject: string; state: string }[]>(['doctor']).catch(() => []);
  const finding = findings.find(({ subject }) => subject === 'revocations');
  expect(finding?.state ?? 'ok').toBe('ok');
}, 60_000);
