// The command line: one JSON document, exit codes, hints, help.

import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fixture, sampleTool } from '../support/fixtures.ts';
import {
  createTestHome,
  type Finished,
  repository,
  runWarder,
  type TestHome,
} from '../support/warder.ts';

interface ErrorDocument {
  readonly error: { readonly code: string; readonly message: string; readonly hint?: string };
}

let home: TestHome;
let scratch: string;

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'warder-cli-'));
  home = await createTestHome();
  await home.ok(['tool', 'add', sampleTool('text')]);
});

afterAll(async () => {
  await home.remove();
  rmSync(scratch, { recursive: true, force: true });
});

/** An error as every command reports one. */
function expectError(done: Finished, code: number, errorCode: string): void {
  expect(done.code, done.stderr).toBe(code);
  expect(done.stderr).toMatch(/^error\[[a-z-]+\]: .+\nhint: .+/);
  const { error } = done.json<ErrorDocument>();
  expect(error.code).toBe(errorCode);
  expect(error.hint).toBeDefined();
  expect(error.message).not.toMatch(/^[A-Z]|\.$/);
}

describe('--json prints exactly one document', () => {
  test.each([
    [['status']],
    [['doctor']],
    [['tool', 'list']],
    [['tool', 'show', 'text']],
    [['tool', 'inspect', 'text']],
    [['receipts', 'list']],
    [['receipts', 'verify']],
    [['receipts', 'checkpoint']],
    [['approvals', 'list']],
    [['lease', 'list']],
    [['secret', 'list']],
    [['keys', 'list']],
    [['keys', 'jwks']],
    [['policy', 'show']],
    [['policy', 'check']],
    [['client', 'config']],
    [['call', 'text_echo', '--args', '{"text":"x"}']],
    [['init']],
  ])('%j', async (args) => {
    const after = await home.run([...args, '--json']);
    const before = await home.run(['--json', ...args]);
    expect(after.code, after.stderr).toBe(0);
    expect(before.code).toBe(0);
    expect(typeof after.json()).toBe('object');
    expect(after.stdout.endsWith('\n')).toBe(true);
    expect(after.stdout.trimEnd()).not.toContain('\n');
  });
});

describe('mistakes name themselves and a remedy', () => {
  test.each<[readonly string[], number, string]>([
    [['recepits'], 2, 'usage'],
    [['receipts', 'lits'], 2, 'usage'],
    [['call'], 2, 'usage'],
    [['call', 'text_echo', '--agrs', '{}'], 2, 'usage'],
    [['call', 'text_echo', '--args', '@/nonexistent'], 2, 'usage'],
    [['call', 'text_echo', '--lease', 'eyJhbGciOi'], 2, 'usage'],
    [['call', 'text_echo', '--args', '{"text":"x"}', '--agent', 'nobody'], 7, 'unavailable'],
    [['tool', 'add', '/nonexistent'], 2, 'usage'],
    [['tool', 'show', 'nothing'], 2, 'not-found'],
    [['tool', 'grant', 'text', '--allow-net', 'everything'], 2, 'usage'],
    [['tool', 'grant', 'text', '--max-memory', 'lots'], 2, 'usage'],
    [['tool', 'grant', 'text', '--remove', '--allow-kv'], 2, 'usage'],
    [['tool', 'grant', 'text', '--secret', 'KEY@GET,https://*.test/**:x-key'], 2, 'usage'],
    [['secret', 'set', 'KEY'], 2, 'usage'],
    [['secret', 'rotate', 'KEY'], 2, 'usage'],
    [['secret', 'remove', 'KEY'], 2, 'not-found'],
    [['approvals', 'approve', 'appr_01ARZ3NDEKTSV4RRFFQ69G5FAV'], 2, 'not-found'],
    [['receipts', 'show', 'call_none'], 2, 'not-found'],
    [['receipts', 'proof', 'call_none'], 2, 'not-found'],
    [['receipts', 'list', '--last', '-1'], 2, 'usage'],
    [['receipts', 'list', '--since', 'yesterday-ish'], 2, 'usage'],
    [['receipts', 'verify', '/nonexistent', '--key', '/nonexistent'], 2, 'usage'],
    [['lease', 'revoke', 'ffff', '--reason', 'x'], 2, 'not-found'],
    [['keys', 'show', 'none'], 2, 'not-found'],
    [['client', 'config', 'emacs'], 2, 'usage'],
    [['init', '--key', 'ftp:somewhere'], 2, 'usage'],
  ])('%j', async (args, code, errorCode) => {
    expectError(await home.run(['--json', ...args]), code, errorCode);
  });

  test('a policy that does not parse changes nothing', async () => {
    const file = join(scratch, 'bad.cedar');
    writeFileSync(file, 'permit (principal, action, resource');
    const before = await home.ok<{ digest: string }>(['policy', 'show']);
    expectError(await home.run(['--json', 'policy', 'set', file]), 2, 'usage');
    expect((await home.ok<{ digest: string }>(['policy', 'show'])).digest).toBe(before.digest);
  });
});

test('policy cases say whether the drafts do what they shall', async () => {
  const file = join(scratch, 'cases.json');
  const echo = { tool: 'text_echo', arguments: { text: 'hi' } };
  const write = (...cases: object[]): void => writeFileSync(file, JSON.stringify({ cases }));
  write({ ...echo, expect: 'allow' }, { ...echo, arguments: {}, expect: 'refuse' });
  const good = await home.run(['policy', 'test', file]);
  expect(good.code, good.stderr).toBe(0);
  expect(good.stdout).toContain('2 cases as expected, 0 not');
  write({ ...echo, name: 'must ask', expect: 'ask' });
  const bad = await home.run(['policy', 'test', file]);
  expect(bad.code).toBe(6);
  expect(bad.stdout).toContain('FAIL must ask: allow, expected ask');
  expectError(await home.run(['--json', 'policy', 'test', '/nonexistent']), 2, 'usage');
});

describe('help', () => {
  test.each([[[]], [['--help']], [['help']]])('%j lists the commands', async (args) => {
    const done = await runWarder(args);
    expect(done.code).toBe(0);
    for (const command of [
      'init',
      'serve',
      'call',
      'tool',
      'secret',
      'receipts',
      'approvals',
      'doctor',
      'mcp',
    ]) {
      expect(done.stdout).toMatch(new RegExp(`^  ${command}\\b`, 'm'));
    }
  });

  test('of a command shows its options, and runs nothing', async () => {
    const done = await runWarder(['--home', join(scratch, 'unmade'), 'call', '--help']);
    expect(done.code).toBe(0);
    expect(done.stdout).toContain('--approval');
  });

  test('--version', async () => {
    expect((await runWarder(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe('the life of a daemon', () => {
  test('status and stop without one: 7 and 0; neither starts one', async () => {
    const other = await createTestHome();
    try {
      expectError(await other.run(['--json', 'status']), 7, 'unavailable');
      expect(await other.ok(['stop'])).toEqual({ stopped: false });
      expect((await other.run(['status'])).code).toBe(7);
    } finally {
      await other.remove();
    }
  });

  test('status says where, what and how safe', async () => {
    const status = await home.ok<{ home: string; assurance: string; jail: string; tools: number }>([
      'status',
    ]);
    expect(status).toMatchObject({ home: home.root, assurance: 'personal' });
    expect(['bubblewrap', 'unshare', 'none']).toContain(status.jail);
    expect(status.tools).toBeGreaterThan(0);
  });

  test('doctor says the assurance level plainly, running or not', async () => {
    for (const running of [true, false]) {
      if (!running) await home.ok(['stop']);
      const findings = await home.ok<
        { subject: string; text: string; state: string; remedy?: string }[]
      >(['doctor']);
      expect(findings.find(({ subject }) => subject === 'assurance')?.text).toContain('personal');
      expect(findings.find(({ subject }) => subject === 'jail')?.text).toMatch(
        /made by (?:bubblewrap|unshare)|none/,
      );
      expect(
        findings.filter(({ state, remedy }) => state === 'problem' && remedy === undefined),
      ).toEqual([]);
      expect(JSON.stringify(findings)).toContain('file permissions only');
    }
    expect((await home.run(['status'])).code).toBe(7);
  });

  test('init is idempotent and private', async () => {
    expect(await home.ok(['init'])).toMatchObject({ created: false });
    expect(statSync(home.root).mode & 0o777).toBe(0o700);
    for (const name of ['config.json', 'state.db', 'keys/signing.key', 'keys/log.key']) {
      expect(statSync(join(home.root, name)).mode & 0o077, name).toBe(0);
    }
  });

  test('a home with a path too long for a socket is a clear error', async () => {
    const long = join(scratch, 'x'.repeat(120));
    expectError(await runWarder(['--home', long, '--json', 'status']), 2, 'usage');
  });

  test('a home others can reach is refused', async () => {
    const other = await createTestHome();
    const { chmodSync } = await import('node:fs');
    try {
      chmodSync(other.root, 0o755);
      const done = await other.run(['--json', 'call', 'text_echo']);
      expect(done.code).toBe(7);
      expect(done.stderr).toMatch(/chmod 700|open to other users/);
    } finally {
      chmodSync(other.root, 0o700);
      await other.remove();
    }
  });

  test('an unknown key in config.json is an error that names it', async () => {
    const other = await createTestHome();
    try {
      const file = join(other.root, 'config.json');
      const { readFileSync } = await import('node:fs');
      writeFileSync(
        file,
        readFileSync(file, 'utf8').replace('"version": 1,', '"version": 1, "jial": {},'),
      );
      const done = await other.run(['--json', 'serve']);
      expectError(done, 2, 'usage');
      expect(done.stderr).toContain('jial');
      const called = await other.run(['call', 'text_echo']);
      expect(called.stderr).toContain('jial');
    } finally {
      await other.remove();
    }
  });
});

describe('mcp', () => {
  test('an agent that is not configured: exit 7, a hint, nothing on stdout', async () => {
    const done = await home.run(['mcp', '--agent', 'nobody']);
    expect(done.code).toBe(7);
    expect(done.stdout).toBe('');
    expect(done.stderr).toMatch(/^error\[unavailable\]: .*nobody.*\nhint: .*config\.json/);
  });

  test('a name that is no agent name reaches no other socket', async () => {
    const done = await home.run(['mcp', '--agent', '../operator']);
    expect(done.code).not.toBe(0);
    expect(done.stdout).toBe('');
  });

  test('starts a daemon when none runs', async () => {
    await home.run(['stop']);
    const input = '{"jsonrpc":"2.0","id":1,"method":"ping"}\n';
    const done = await home.run(['mcp'], { input });
    expect(done.code).toBe(0);
    expect(JSON.parse(done.stdout)).toMatchObject({ id: 1 });
  });

  test('the client configuration starts what it says, whatever the directory', async () => {
    const { mcpServers } = await home.ok<{
      mcpServers: { warder: { command: string; args: string[] } };
    }>(['client', 'config', 'cursor']);
    expect(mcpServers.warder.command.startsWith('/')).toBe(true);
    expect(mcpServers.warder.args).toContain(home.root);
    const vscode = await home.ok<{ servers: object }>(['client', 'config', 'vscode']);
    expect(vscode.servers).toBeDefined();
  });
});

describe('call', () => {
  test('arguments from a file and from stdin', async () => {
    const file = join(scratch, 'args.json');
    writeFileSync(file, '{"text":"from a file"}');
    expect((await home.run(['call', 'text_echo', '--args', `@${file}`])).stdout).toBe(
      'from a file\n',
    );
    const piped = await home.run(['call', 'text_echo', '--args', '-'], {
      input: '{"text":"piped"}',
    });
    expect(piped.stdout).toBe('piped\n');
  });

  test('a dry run says what would happen and leaves no receipt', async () => {
    await home.run(['tool', 'add', sampleTool('notes'), '--allow-kv']);
    const before = (await home.ok<unknown[]>(['receipts', 'list', '--type', 'call'])).length;
    const dry = (tool: string, args: string) =>
      home.run(['--json', 'call', tool, '--args', args, '--dry-run']);
    expect((await dry('text_echo', '{"text":"x"}')).json()).toMatchObject({
      verdict: 'auto_approve',
    });
    const held = await dry('note_add', '{"text":"x"}');
    expect(held.code).toBe(4);
    expect(held.json()).toMatchObject({ verdict: 'route_to_approver' });
    const denied = await dry('text_echo', '{}');
    expect(denied.code).toBe(3);
    expect(denied.json()).toMatchObject({ verdict: 'hard_deny' });
    expect((await home.ok<unknown[]>(['receipts', 'list', '--type', 'call'])).length).toBe(before);
    expect(await home.ok<unknown[]>(['approvals', 'list'])).toEqual([]);
  });

  test('--wait-proof gives a proof that verifies', async () => {
    const { proof } = await home.ok<{ proof: string }>([
      'call',
      'text_echo',
      '--args',
      '{"text":"x"}',
      '--wait-proof',
    ]);
    const proofFile = join(scratch, 'waited.proof');
    const keyFile = join(scratch, 'keys.json');
    writeFileSync(proofFile, proof);
    writeFileSync(keyFile, (await home.run(['keys', 'jwks'])).stdout);
    const verified = await runWarder(['receipts', 'verify', proofFile, '--key', keyFile]);
    expect(verified.code, verified.stderr).toBe(0);
  });

  test('control characters of a tool reach no terminal', async () => {
    const args = JSON.stringify({ text: '\u001b[31mred\u001b[0m \u202eevil' });
    const done = await home.run(['call', 'text_echo', '--args', args]);
    for (const character of ['\u001b', '\u202e']) expect(done.stdout).not.toContain(character);
  });

  test('a tool that says it failed: exit 5', async () => {
    await home.ok(['tool', 'add', fixture('is-error')]);
    const done = await home.run(['--json', 'call', 'is-error']);
    expect(done.code).toBe(5);
    expect(done.json()).toMatchObject({ isError: true });
  });

  test('--as is recorded as the operator on behalf of somebody', async () => {
    const reply = await home.ok<{ receipt: { id: string } }>([
      'call',
      'text_echo',
      '--args',
      '{"text":"x"}',
      '--as',
      'agent:default',
    ]);
    const shown = JSON.stringify(await home.ok(['receipts', 'show', reply.receipt.id]));
    expect(shown).toContain('"operator":true');
  });
});

test('the README’s first tool works as written', async () => {
  const done = await home.run(['call', 'text_stats', '--args', '{"text":"to be or not to be"}'], {
    cwd: repository,
  });
  expect(done.code).toBe(0);
});
