// The jail through the command line: under each way to make one, and without any, what runs, what is
// refused, and what receipts and doctor say of it.

import { readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fixture, sampleTool } from '../support/fixtures.ts';
import { workingJails } from '../support/jails.ts';
import { executorsOf } from '../support/processes.ts';
import { createTestHome, type TestHome } from '../support/warder.ts';

const jails = await workingJails();

interface Receipt {
  readonly type: string;
  readonly outcome: string;
  readonly code?: string;
  readonly jail: string;
  readonly installation?: { readonly id: string };
}

async function homeWith(jail: object): Promise<TestHome> {
  const home = await createTestHome();
  const path = join(home.root, 'config.json');
  const text = readFileSync(path, 'utf8').replace(/"jail":\s*\{[^}]*\}|"version": 1/, (found) =>
    found.startsWith('"jail"') ? `"jail": ${JSON.stringify(jail)}` : found,
  );
  const whole = text.includes('"jail"')
    ? text
    : text.replace('"version": 1', `"version": 1, "jail": ${JSON.stringify(jail)}`);
  writeFileSync(path, whole);
  return home;
}

/** What the receipts of calls say, oldest first. */
async function callReceipts(home: TestHome): Promise<readonly Receipt[]> {
  const listed = await home.ok<{ id: string; type: string }[]>([
    'receipts',
    'list',
    '--type',
    'call',
  ]);
  const shown: Receipt[] = [];
  for (const { id } of listed.toReversed()) {
    const { statement } = await home.ok<{ statement: { predicate: Receipt } }>([
      'receipts',
      'show',
      id,
    ]);
    shown.push(statement.predicate);
  }
  return shown;
}

describe.each(jails)('jailed by $kind', ({ kind }) => {
  let home: TestHome;
  beforeAll(async () => {
    home = await homeWith({ use: [kind], require: ['network-namespace', 'minimal-root'] });
  });
  afterAll(() => home.remove());

  test('tools and components are added and run in it, and receipts say so', async () => {
    await home.ok(['tool', 'add', sampleTool('text')]);
    await home.ok(['tool', 'add', fixture('typed')]);
    await home.ok(['call', 'text_echo', '--args', '{"text":"x"}']);
    await home.ok(['call', 'add', '--args', '{"a":1,"b":2}']);
    const { pid, jail } = await home.ok<{ pid: number; jail: string }>(['status']);
    expect(jail).toBe(kind);
    expect((await callReceipts(home)).map((receipt) => receipt.jail)).toEqual([kind, kind]);
    const executors = executorsOf(pid);
    expect(executors.length).toBeGreaterThan(0);
    for (const executor of executors) {
      for (const name of ['pid', 'net', 'mnt', 'ipc', 'user']) {
        expect(readlinkSync(`/proc/${executor}/ns/${name}`)).not.toBe(
          readlinkSync(`/proc/${pid}/ns/${name}`),
        );
      }
    }
  });

  test('a tool that may do without runs without, in an executor of its own', async () => {
    await home.ok(['tool', 'add', fixture('plain'), '--unsafe-no-jail']);
    await home.ok(['call', 'upper', '--args', '{"input":"x"}']);
    await home.run(['call', 'upper', '--args', '{"wrong":"x"}']);
    const receipts = (await callReceipts(home)).slice(-2);
    expect(receipts.map(({ outcome, jail }) => [outcome, jail])).toEqual([
      ['done', 'none'],
      ['refused', 'none'],
    ]);
    const { pid } = await home.ok<{ pid: number }>(['status']);
    const namespaces = executorsOf(pid).map((each) => readlinkSync(`/proc/${each}/ns/pid`));
    const own = readlinkSync(`/proc/${pid}/ns/pid`);
    expect(namespaces.filter((each) => each === own)).toHaveLength(1);
    await home.ok(['call', 'text_echo', '--args', '{"text":"x"}']);
    expect((await callReceipts(home)).at(-1)?.jail).toBe(kind);
  });

  test('doctor shows each layer', async () => {
    const findings = await home.ok<{ subject: string; state: string }[]>(['doctor']);
    const states = new Map(findings.map(({ subject, state }) => [subject, state]));
    expect(states.get('jail')).toBe('ok');
    for (const layer of ['network-namespace', 'pid-namespace', 'no-new-privs', 'rlimits']) {
      expect(states.get(`jail ${layer}`)).toBe('ok');
    }
    expect(states.get('jail bubblewrap')).toBe(kind === 'bubblewrap' ? 'ok' : 'note');
  });
});

describe('without a jail', () => {
  let home: TestHome;
  beforeAll(async () => {
    home = await homeWith({ use: [] });
  });
  afterAll(() => home.remove());

  test('no tool is added that would have to describe itself outside of one', async () => {
    for (const path of [sampleTool('text'), fixture('typed')]) {
      const refused = await home.run(['tool', 'add', path], { asSaid: true });
      expect(refused.code).toBe(7);
      expect(refused.stderr).toContain('error[unavailable]: this host has no jail');
      expect(refused.stderr).toContain('--unsafe-no-jail');
    }
    expect(await home.ok(['tool', 'list'])).toEqual([]);
  });

  test('a tool whose grant does not say so is refused, with a receipt; one whose does runs', async () => {
    await home.ok(['tool', 'add', sampleTool('text'), '--unsafe-no-jail']);
    await home.ok(['call', 'text_echo', '--args', '{"text":"x"}']);
    await home.ok(['tool', 'grant', 'text', '--remove', '--unsafe-no-jail']);
    const refused = await home.run(['call', 'text_echo', '--args', '{"text":"x"}']);
    expect(refused.code).toBe(7);
    expect(refused.stderr).toContain('apt install bubblewrap');
    const receipts = await callReceipts(home);
    expect(receipts.map(({ outcome, code, jail }) => [outcome, code, jail])).toEqual([
      ['done', undefined, 'none'],
      ['refused', 'unavailable', 'none'],
    ]);
    const doctor = await home.run(['--json', 'doctor']);
    expect(doctor.code).toBe(7);
    const findings = doctor.json<{ subject: string; state: string; remedy: string }[]>();
    const [jail] = findings.filter(({ subject }) => subject === 'jail');
    expect(jail).toMatchObject({ state: 'problem', remedy: 'apt install bubblewrap' });
  });
});

test('a daemon does not start without the layers its config demands', async () => {
  const home = await homeWith({ use: [], require: ['network-namespace'] });
  try {
    const refused = await home.run(['serve']);
    expect(refused.code).toBe(7);
    expect(refused.stderr).toContain('`network-namespace`');
    expect(refused.stderr).toContain('hint: ');
  } finally {
    await home.remove();
  }
});

test('a layer that does not exist is told, with the one that was meant', async () => {
  const home = await homeWith({ require: ['network-namespaces'] });
  try {
    const refused = await home.run(['serve']);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('did you mean `network-namespace`?');
  } finally {
    await home.remove();
  }
});
