// A home made, opened and opened again: what is made once, what is in force, what a crash left behind, and
// who a connection is.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';

import { systemClock } from '../../../../src/base/clock/clock.ts';
import { readConfig } from '../../../../src/front/config/config.ts';
import { type Home, locateHome } from '../../../../src/front/config/home.ts';
import type { OperationHandlers } from '../../../../src/front/console/operations.ts';
import { connectAgent, operatorCaller } from '../../../../src/front/daemon/agent-connection.ts';
import { composeRuntime, type Runtime } from '../../../../src/front/daemon/compose.ts';
import { examine } from '../../../../src/front/daemon/doctor.ts';
import { initHome } from '../../../../src/front/daemon/init.ts';
import { createOperations } from '../../../../src/front/daemon/operations.ts';
import { intentTable } from '../../../../src/gate/intent.ts';

const plain = { mode: 'mcp', credentials: {} } as const;
const anyCall = {
  callDigest: '0'.repeat(64),
  toolDigest: '0'.repeat(64),
  tool: 'echo',
  arguments: {},
};

let directory: string;
let home: Home;
let runtime: Runtime | undefined;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'warder-runtime-'));
  vi.stubEnv('XDG_STATE_HOME', join(directory, 'state'));
  home = locateHome(join(directory, 'home'), {});
});

afterEach(async () => {
  await runtime?.close();
  runtime = undefined;
  vi.unstubAllEnvs();
  rmSync(directory, { recursive: true, force: true });
});

type Opened = Runtime & { readonly operations: OperationHandlers };

async function openHome(of: Home): Promise<Opened> {
  await initHome(of, undefined);
  const opened = await composeRuntime(of, readConfig(of.config), systemClock);
  const operations = createOperations(opened, { version: '1.2.3', stop: () => {} });
  return { ...opened, operations };
}

async function open(): Promise<Opened> {
  const opened = await openHome(home);
  runtime = opened;
  return opened;
}

async function close(): Promise<void> {
  await runtime?.close();
  runtime = undefined;
}

describe('a home', () => {
  test('is made once: keys, policies and config stay what they are', async () => {
    const first = await initHome(home, undefined);
    expect(first.created).toBe(true);
    const draft = join(home.policy, '10-calls.cedar');
    writeFileSync(draft, '// mine\n');
    const before = readFileSync(home.config, 'utf8');
    const again = await initHome(home, undefined);
    expect(again).toEqual({ config: first.config, created: false, custody: [] });
    expect(readFileSync(home.config, 'utf8')).toBe(before);
    expect(readFileSync(draft, 'utf8')).toBe('// mine\n');
  });

  test('whose making was cut off is made whole with the keys it has', async () => {
    const { config } = await initHome(home, undefined);
    rmSync(home.config);
    rmSync(join(home.policy, '20-approvals.cedar'));
    const again = await initHome(home, undefined);
    expect(again.created).toBe(true);
    expect(again.config).toEqual(config);
    expect(readFileSync(join(home.policy, '20-approvals.cedar'), 'utf8')).toContain('@approval');
  });

  test('keeps its key: another one is refused', async () => {
    await initHome(home, undefined);
    await expect(initHome(home, 'file:other.key?alg=ES256')).rejects.toMatchObject({
      code: 'usage',
    });
  });

  test('signs with ES256: another algorithm is refused, and nothing is left half made', async () => {
    await expect(initHome(home, 'file:keys/a.key?alg=EdDSA')).rejects.toMatchObject({
      code: 'usage',
    });
    expect((await initHome(home, undefined)).created).toBe(true);
  });

  test('holds nothing others can read', async () => {
    await open();
    const files = ['config.json', 'keys/signing.key', 'keys/signing.passphrase', 'state.db'];
    for (const file of files) {
      const { mode } = statSync(join(home.root, file));
      expect(`${file} ${(mode & 0o077).toString(8)}`).toBe(`${file} 0`);
    }
  });

  test('without its key, or with another one, does not open', async () => {
    await initHome(home, undefined);
    const config = readConfig(home.config);
    const other = { ...config, key: { ...config.key, kid: config.logKey.kid } };
    await expect(composeRuntime(home, other, systemClock)).rejects.toThrow();
    rmSync(join(home.keys, 'signing.key'));
    await expect(composeRuntime(home, config, systemClock)).rejects.toMatchObject({
      code: 'unavailable',
    });
    const findings = await examine(home);
    expect(findings).toContainEqual(
      expect.objectContaining({ subject: 'signing key', state: 'problem' }),
    );
  });
});

describe('policies', () => {
  test('in force stay in force, whatever the drafts say', async () => {
    const { digest } = (await open()).gate.policy;
    await close();
    writeFileSync(join(home.policy, '10-calls.cedar'), 'this is no policy');
    rmSync(join(home.policy, '20-approvals.cedar'));
    expect((await open()).gate.policy.digest).toBe(digest);
  });

  test('set through the operator’s operation are in force at once and after a restart', async () => {
    const { operations, gate } = await open();
    const files = [{ name: 'a.cedar', text: 'permit (principal, action, resource);' }];
    const { digest } = await operations['policy.set']({ files });
    expect(gate.policy.digest).toBe(digest);
    await close();
    expect((await open()).gate.policy.digest).toBe(digest);
  });

  test('that are not sound are told, and change nothing', async () => {
    const { operations, gate } = await open();
    const { digest } = gate.policy;
    const files = [{ name: 'a.cedar', text: 'permit (principal' }];
    const report = await operations['policy.set']({ files });
    expect(report.errors).not.toEqual([]);
    expect(gate.policy.digest).toBe(digest);
  });

  test('that do not parse keep a new home from starting, and say where', async () => {
    await initHome(home, undefined);
    writeFileSync(join(home.policy, '10-calls.cedar'), 'permit (principal');
    await expect(open()).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining('10-calls.cedar'),
    });
  });
});

test('a call that was running when the daemon died is settled once when it is opened again', async () => {
  const { store } = await open();
  const facts = {
    id: 'call_01ARZ3NDEKTSV4RRFFQ69G5FAV',
    type: 'call',
    outcome: 'refused',
    tenant: 'default',
    time: Date.now(),
    subject: { name: 'call', sha256: 'a'.repeat(64) },
    tool: 'text_echo',
    assurance: 'personal',
    jail: 'none',
  } as const;
  await store.commit((tx) => tx.insert(intentTable, 'default', facts.id, { facts }));
  await close();
  for (const times of [1, 2]) {
    const { receipts } = await open();
    const found = receipts.reader.list({ tool: 'text_echo' });
    expect(
      found.map(({ id, outcome }) => [id, outcome]),
      `opened ${times}`,
    ).toEqual([[facts.id, 'unknown']]);
    await close();
  }
});

describe('an open home', () => {
  let opened: Opened;
  let own: string;

  beforeAll(async () => {
    own = mkdtempSync(join(tmpdir(), 'warder-runtime-'));
    vi.stubEnv('XDG_STATE_HOME', join(own, 'state'));
    opened = await openHome(locateHome(join(own, 'home'), {}));
  });

  afterAll(async () => {
    await opened.close();
    rmSync(own, { recursive: true, force: true });
  });

  test('a policy of a refusal can be looked up by the id it names', async () => {
    const [rule] = opened.gate.policy.rules;
    const shown = await opened.operations['policy.rule']({ rule: rule?.rule ?? '' });
    expect(shown).toMatchObject({ rule: rule?.rule, id: 'calls-within-the-lease' });
    expect(shown.place).toMatch(/^10-calls\.cedar:\d+$/);
    expect(() => opened.operations['policy.rule']({ rule: 'rule_0' })).toThrow(
      expect.objectContaining({ code: 'not-found' }),
    );
  });

  describe('a connection', () => {
    test('is the agent whose socket it came through, under a lease that ends with it', async () => {
      const connection = await connectAgent(opened, 'default', plain);
      const caller = await connection.caller({});
      expect(caller).toMatchObject({
        agent: 'default',
        principal: 'agent:default',
        tenant: 'default',
        operator: false,
      });
      const lease = await caller.lease(Date.now(), anyCall);
      expect(lease.claims.sub).toBe('agent:default');
      connection.close();
      await expect(caller.lease(Date.now(), anyCall)).rejects.toMatchObject({
        code: 'lease-refused',
      });
      await expect
        .poll(() => opened.gate.leases.find('default', lease.stateKey, Date.now())?.state)
        .toBe('released');
    });

    test('has a lease of its own, which no other connection has', async () => {
      const stateKeyOf = async (): Promise<string> => {
        const caller = await (await connectAgent(opened, 'default', plain)).caller({});
        return (await caller.lease(Date.now(), anyCall)).stateKey;
      };
      expect(await stateKeyOf()).not.toBe(await stateKeyOf());
    });

    test.each(['other', '__proto__', 'constructor', ''])(
      'of an agent `%s` that is not configured',
      async (name) => {
        await expect(connectAgent(opened, name, plain)).rejects.toMatchObject({
          code: 'not-found',
        });
      },
    );

    test('with a lease that is none is refused, and a receipt says so', async () => {
      await expect(
        connectAgent(opened, 'default', { mode: 'mcp', credentials: { lease: 'eyJ' } }),
      ).rejects.toMatchObject({ code: 'malformed' });
      const [newest] = opened.receipts.reader.list({ type: 'authentication' });
      expect(newest).toMatchObject({ outcome: 'refused', principal: 'agent:default' });
    });

    test('of the operator is recorded as the operator’s, on behalf of somebody', () => {
      const { caller, close: hangUp } = operatorCaller(opened, 'somebody');
      expect(caller).toMatchObject({ operator: true, agent: 'operator', principal: 'somebody' });
      hangUp();
    });
  });

  test('what an agent’s leases may say is told without making one', async () => {
    const before = opened.gate.leases.list(undefined, Date.now()).length;
    const ceiling = await opened.operations['lease.describe']({ agent: 'default' });
    expect(ceiling).toMatchObject({ agent: 'default', ttlSeconds: 3600, tools: [] });
    expect(opened.gate.leases.list(undefined, Date.now())).toHaveLength(before);
    for (const agent of ['other', '__proto__']) {
      expect(() => opened.operations['lease.describe']({ agent })).toThrow(
        expect.objectContaining({ code: 'not-found' }),
      );
    }
  });

  test('an approval state that is none is named, with those there are', () => {
    expect(() => opened.operations['approvals.list']({ state: 'maybe' })).toThrow(
      expect.objectContaining({ code: 'usage', hint: expect.stringContaining('pending') }),
    );
  });
});

test('a home that cannot be used is examined all the same', async () => {
  mkdirSync(home.root, { mode: 0o755 });
  const findings = await examine(home);
  expect(findings).toContainEqual(expect.objectContaining({ subject: 'home', state: 'problem' }));
  expect(findings[0]).toMatchObject({ subject: 'assurance' });
  expect(findings[0]?.text).toContain('personal');
});
