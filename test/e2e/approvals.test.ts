// Approvals through the built command: one yes, one call, whoever tries what with it.

import { readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sampleTool } from '../support/fixtures.ts';
import { openRawMcp } from '../support/raw-mcp.ts';
import { createTestHome, type Finished, type TestHome } from '../support/warder.ts';

interface Held {
  readonly error: { readonly code: string; readonly message: string; readonly hint: string };
  readonly approval: string;
  readonly receipt: { readonly id: string };
}

let home: TestHome;
let next = 0;

beforeAll(async () => {
  home = await createTestHome();
  addAgent('other');
  await home.ok(['tool', 'add', sampleTool('notes'), '--allow-kv']);
});

afterAll(() => home.remove());

/** Another agent with the same rights and a principal of its own. */
function addAgent(name: string): void {
  const file = join(home.root, 'config.json');
  const text = readFileSync(file, 'utf8');
  const agent = /"default": (\{[^]*?\n {4}\})/.exec(text)?.[1] ?? '';
  const other = agent.replace('agent:default', `agent:${name}`);
  writeFileSync(file, text.replace(agent, `${agent},\n    "${name}": ${other}`));
}

/** Arguments that no other test used. */
function fresh(): { text: string } {
  next += 1;
  return { text: `note ${next}` };
}

function add(args: object, ...more: readonly string[]): Promise<Finished> {
  return home.run(['--json', 'call', 'note_add', '--args', JSON.stringify(args), ...more]);
}

async function hold(args: object, ...more: readonly string[]): Promise<string> {
  const held = await add(args, ...more);
  expect(held.code, held.stderr).toBe(4);
  return held.json<Held>().approval;
}

async function approve(id: string): Promise<void> {
  await home.ok(['approvals', 'approve', id]);
}

async function kept(args: { text: string }): Promise<number> {
  const rows = await home.ok<{ id: string }[]>([
    'receipts',
    'list',
    '--tool',
    'note_add',
    '--outcome',
    'done',
    '--last',
    '1000',
  ]);
  const shown = await Promise.all(rows.map(({ id }) => home.ok(['receipts', 'show', id])));
  return shown.filter((receipt) => JSON.stringify(receipt).includes(JSON.stringify(args.text)))
    .length;
}

test('a held call says what to do: the id, the reason, the next step', async () => {
  const held = await add(fresh());
  expect(held.code).toBe(4);
  const { error, approval, receipt } = held.json<Held>();
  expect(error.code).toBe('approval-required');
  expect(error.message).toContain(approval);
  expect(error.hint).toContain(`warder approvals approve ${approval}`);
  expect(held.stderr).toContain(approval);
  expect(receipt.id).toMatch(/^call_/);
});

test('the operator sees the real arguments and what the call could do', async () => {
  const args = { text: 'look at me', tags: ['seen'] };
  const id = await hold(args);
  const shown = await home.ok<{ arguments: string; effects: string[]; state: string }>([
    'approvals',
    'show',
    id,
  ]);
  expect(shown.state).toBe('pending');
  expect(JSON.parse(shown.arguments)).toEqual(args);
  expect(shown.effects.join()).toMatch(/keep/);
  const listed = await home.ok<{ id: string }[]>(['approvals', 'list']);
  expect(listed.map((one) => one.id)).toContain(id);
});

test('asking again while it waits asks no second time', async () => {
  const args = fresh();
  expect(await hold(args)).toBe(await hold(args));
});

describe('an approved call', () => {
  test('is resumed by `--approval ID` exactly once', async () => {
    const args = fresh();
    const id = await hold(args);
    await approve(id);
    const ran = await add(args, '--approval', id);
    expect(ran.code, ran.stderr).toBe(0);
    const again = await add(args, '--approval', id);
    expect(again.code).toBe(3);
    expect(again.json<Held>().error.code).toBe('policy-denied');
    expect((await add(args)).code).toBe(4);
    expect(await kept(args)).toBe(1);
  });

  test('runs once however many retries race, over several MCP connections', async () => {
    const args = fresh();
    const id = await hold(args);
    await approve(id);
    const clients = await Promise.all([connect(), connect(), connect()]);
    try {
      const answers = await Promise.all(
        clients.flatMap((client) =>
          Array.from({ length: 6 }, () => client.callTool({ name: 'note_add', arguments: args })),
        ),
      );
      expect(answers.filter((answer) => answer.isError !== true)).toHaveLength(1);
      for (const answer of answers.filter(({ isError }) => isError === true)) {
        const error = answer._meta?.['warder/error'] as { code: string } | undefined;
        expect(['approval-required', 'policy-denied']).toContain(error?.code);
      }
    } finally {
      await Promise.all(clients.map((client) => client.close()));
    }
    expect(await kept(args)).toBe(1);
  });

  test('is found again by the MCP retry in a later connection, named or not', async () => {
    const [one, two] = [fresh(), fresh()];
    const first = await connect();
    const held = await Promise.all(
      [one, two].map((args) => first.callTool({ name: 'note_add', arguments: args })),
    );
    await first.close();
    const ids = held.map((answer) => answer._meta?.['warder/approval'] as string);
    for (const id of ids) await approve(id);
    const later = await connect();
    try {
      const plain = await later.callTool({ name: 'note_add', arguments: one });
      expect(plain.isError ?? false).toBe(false);
      const _meta = { 'warder/approval': ids[1] ?? '' };
      const named = await later.callTool({ name: 'note_add', arguments: two, _meta });
      expect(named.isError ?? false).toBe(false);
    } finally {
      await later.close();
    }
  });
});

describe('an approval buys nothing for', () => {
  test('other arguments', async () => {
    const args = fresh();
    const id = await hold(args);
    await approve(id);
    const other = await add({ ...args, title: 'and more' }, '--approval', id);
    expect(other.code).toBe(3);
    expect((await add({ ...args, title: 'and more' })).code).toBe(4);
    expect((await add(args)).code).toBe(0);
  });

  test('another tool', async () => {
    const id = await hold({ text: 'x', id: '0000000000000000000' });
    await approve(id);
    const args = '{"id":"0000000000000000000"}';
    const other = await home.run([
      '--json',
      'call',
      'note_delete',
      '--args',
      args,
      '--approval',
      id,
    ]);
    expect(other.code).toBe(3);
  });

  test('another agent', async () => {
    const args = fresh();
    const id = await hold(args);
    await approve(id);
    expect((await add(args, '--agent', 'other', '--approval', id)).code).toBe(3);
    expect((await add(args, '--agent', 'other')).code).toBe(4);
    expect((await add(args)).code).toBe(0);
  });

  test('another principal on the operator channel', async () => {
    const args = fresh();
    const id = await hold(args);
    await approve(id);
    expect((await add(args, '--as', 'agent:other', '--approval', id)).code).toBe(3);
    expect((await add(args, '--as', 'agent:other')).code).toBe(4);
  });

  test('a changed grant', async () => {
    const args = fresh();
    const id = await hold(args);
    await approve(id);
    await home.ok(['tool', 'grant', 'notes', '--timeout', '7s']);
    expect((await add(args, '--approval', id)).code).toBe(3);
    expect((await add(args)).code).toBe(4);
  });

  test('a package of the same name that was added again', async () => {
    const args = fresh();
    const id = await hold(args);
    await approve(id);
    await home.ok(['tool', 'remove', 'notes']);
    await home.ok(['tool', 'add', sampleTool('notes'), '--allow-kv', '--timeout', '7s']);
    expect((await add(args, '--approval', id)).code).toBe(3);
    expect((await add(args)).code).toBe(4);
  });

  test('a call nobody held', async () => {
    const made = await add(fresh(), '--approval', 'appr_01ARZ3NDEKTSV4RRFFQ69G5FAV');
    expect(made.code).toBe(3);
  });
});

test('a denied call is refused with the operator’s words, and stays so', async () => {
  const args = fresh();
  const id = await hold(args);
  await home.ok(['approvals', 'deny', id, '--reason', 'not on my watch']);
  for (const more of [[], ['--approval', id]]) {
    const refused = await add(args, ...more);
    expect(refused.code).toBe(3);
  }
  expect((await add(args)).stderr).toContain('not on my watch');
  const late = await home.run(['--json', 'approvals', 'approve', id]);
  expect(late.code).toBe(2);
  expect(late.json<Held>().error.code).toBe('conflict');
  expect(await kept(args)).toBe(0);
});

test('every decision leaves a receipt', async () => {
  const rows = await home.ok<{ outcome: string }[]>([
    'receipts',
    'list',
    '--type',
    'approval',
    '--last',
    '100',
  ]);
  const outcomes = new Set(rows.map(({ outcome }) => outcome));
  expect(outcomes).toEqual(new Set(['approved', 'denied']));
});

test('parallel decisions of one approval: exactly one counts', async () => {
  const id = await hold(fresh());
  const decided = await Promise.all(
    Array.from({ length: 6 }, (_, at) =>
      home.run(['--json', 'approvals', at % 2 === 0 ? 'approve' : 'deny', id]),
    ),
  );
  expect(decided.filter(({ code }) => code === 0)).toHaveLength(1);
});

describe('an agent cannot approve', () => {
  test('there is no such tool or method on its channel', async () => {
    const id = await hold(fresh());
    const mcp = openRawMcp(home);
    await mcp.initialize();
    const { result } = await mcp.request(2, 'tools/list');
    const names = (result?.['tools'] as { name: string }[] | undefined)?.map(({ name }) => name);
    expect(names).toContain('note_add');
    expect(names?.filter((name) => /approv|deny|grant|warder/.test(name))).toEqual([]);
    for (const [at, method] of ['approvals/approve', 'approvals.approve'].entries()) {
      const { error } = await mcp.request(10 + at, method, { id });
      expect(error?.code).toBe(-32601);
    }
    mcp.endInput();
    await mcp.exited;
    expect(await stateOf(id)).toBe('pending');
  });

  test('the operator’s API is not on its socket', async () => {
    const id = await hold(fresh());
    const body = JSON.stringify({ id });
    await new Promise<void>((resolve) => {
      const asked = request({
        socketPath: join(home.root, 'agent.sock'),
        method: 'POST',
        path: '/v1/approvals.approve',
        headers: { 'content-type': 'application/json', 'content-length': body.length },
      });
      asked.on('response', (response) => {
        response.resume();
        response.on('end', resolve);
      });
      asked.on('error', () => resolve());
      asked.end(body);
      setTimeout(() => asked.destroy(), 500);
    });
    expect(await stateOf(id)).toBe('pending');
  });
});

async function stateOf(id: string): Promise<string> {
  return (await home.ok<{ state: string }>(['approvals', 'show', id])).state;
}

async function connect(): Promise<Client> {
  const client = new Client({ name: 'approvals', version: '1.0.0' });
  await client.connect(new StdioClientTransport({ ...home.mcp(), stderr: 'inherit' }));
  return client;
}
