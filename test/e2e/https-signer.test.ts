// A daemon and its signer over https with certificates on both sides, from `signer init` to the signer being restarted;
// and those who have not the right certificate.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { expect, onTestFinished, test } from 'vitest';
import type { TlsFiles } from '../../src/front/signing/signer-config.ts';
import { sampleTool } from '../support/fixtures.ts';
import { KeptFiles } from '../support/kept-files.ts';
import { scratchDirectory, startSigner, TestCa } from '../support/signer-process.ts';
import { freePorts } from '../support/tpm-ports.ts';
import { createTestHome, type Finished, runWarder, type TestHome } from '../support/warder.ts';

async function emptyHome(): Promise<TestHome> {
  const home = await createTestHome({ init: false });
  onTestFinished(() => home.remove());
  return home;
}

test('calls, leases and receipts of a signer that is elsewhere', async () => {
  const folder = scratchDirectory();
  const [house, other] = [new TestCa(folder, 'house'), new TestCa(folder, 'other')];
  const port = await freePorts();
  const address = `https://127.0.0.1:${port}`;
  const root = join(folder, 's');
  const own = house.issue('signer');
  const tls = ['--tls-cert', own.cert, '--tls-key', own.key, '--tls-ca', own.ca];
  const made = await runWarder(['signer', 'init', '--state', root, '--listen', address, ...tls]);
  expect(made.code, made.stderr).toBe(0);
  const first = await startSigner(root);

  const home = await emptyHome();
  const kept = new KeptFiles(home);
  onTestFinished(() => kept.remove());
  const uriOf = ({ ca, cert, key }: TlsFiles): string =>
    `${address}?ca=${ca}&cert=${cert}&key=${key}`;
  await home.ok(['init', '--key', uriOf(house.issue('daemon'))]);
  await home.ok(['tool', 'add', sampleTool('text')]);
  const echo = (): Promise<Finished> => home.run(['call', 'text_echo', '--args', '{"text":"x"}']);
  expect((await echo()).code).toBe(0);
  await kept.expectLastProof();
  expect(await kept.expectLease('first')).toMatchObject({ alg: 'ES256' });

  // Whoever has not the right certificate gets no home, and reads why.
  const nowhere = await emptyHome();
  const late = house.issue('late', { notAfter: new Date('2021-01-01') });
  for (const [files, said] of [
    [{ ...other.issue('daemon'), ca: house.file }, /hung up .*\nhint: .*`tls\.ca`/],
    [late, /late\.pem` is valid from .* and not now\nhint: put a valid one/],
    [{ ...house.issue('else'), ca: other.file }, /is not trusted: .*\nhint: .*certificates/],
  ] as const) {
    const refused = await nowhere.run(['init', '--key', uriOf(files)]);
    expect(refused.code, refused.stderr).toBe(7);
    expect(refused.stderr).toMatch(said);
  }
  const { cert, key } = house.issue('old');
  const files = { ca: readFileSync(house.file), cert: readFileSync(cert), key: readFileSync(key) };
  const error = await new Promise<string>((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, ...files, maxVersion: 'TLSv1.2' });
    socket.once('error', ({ message }) => resolve(message));
    socket.once('secureConnect', () => resolve('let in'));
  });
  expect(error).toContain('alert protocol version');

  const { pid } = await home.ok(['status']);
  const ended = new Promise((resolve) => first.once('exit', resolve));
  first.kill('SIGTERM');
  // It waits for no connection that the daemon keeps.
  expect(await ended).toBe(0);
  expect((await echo()).code).toBe(7);
  await startSigner(root);
  expect((await echo()).code).toBe(0);
  expect(await kept.expectLease('again')).toMatchObject({ alg: 'ES256' });
  await home.ok(['receipts', 'verify']);
  expect(await home.ok(['status'])).toMatchObject({ pid });
}, 120_000);
