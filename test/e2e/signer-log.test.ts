// The log of a home whose keys are in a signer process: its key is rotated there, and its leaves are lost; from the
// command line, with an operator on each side.

import type { ChildProcess } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sampleTool } from '../support/fixtures.ts';
import { runWarder, createTestHome, type TestHome } from '../support/warder.ts';
import { startSigner } from '../support/signer-process.ts';

const folder = mkdtempSync(join(tmpdir(), 'ws-'));
const root = join(folder, 's');
const file = (name: string): string => join(folder, name);
let home: TestHome;
let signer: ChildProcess;

beforeAll(async () => {
  home = await createTestHome({ init: false });
  await onSigner('init');
});

afterAll(async () => {
  await home.remove();
  rmSync(folder, { recursive: true, force: true });
});

/** What the operator of the signer does, while it does not run. */
async function onSigner(
  what: string,
  ...more: readonly string[]
): Promise<Record<string, unknown>> {
  const done = await runWarder(['--json', 'signer', what, '--state', root, ...more]);
  expect(done.code, done.stderr).toBe(0);
  return done.json();
}

async function endSigner(): Promise<void> {
  const ended = new Promise((resolve) => signer.once('exit', resolve));
  signer.kill('SIGTERM');
  await ended;
}

async function restartSigner(): Promise<void> {
  await endSigner();
  signer = await startSigner(root);
}

async function save(name: string, args: readonly string[]): Promise<string> {
  const done = await home.run(args);
  expect(done.code, done.stderr).toBe(0);
  writeFileSync(file(name), `${done.stdout.trimEnd()}\n`);
  return file(name);
}

async function lastProof(name: string): Promise<string> {
  const [row] = await home.ok<{ id: string }[]>(['receipts', 'list', '--last', '1']);
  return save(name, ['receipts', 'proof', row?.id ?? '']);
}

async function verifies(proof: string, key: string): Promise<number> {
  return (await home.run(['receipts', 'verify', proof, '--key', key])).code;
}

test('the key of the log is another from now on; receipts of before and after verify', async () => {
  signer = await startSigner(root);
  await home.ok(['init', '--key', `unix:${root}/signer.sock`]);
  const before = await save('first.jwks', ['keys', 'jwks']);
  const early = await lastProof('early.proof');
  const none = await home.run(['keys', 'rotate', '--log']);
  expect(none).toMatchObject({ code: 2, stderr: expect.stringContaining('--role log') as string });
  await endSigner();
  const made = await onSigner('add-key', '--role', 'log');
  signer = await startSigner(root);
  const done = await home.ok<{ old: string; kid: string }>(['keys', 'rotate', '--log']);
  expect(done.kid).toBe(made['kid']);
  await home.ok(['tool', 'add', sampleTool('text')]);
  const late = await lastProof('late.proof');
  const today = await save('second.jwks', ['keys', 'jwks']);
  const led = await home.run(['keys', 'verify-rotation', today, '--key', before]);
  expect(led.code, led.stderr).toBe(0);

  await home.ok(['stop']);
  await restartSigner();
  for (const proof of [early, late]) expect(await verifies(proof, today)).toBe(0);
  expect(await verifies(late, before)).toBe(6);
  expect(await verifies(await lastProof('third.proof'), today)).toBe(0);
  await home.ok(['receipts', 'verify']);
  expect(await home.ok(['keys', 'show', 'log'])).toMatchObject({ jwk: { kid: done.kid } });
  // The one of before is nobody's any more.
  expect((await home.run(['keys', 'rotate', '--log'])).code).toBe(2);
}, 120_000);

test('a home put back to an older copy goes on with a new log, once both operators say so', async () => {
  signer = await startSigner(root);
  await home.ok(['stop']);
  cpSync(home.root, file('copy'), { recursive: true });
  await home.ok(['tool', 'remove', 'text']);
  const late = await lastProof('lost.proof');
  const before = await save('before.jwks', ['keys', 'jwks']);
  await home.ok(['stop']);
  const newLog = ['receipts', 'new-log', '--reason', 'the disk was replaced'];
  rmSync(home.root, { recursive: true });
  cpSync(file('copy'), home.root, { recursive: true });

  const told = await home.run(newLog);
  expect(told.code).toBe(7);
  // What to end is for the home to say, which has seen what is lost.
  const [, origin = ''] = /signer new-log --state DIR --end ([^\s`]+)/.exec(told.stderr) ?? [];
  await endSigner();
  const next = await onSigner('new-log', '--end', origin);
  signer = await startSigner(root);
  const closed = await home.run(['receipts', 'list']);
  expect(closed).toMatchObject({
    code: 7,
    stderr: expect.stringContaining('receipts new-log') as string,
  });
  const begun = await home.ok<{ origin: string; before: object; lost: number }>(newLog);
  expect(begun).toMatchObject({ origin: next['origin'], before: next['before'] });
  expect(begun.lost).toBeGreaterThan(0);

  const audit = await home.ok<{ follows: object }>(['receipts', 'verify']);
  expect(audit.follows).toMatchObject({ ...begun.before, reason: 'the disk was replaced' });
  const today = await save('today.jwks', ['keys', 'jwks']);
  expect(await verifies(await lastProof('new.proof'), today)).toBe(0);
  expect(await verifies(late, before)).toBe(0);
  expect(await verifies(late, today)).toBe(6);
}, 120_000);
