// Two tenants of one daemon: neither sees, uses up, ends or answers for anything of the other.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { parseBudget } from '../../../src/decide/limits/budget.ts';
import { kvTable } from '../../../src/reach/kv/kv.ts';
import { HeldLease } from '../../../src/trust/holder/held-lease.ts';
import { generateHolderKey } from '../../../src/trust/holder/holder-key.ts';
import { stateKey } from '../../../src/trust/lease/state-key.ts';
import { answers } from '../../fakes/runner.ts';
import { type AgentFront, agentFront } from '../../support/agent-front.ts';
import { ECHO, filesOf, installed, PERMIT_ALL } from '../../support/decision.ts';

const ARGS = { text: 'hi' };
let front: AgentFront;
let keys: string;

beforeAll(async () => {
  keys = mkdtempSync(join(tmpdir(), 'warder-tenants-'));
  front = await agentFront({
    keys,
    grant: { kv: true },
    policy: filesOf(`@id("all") ${PERMIT_ALL}`),
  });
  // The same package, even the same id: the tenant alone keeps them apart.
  await front.gate.administration.addTool('other', installed({ kv: true }));
});
afterAll(async () => {
  await front[Symbol.asyncDispose]();
  rmSync(keys, { recursive: true, force: true });
});
beforeEach(() => {
  front.gate.runner.behaviour = () => answers('hi');
});

const call = async (agent: string): Promise<string | undefined> =>
  (await front.call(ARGS, {}, {}, agent)).error?.code;

test('tools: installed for one, there for one', async () => {
  const { administration } = front.gate;
  const own = { ...ECHO, name: 'only_other' };
  const tool = await administration.addTool('other', {
    ...installed({}, [own]),
    id: 'inst_0000000000000000000000ONLY',
    name: 'only',
  });
  const names = async (agent: string): Promise<unknown> => {
    const mcp = await front.mcp(undefined, undefined, agent);
    const { result } = await mcp.request('tools/list', {});
    return (result as { tools: { name: string }[] }).tools
      .map(({ name }) => name)
      .filter((name) => !name.startsWith('lease_'));
  };
  expect(await names('other')).toEqual(['only_other', 'text_echo']);
  expect(await names('default')).toEqual(['text_echo']);
  const asked = await front.call({}, { tool: 'only_other', arguments: '{"text":"hi"}' });
  expect(asked.error?.code).toBe('not-found');
  await expect(administration.switchTool('default', tool.id, 'remove')).rejects.toMatchObject({
    code: 'not-found',
  });
});

test('kv: what one keeps the other neither reads nor fills up', async () => {
  const read: (string | undefined)[] = [];
  front.gate.runner.behaviour = async ({ ask }) => {
    const found = await ask({ op: 'kv-get', key: 'k' });
    read.push(found.ok && found.bytes !== undefined ? text(found.bytes) : undefined);
    await ask({ op: 'kv-set', key: 'k', value: new TextEncoder().encode(`${read.length}`) });
    return answers('hi');
  };
  for (const agent of ['default', 'other', 'default', 'other']) {
    expect(await call(agent)).toBeUndefined();
  }
  expect(read).toEqual([undefined, undefined, '1', '2']);
  const rows = front.gate.store.read((reader) => reader.list(kvTable, undefined));
  expect(new Set(rows.map(({ tenant }) => tenant))).toEqual(new Set(['default', 'other']));
});

test('budgets: what one uses up the other still has', async () => {
  const budget = parseBudget({
    name: 'few',
    measure: 'calls',
    limit: 1,
    period: 'ever',
    scope: {},
  });
  await front.gate.administration.setBudget('default', budget);
  expect(await call('default')).toBeUndefined();
  expect(await call('default')).toBe('limit-reached');
  expect(await call('other')).toBeUndefined();
  const { budgets } = front.gate.parts;
  expect(budgets.state('other', front.gate.clock.wall())).toEqual([]);
  await expect(front.gate.administration.removeBudget('other', 'few')).rejects.toMatchObject({
    code: 'not-found',
  });
  await front.gate.administration.removeBudget('default', 'few');
});

test('leases: one’s is refused at the other’s socket, and not ended there', async () => {
  const key = await generateHolderKey();
  const text = await front.issue({ tenant: 'other', cnf: { jkt: key.jkt } });
  const held = new HeldLease(text, key, () => front.gate.clock.wall());
  const at = async (agent: string): Promise<string | undefined> => {
    const change = { uri: `warder://agent/${agent}` };
    const proof = await front.prove(held, ARGS, change);
    return (await front.call(ARGS, { lease: text, proof }, {}, agent)).error?.code;
  };
  expect(await at('default')).toBe('lease-refused');
  expect(await at('other')).toBeUndefined();
  const { administration, parts } = front.gate;
  const row = stateKey(held.claims.jti);
  expect(parts.leases.find('default', row, front.gate.clock.wall())).toBeUndefined();
  await expect(administration.revokeLease('default', row, 'no')).rejects.toMatchObject({
    code: 'not-found',
  });
  await front.gate.store.commit((tx) =>
    parts.leases.revokeHolder(tx, 'default', key.jkt, 'of one tenant', front.gate.clock.wall()),
  );
  expect(await at('other')).toBeUndefined();
});

test('secrets: one’s is neither there for the other, nor taken away by it', async () => {
  const { administration, parts } = front.gate;
  const value = new TextEncoder().encode('sixteen bytes and more');
  await administration.setSecret('default', 'API_KEY', value, 'set');
  expect(parts.vault.has('default', 'API_KEY')).toBe(true);
  expect(parts.vault.has('other', 'API_KEY')).toBe(false);
  expect(parts.vault.list('other')).toEqual([]);
  await expect(administration.removeSecret('other', 'API_KEY')).rejects.toMatchObject({
    code: 'not-found',
  });
});

test('receipts: each is told as its tenant’s, refusals at the socket as well', async () => {
  const identity = 'a.b.c';
  await front.call(ARGS, {}, { identity }, 'other');
  await call('default');
  await call('other');
  for (const tenant of ['default', 'other']) {
    const receipts = [...front.gate.reader.export({ tenant })];
    const principals = new Set(
      receipts.filter(({ type }) => type === 'call').map(({ principal }) => principal),
    );
    expect(new Set(receipts.map(({ statement }) => statement.predicate.tenant))).toEqual(
      new Set([tenant]),
    );
    expect(principals.has(tenant === 'default' ? 'oscar' : 'alice')).toBe(false);
  }
  const [refused] = front.gate.reader.list({ type: 'authentication' });
  expect(front.gate.reader.show(refused?.id ?? '').statement.predicate.tenant).toBe('other');
});

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
