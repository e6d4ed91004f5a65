// The whole way through the built command: add a tool, call it, prove it, and what goes wrong.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestHome, repository, runWarder, type TestHome } from '../support/warder.ts';

interface CallReply {
  readonly content: readonly { readonly type: string; readonly text: string }[];
  readonly isError: boolean;
  readonly receipt: { readonly id: string; readonly index: number; readonly leafHash: string };
}

let home: TestHome;
let scratch: string;

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'warder-e2e-'));
  home = await createTestHome();
  await home.ok(['tool', 'add', resolve(repository, 'tools/text')]);
});

afterAll(async () => {
  await home.remove();
  rmSync(scratch, { recursive: true, force: true });
});

test('a call answers, and its receipt verifies offline with the published keys alone', async () => {
  const reply = await home.ok<CallReply>(['call', 'text_echo', '--args', '{"text":"hello"}']);
  expect(reply.isError).toBe(false);
  expect(reply.content[0]?.text).toBe('hello');
  const proof = await home.run(['receipts', 'proof', reply.receipt.id]);
  expect(proof.code).toBe(0);
  const proofFile = join(scratch, 'receipt.proof');
  writeFileSync(proofFile, proof.stdout);
  const keys = await home.run(['keys', 'jwks']);
  const keyFile = join(scratch, 'keys.json');
  writeFileSync(keyFile, keys.stdout);

  const offline = ['--home', '/nonexistent', 'receipts', 'verify', proofFile, '--key', keyFile];
  const verified = await runWarder(offline);
  expect(verified.stderr).toBe('');
  expect(verified.code).toBe(0);

  const lines = proof.stdout.split('\n');
  const extra = lines.findIndex((line) => line.startsWith('extra '));
  const leaf = Buffer.from((lines[extra] ?? '').slice('extra '.length), 'base64').toString();
  expect(leaf).toContain('text_echo');
  lines[extra] = `extra ${Buffer.from(leaf.replace('"done"', '"lost"')).toString('base64')}`;
  writeFileSync(proofFile, lines.join('\n'));
  const tampered = await runWarder(offline);
  expect(tampered.code).toBe(6);
  expect(tampered.stderr).toContain('error[verification-failed]');
});

test('vkey lines verify as well, and every given key is required', async () => {
  const reply = await home.ok<CallReply>(['call', 'text_echo', '--args', '{"text":"again"}']);
  const proofFile = join(scratch, 'vkey.proof');
  const { stdout } = await home.run(['receipts', 'proof', reply.receipt.id]);
  writeFileSync(proofFile, stdout);
  const keys = await home.ok<{ name: string; vkey: string }[]>(['keys', 'list']);
  const both = join(scratch, 'both.vkey');
  writeFileSync(both, `${keys.map((key) => key.vkey).join('\n')}\n`);
  expect((await runWarder(['receipts', 'verify', proofFile, '--key', both])).code).toBe(0);

  // A key that did not sign is required too: nobody can leave its line out unseen.
  const stranger = await createTestHome();
  const theirs = await stranger.ok<{ vkey: string }[]>(['keys', 'list']);
  await stranger.remove();
  const three = join(scratch, 'three.vkey');
  writeFileSync(three, `${[...keys, ...theirs].map((key) => key.vkey).join('\n')}\n`);
  const refused = await runWarder(['receipts', 'verify', proofFile, '--key', three]);
  expect(refused.code).toBe(6);
  expect(refused.stderr).toContain('error[not-trusted]');
});

test('the whole log audits', async () => {
  const audit = await home.ok<{ size: number }>(['receipts', 'verify']);
  expect(audit.size).toBeGreaterThan(2);
});

describe('bad input gets a clear error, and the next call works', () => {
  const deep = `${'['.repeat(10_000)}${']'.repeat(10_000)}`;
  const cases: readonly (readonly [string, string, string, number, string])[] = [
    ['malformed JSON', 'text_echo', '{"text":', 2, 'malformed'],
    ['deep nesting', 'text_echo', `{"text":${deep}}`, 2, 'malformed'],
    ['a duplicate key', 'text_echo', '{"text":"a","text":"b"}', 2, 'malformed'],
    ['an integer beyond 2^53', 'text_echo', '{"text":"a","n":9007199254740993}', 2, 'malformed'],
    ['NaN', 'text_echo', '{"text":NaN}', 2, 'malformed'],
    ['a lone surrogate', 'text_echo', '{"text":"\\ud800"}', 2, 'malformed'],
    ['arguments that are no object', 'text_echo', '[1]', 2, 'malformed'],
    ['an unknown tool', 'text_ecko', '{}', 2, 'not-found'],
    ['a missing argument', 'text_echo', '{}', 3, 'schema-violation'],
    ['an argument of the wrong type', 'text_echo', '{"text":5}', 3, 'schema-violation'],
  ];
  test.each(cases)('%s', async (_, tool, args, code, errorCode) => {
    const done = await home.run(['--json', 'call', tool, '--args', '-'], { input: args });
    expect(done.code).toBe(code);
    expect(done.json<{ error: { code: string; hint: string } }>().error.code).toBe(errorCode);
    expect(done.stderr).toMatch(/^error\[[a-z-]+\]: .+\nhint: .+/);
    const next = await home.ok<CallReply>(['call', 'text_echo', '--args', '{"text":"ok"}']);
    expect(next.content[0]?.text).toBe('ok');
  });

  test('10 MB of arguments', async () => {
    const input = JSON.stringify({ text: 'x'.repeat(10_000_000) });
    const done = await home.run(['--json', 'call', 'text_echo', '--args', '-'], { input });
    expect(done.code).toBe(2);
    expect(done.json<{ error: { code: string } }>().error.code).toBe('malformed');
  });

  test('invalid UTF-8', async () => {
    const input = Buffer.concat([
      Buffer.from('{"text":"'),
      Buffer.from([0xc3, 0x28]),
      Buffer.from('"}'),
    ]);
    const file = join(scratch, 'bad-utf8.json');
    writeFileSync(file, input);
    const done = await home.run(['--json', 'call', 'text_echo', '--args', `@${file}`]);
    expect(done.code).toBe(2);
    expect(done.json<{ error: { code: string } }>().error.code).toBe('malformed');
  });

  test('each refusal left a receipt', async () => {
    const rows = await home.ok<{ outcome: string }[]>(['receipts', 'list', '--outcome', 'refused']);
    expect(rows.length).toBeGreaterThanOrEqual(cases.length);
  });
});

describe('packages that are none are refused at admission', () => {
  const add = async (name: string, bytes: Uint8Array) => {
    const file = join(scratch, `${name}.wasm`);
    writeFileSync(file, bytes);
    return home.run(['--json', 'tool', 'add', file]);
  };

  test('random bytes', async () => {
    const done = await add('random', Buffer.from('this is not wasm at all'));
    expect(done.code).toBe(2);
    expect(done.json<{ error: { code: string } }>().error.code).toBe('not-admitted');
  });

  test('a truncated module', async () => {
    const whole = readFileSync(resolve(repository, 'tools/text/text.wasm'));
    const done = await add('truncated', whole.subarray(0, Math.floor(whole.length / 2)));
    expect(done.code).toBe(2);
    expect(done.json<{ error: { code: string } }>().error.code).toBe('not-admitted');
  });

  test.each(['unknown-import', 'start-loop', 'start-trap', 'import-constructor'])(
    '%s',
    async (name) => {
      const bytes = readFileSync(resolve(repository, `test/fixtures/wasm/${name}.wasm`));
      const done = await add(name, bytes);
      expect(done.code).toBe(2);
      expect(done.json<{ error: { code: string } }>().error.code).toBe('not-admitted');
    },
  );

  test('and the daemon still serves', async () => {
    const next = await home.ok<CallReply>(['call', 'text_echo', '--args', '{"text":"ok"}']);
    expect(next.content[0]?.text).toBe('ok');
  });
});

test('a command line that is none says so, with a suggestion', async () => {
  const done = await home.run(['--json', 'recepits', 'list']);
  expect(done.code).toBe(2);
  expect(done.stderr).toContain('error[usage]');
  expect(done.stderr).toContain('receipts');
});
