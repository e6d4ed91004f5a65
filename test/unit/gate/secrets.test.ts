// Calls whose permit names secrets: what they give out has none in it, what they sent is on the receipt,
// and a tool that gave one out is taken out of service by the receipt that says so.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { parseSecretRule } from '../../../src/catalog/secret-rule.ts';
import type { CallAnswer } from '../../../src/gate/door.ts';
import type { Permit } from '../../../src/decide/policy/permit.ts';
import { kvTable } from '../../../src/reach/kv/kv.ts';
import type { Capability } from '../../../src/trust/lease/lease.ts';
import type { ReceiptDetail } from '../../../src/trust/receipt/receipt-reader.ts';
import { type FakeConnection, type FakeGate, openGate } from '../../fakes/gate.ts';
import { answers, type Behaviour, USAGE } from '../../fakes/runner.ts';
import { ALL_CAPABILITIES, filesOf } from '../../support/decision.ts';

const VALUE = 'sk-4f9Qx7Lm2Zt8Rb1Vn6Kc3Wd';
const STARS = '*'.repeat(VALUE.length);
const ENCODED = Buffer.from(`user:${VALUE}`).toString('base64');
const RULE = parseSecretRule('API_KEY@GET,https://api.test/**:authorization=Bearer {}');
const CREDENTIAL: Capability = { type: 'credential', names: ['API_KEY'] };
const PERMIT_ALL = filesOf('permit (principal, action, resource);');
const value = (text: string): Uint8Array => new TextEncoder().encode(text);

let keys: string;
let gate: FakeGate;
let agent: FakeConnection;

beforeEach(async () => {
  keys = mkdtempSync(join(tmpdir(), 'warder-keys-'));
  gate = await openGate({ grant: { secrets: [RULE], kv: true }, policy: PERMIT_ALL, keys });
  await gate.administration.setSecret('default', 'API_KEY', value(VALUE), 'set');
  agent = gate.connect({ capabilities: [...ALL_CAPABILITIES, CREDENTIAL] });
});

afterEach(() => rmSync(keys, { recursive: true, force: true }));

function run(behaviour: Behaviour): Promise<CallAnswer> {
  gate.runner.behaviour = behaviour;
  return agent.call({ text: 'x' });
}

const enabled = (): boolean => gate.parts.catalog.list('default')[0]?.enabled === true;
const grants = (): readonly ReceiptDetail[] => [...gate.reader.export({ type: 'grant' })];
const everything = (): string => JSON.stringify([...gate.reader.export({})]);

describe('what a tool gives out', () => {
  test.each<[string, Behaviour]>([
    ['an answer', () => answers(`the key is ${VALUE}`)],
    ['an answer in disguise', () => answers(ENCODED)],
    ['an error of its own', () => answers(VALUE, { isError: true })],
    ['structured content', () => answers('ok', { structuredContent: { a: [{ b: VALUE }] } })],
    ['a member’s name', () => answers('ok', { structuredContent: { [VALUE]: 1 } })],
    [
      'an image',
      () => answers('', { content: [{ type: 'image', mimeType: 'image/png', data: ENCODED }] }),
    ],
    ['a failure', () => ({ kind: 'failed', reason: `trap at ${VALUE}`, usage: USAGE })],
    ['a crash', () => ({ kind: 'crashed', reason: `trap at ${VALUE}`, usage: USAGE })],
    ['a limit', () => ({ kind: 'limit', limit: 'output', reason: VALUE, usage: USAGE })],
  ])('%s: masked, counted, and the tool is disabled', async (_, behaviour) => {
    const answer = await run(behaviour);
    const said = JSON.stringify(answer);
    expect(said).toContain('*'.repeat(16));
    for (const hidden of [VALUE, ENCODED]) expect(said).not.toContain(hidden);
    for (const hidden of [VALUE, ENCODED]) expect(everything()).not.toContain(hidden);
    expect(gate.receipts()[0]?.statement.predicate.usage).toMatchObject({ masked: 1 });
    expect(answer.quarantined).toBe(true);
    expect(enabled()).toBe(false);
  });

  test('a log line', async () => {
    const lines: string[] = [];
    gate.runner.behaviour = ({ options }) => {
      options.onLog?.('info', `sent ${VALUE}`);
      return answers('ok');
    };
    await agent.call({ text: 'x' }, { onLog: (_, line) => void lines.push(line) });
    expect(lines).toEqual([`sent ${STARS}`]);
    expect(enabled()).toBe(false);
  });

  test('a target', async () => {
    await run(async ({ ask }) => {
      await ask({ op: 'kv-get', key: `k-${VALUE}` });
      return answers('ok');
    });
    expect(everything()).not.toContain(VALUE);
    expect(everything()).toContain(`k-${STARS}`);
    expect(enabled()).toBe(false);
  });

  test('the value it is rotated to while the call runs', async () => {
    const next = 'sk-NewValue-0987654321-zyx';
    await run(async () => {
      await gate.administration.setSecret('default', 'API_KEY', value(next), 'rotate');
      return answers(`${VALUE} ${next}`);
    });
    expect(everything()).not.toContain(next);
    expect(everything()).not.toContain(VALUE);
  });

  test('control: without a secret in the grant nothing is looked at, and it stays', async () => {
    const plain = await openGate({ policy: PERMIT_ALL, keys });
    plain.runner.behaviour = () => answers(VALUE);
    expect(JSON.stringify(await plain.connect().call({ text: 'x' }))).toContain(VALUE);
  });

  test('control: an innocent answer is the tool’s own object, and the tool stays', async () => {
    const answer = await run(() => answers('nothing to see'));
    expect(answer).toMatchObject({ answer: { content: [{ text: 'nothing to see' }] } });
    expect(answer.quarantined).toBeUndefined();
    expect(gate.receipts()[0]?.statement.predicate.usage).not.toHaveProperty('masked');
    expect(enabled()).toBe(true);
  });
});

describe('a quarantined tool', () => {
  test('is refused from the next call on, off the list, and says why to the operator', async () => {
    const changed = vi.fn();
    gate.door.onToolsChanged(changed);
    await run(() => answers(VALUE));
    expect(changed).toHaveBeenCalledTimes(1);
    expect(gate.door.tools(agent.caller)).toEqual([]);
    expect(await run(() => answers('again'))).toMatchObject({ error: { code: 'not-found' } });
    const [installation] = gate.parts.catalog.list('default');
    expect(installation?.disabledFor).toContain('secret');
    await gate.administration.switchTool('default', installation?.id ?? '', 'enable');
    expect(gate.parts.catalog.list('default')[0]).toMatchObject({ enabled: true });
    expect(gate.parts.catalog.list('default')[0]?.disabledFor).toBeUndefined();
    expect(await run(() => answers('well'))).toMatchObject({ kind: 'answered' });
  });

  test('leaves a receipt that names the call, by warder and nobody else', async () => {
    const before = grants().length;
    const answer = await run(() => answers(VALUE));
    const [leaf, ...more] = grants().slice(before);
    expect(more).toEqual([]);
    expect(leaf?.outcome).toBe('changed');
    expect(leaf?.statement.predicate.detail).toMatchObject({ call: answer.receipt.id, masked: 1 });
    expect(JSON.stringify(leaf?.openings)).toContain('"warder"');
  });

  test('two calls at once: one receipt', async () => {
    const before = grants().length;
    gate.runner.behaviour = () => answers(VALUE);
    const both = await Promise.all([agent.call({ text: 'a' }), agent.call({ text: 'b' })]);
    expect(both.filter(({ quarantined }) => quarantined === true)).toHaveLength(1);
    expect(grants()).toHaveLength(before + 1);
  });

  test('removed meanwhile: the call is settled all the same', async () => {
    const [installation] = gate.parts.catalog.list('default');
    const answer = await run(async () => {
      await gate.administration.switchTool('default', installation?.id ?? '', 'remove');
      return answers(VALUE);
    });
    expect(answer).toMatchObject({ kind: 'answered', quarantined: false });
  });

  test('what it wrote to its store is kept with the outcome', async () => {
    await run(async ({ ask }) => {
      await ask({ op: 'kv-set', key: 'k', value: Uint8Array.of(1) });
      return answers(VALUE);
    });
    expect(gate.store.read((reader) => reader.list(kvTable, 'default')).length).toBeGreaterThan(0);
  });
});

describe('the receipt of a call that sent one', () => {
  test('names it among the effects, counts it, without the value', async () => {
    await run(async ({ permit }) => {
      await gate.parts.vault.reveal(permit, 'API_KEY');
      await gate.parts.vault.reveal(permit, 'API_KEY');
      return answers('ok');
    });
    const [receipt] = gate.receipts();
    expect(receipt?.statement.predicate.effects).toMatchObject([
      { kind: 'secret', state: 'sent', count: 2, bytes: 0 },
    ]);
    expect(JSON.stringify(receipt)).toContain('API_KEY');
    expect(everything()).not.toContain(VALUE);
    expect(gate.parts.vault.list('default')).toMatchObject([{ name: 'API_KEY', uses: 2 }]);
  });

  test('a kill does not become `unknown` by it alone', async () => {
    const answer = await run(async ({ permit }) => {
      await gate.parts.vault.reveal(permit, 'API_KEY');
      return { kind: 'limit', limit: 'deadline', reason: 'too long', usage: USAGE };
    });
    expect(answer).toMatchObject({ error: { code: 'tool-limit' } });
    expect(gate.parts.vault.list('default')).toMatchObject([{ uses: 1 }]);
  });
});

describe('leases', () => {
  async function secretsOf(capabilities: readonly Capability[]): Promise<readonly string[]> {
    let seen: Permit | undefined;
    gate.runner.behaviour = ({ permit }) => {
      seen = permit;
      return answers('ok');
    };
    await gate.connect({ capabilities }).call({ text: 'x' });
    return seen?.terms.secrets.map(({ secret }) => secret) ?? [];
  }

  test('only one that names the secret brings it into the permit', async () => {
    expect(await secretsOf([...ALL_CAPABILITIES, CREDENTIAL])).toEqual(['API_KEY']);
    expect(await secretsOf(ALL_CAPABILITIES.filter(({ type }) => type !== 'credential'))).toEqual(
      [],
    );
    expect(
      await secretsOf([
        ...ALL_CAPABILITIES.filter(({ type }) => type !== 'credential'),
        { type: 'credential', names: ['API_KEY2', 'OTHER'] },
      ]),
    ).toEqual([]);
  });
});

test('setting, rotating and removing each leave a leaf with the name, never the value', async () => {
  await gate.administration.setSecret('default', 'API_KEY', value(`${VALUE}-2`), 'rotate');
  await gate.administration.removeSecret('default', 'API_KEY');
  const leaves = [...gate.reader.export({ type: 'secret' })];
  expect(leaves.map(({ statement }) => statement.predicate.detail)).toEqual([
    { name: 'API_KEY', version: 1 },
    { name: 'API_KEY', version: 2 },
    { name: 'API_KEY', version: 2 },
  ]);
  expect(everything()).not.toContain(VALUE);
});
