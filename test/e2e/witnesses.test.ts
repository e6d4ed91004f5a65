// A daemon with witnesses, from the config to a proof that says who had seen it.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openWitness } from '../support/test-witness.ts';
import { createTestHome } from '../support/warder.ts';

interface KeyRow {
  readonly name: string;
  readonly vkey?: string;
}

test('proofs carry what the witnesses of the config have cosigned, and wait for it', async () => {
  const home = await createTestHome();
  onTestFinished(() => home.remove());
  const keys = await home.ok<KeyRow[]>(['keys', 'list']);
  const vkeys = keys.flatMap(({ vkey = '' }) => (vkey === '' ? [] : [vkey]));
  const logVkey = keys.find(({ name }) => name === 'log')?.vkey ?? '';
  await home.ok(['stop']);
  const one = await openWitness('witness.example/w1', [logVkey]);
  const two = await openWitness('witness.example/w2', [logVkey]);
  const path = join(home.root, 'config.json');
  const witnesses = JSON.stringify([one, two].map(({ vkey, url }) => ({ vkey, url })));
  const more = `"log": { "witnesses": ${witnesses}, "quorum": 2,`;
  writeFileSync(path, readFileSync(path, 'utf8').replace('"log": {', more));

  const { note } = await home.ok<{ note: string }>(['receipts', 'checkpoint']);
  expect(note).toContain('— witness.example/w1 ');
  expect(note).toContain('— witness.example/w2 ');
  const [row] = await home.ok<{ id: string }[]>(['receipts', 'list', '--last', '1']);
  const { proof } = await home.ok<{ proof: string }>(['receipts', 'proof', row?.id ?? '']);

  // Offline, with nothing but files.
  const folder = mkdtempSync(join(tmpdir(), 'warder-e2e-witness-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const log = file('log.vkeys', vkeys.join('\n'));
  const seen = file('witness.vkeys', `${one.vkey}\n${two.vkey}\n`);
  const proofFile = file('a.tlog-proof', proof);
  const verify = ['receipts', 'verify', proofFile, '--key', log];
  const verified = await home.run([...verify, '--witness', seen, '--quorum', '2']);
  expect(verified.code, verified.stderr).toBe(0);
  expect(verified.stdout).toContain('seen by `witness.example/w1`');
  const stranger = await openWitness('witness.example/w3', [logVkey]);
  const other = file('other.vkeys', stranger.vkey);
  const unseen = await home.run([...verify, '--witness', other]);
  expect(unseen.code).toBe(6);
  expect(unseen.stderr).toContain('0 of 1 witnesses cosigned');
  expect((await home.run([...verify, '--quorum', '1'])).code).toBe(2);

  // One is down: calls and receipts go on, proofs say what they wait for, and doctor says who it is.
  two.conduct = () => ({ status: 503 });
  await home.ok(['tool', 'list']);
  await home.ok(['policy', 'set']);
  const waiting = await home.run(['receipts', 'checkpoint']);
  expect(waiting.code).toBe(7);
  expect(waiting.stderr).toContain('`witness.example/w2`: it fails with status 503');
  const doctor = await home.run(['doctor']);
  expect(doctor.stdout).toMatch(/problem\s+witness witness\.example\/w2/);
  two.conduct = (_, honest) => honest();
  await expect
    .poll(async () => (await home.run(['receipts', 'checkpoint'])).code, { timeout: 20_000 })
    .toBe(0);
}, 60_000);
