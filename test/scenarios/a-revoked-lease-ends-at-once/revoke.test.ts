// Revoking while the server runs takes effect at the next call, for good, and is never written back.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { fixture, sampleTool } from '../../support/fixtures.ts';
import { openRawMcp, type RawMcp } from '../../support/raw-mcp.ts';
import { createTestHome, type TestHome } from '../../support/warder.ts';

interface Lease {
  readonly stateKey: string;
  readonly state: string;
}

let home: TestHome;
let id = 100;

beforeAll(async () => {
  home = await createTestHome();
  await home.ok(['tool', 'add', sampleTool('text')]);
  await home.ok(['tool', 'add', fixture('host-flood'), '--timeout', '20s']);
});

afterAll(() => home.remove());

async function codeOf(mcp: RawMcp): Promise<string | undefined> {
  id += 1;
  const params = { name: 'text_echo', arguments: { text: 'x' } };
  const { result } = await mcp.request(id, 'tools/call', params);
  const meta = result?.['_meta'] as { 'warder/error'?: { code: string } };
  return meta['warder/error']?.code;
}

async function active(): Promise<readonly Lease[]> {
  const leases = await home.ok<Lease[]>(['lease', 'list']);
  return leases.filter(({ state }) => state === 'active');
}

test('the next call on the connection is refused, and so is every later one', async () => {
  const [revoked, other] = [openRawMcp(home), openRawMcp(home)];
  await Promise.all([revoked.initialize(), other.initialize()]);
  expect(await codeOf(revoked)).toBeUndefined();
  const [lease] = await active();
  expect(await codeOf(other)).toBeUndefined();
  await home.ok(['lease', 'revoke', lease?.stateKey ?? '', '--reason', 'seen enough']);
  for (let round = 0; round < 3; round += 1) expect(await codeOf(revoked)).toBe('lease-refused');
  // Only that one.
  expect(await codeOf(other)).toBeUndefined();
  for (const mcp of [revoked, other]) {
    mcp.endInput();
    await mcp.exited;
  }
  const rows = await home.ok<{ outcome: string }[]>([
    'receipts',
    'list',
    '--type',
    'lease',
    '--outcome',
    'revoked',
  ]);
  expect(rows).toHaveLength(1);
});

test('sixteen revocations at once are all kept, over a restart too', async () => {
  const clients = Array.from({ length: 16 }, () => openRawMcp(home));
  await Promise.all(clients.map((mcp) => mcp.initialize()));
  for (const mcp of clients) expect(await codeOf(mcp)).toBeUndefined();
  const leases = await active();
  expect(leases).toHaveLength(16);
  const done = await Promise.all(
    leases.map(({ stateKey }) =>
      home.run(['lease', 'revoke', stateKey, '--reason', 'all of them']),
    ),
  );
  expect(done.map(({ code }) => code)).toEqual(Array(16).fill(0));
  for (const mcp of clients) expect(await codeOf(mcp)).toBe('lease-refused');
  for (const mcp of clients) mcp.endInput();
  await Promise.all(clients.map(({ exited }) => exited));
  await home.ok(['stop']);
  const after = await home.ok<Lease[]>(['lease', 'list']);
  const states = leases.map(
    ({ stateKey }) => after.find((one) => one.stateKey === stateKey)?.state,
  );
  expect(states).toEqual(Array(16).fill('revoked'));
}, 40_000);

test('a second revocation of the same lease changes nothing', async () => {
  const [lease] = (await home.ok<Lease[]>(['lease', 'list'])).filter(
    ({ state }) => state === 'revoked',
  );
  const again = await home.run([
    '--json',
    'lease',
    'revoke',
    lease?.stateKey ?? '',
    '--reason',
    'again',
  ]);
  expect([0, 2]).toContain(again.code);
  const shown = await home.ok<Lease>(['lease', 'show', lease?.stateKey ?? '']);
  expect(shown.state).toBe('revoked');
});
