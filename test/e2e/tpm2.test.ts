// A home whose signing key is in a software TPM, from `init` to the TPM being killed and powered again.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sampleTool } from '../support/fixtures.ts';
import { describeHardware } from '../support/hardware.ts';
import { KeptFiles } from '../support/kept-files.ts';
import { openRawMcp } from '../support/raw-mcp.ts';
import { startSwtpm, type Swtpm } from '../support/swtpm.ts';
import { createTestHome, type Finished, type TestHome } from '../support/warder.ts';

interface Key {
  readonly uri: string;
  readonly custody: string;
  readonly jwk: { readonly kid: string; readonly alg: string };
}

interface Row {
  readonly id: string;
  readonly type: string;
  readonly outcome: string;
}

interface Status {
  readonly pid: number;
  readonly signer: { readonly custody: string };
}

describeHardware('a key in a TPM', () => {
  let tpm: Swtpm;
  let home: TestHome;
  let uri: string;
  let kept: KeptFiles;
  const run = (...args: readonly string[]): Promise<Finished> => home.run(args);
  const ok = <T>(...args: readonly string[]): Promise<T> => home.ok<T>(args);
  const echo = (): Promise<Finished> =>
    run('--json', 'call', 'text_echo', '--args', '{"text":"x"}');

  /** A lease under the key that signs now. */
  const expectLease = async (name: string): Promise<void> => {
    const [signing] = await ok<Key[]>('keys', 'list');
    const header = { alg: 'ES256', kid: signing?.jwk.kid };
    expect(await kept.expectLease(name)).toMatchObject(header);
  };

  beforeAll(async () => {
    tpm = await startSwtpm();
    home = await createTestHome({ init: false });
    kept = new KeptFiles(home);
    uri = tpm.uri('handle=0x81010001', `auth-source=${join(home.root, 'tpm.auth')}`);
    const made = await run('init', '--key', uri);
    expect(made.code, made.stderr).toBe(0);
    expect(made.stdout).toMatch(/TPM 2\.0 \(IBM .*\): made in it, fixed to it/);
    await ok('tool', 'add', sampleTool('text'));
  });
  afterAll(async () => {
    kept.remove();
    await home.remove();
    await tpm.remove();
  });

  test('the signing key is born in the TPM, the log key is a file; receipts and leases verify elsewhere', async () => {
    const [signing, log] = await ok<Key[]>('keys', 'list');
    expect(signing).toMatchObject({ uri, jwk: { alg: 'ES256' } });
    expect(log).toMatchObject({ jwk: { alg: 'EdDSA' } });
    expect(log?.uri).toMatch(/^file:/);
    expect((await echo()).code).toBe(0);
    await kept.expectLastProof();
    await expectLease('first.lease');
    const doctor = await run('doctor');
    expect(doctor.stdout).toMatch(/ok +signing key +ES256 \S+: TPM 2\.0/);
  }, 60_000);

  test('a TPM that is killed stops what needs a signature, half-done nothing; powered again, all goes on', async () => {
    const { pid } = await ok<{ pid: number }>('status');
    const mcp = openRawMcp(home);
    await mcp.initialize();
    const call = { name: 'text_echo', arguments: { text: 'y' } };
    await mcp.request(2, 'tools/call', call);
    await tpm.kill();
    // Its lease is signed already; the head over its receipt is signed later.
    const { result } = await mcp.request(3, 'tools/call', call);
    expect(result?.['content']).toEqual([{ type: 'text', text: 'y' }]);
    mcp.endInput();
    const refused = await kept.requestLease('never.lease');
    expect(refused.code, refused.stderr).toBe(7);
    expect(refused.stderr).toMatch(/^error\[unavailable\]: no TPM at 127.*\nhint: /m);
    expect(existsSync(kept.path('never.lease'))).toBe(false);
    const called = await echo();
    expect(called.code).toBe(7);
    const { receipt } = called.json<{ receipt: { id: string } }>();
    const [row] = await ok<Row[]>('receipts', 'list', '--last', '1');
    expect(row).toMatchObject({ id: receipt.id, type: 'call', outcome: 'refused' });
    await tpm.start();
    for (let tries = 0; (await echo()).code !== 0 && tries < 20; tries += 1);
    await expectLease('again.lease');
    await kept.expectLastProof();
    await ok('receipts', 'verify');
    expect(await ok('status')).toMatchObject({ pid });
  }, 60_000);

  test('a daemon that is started without its TPM refuses what needs a signature, and goes on once it is there', async () => {
    await expectLease('before.lease');
    await ok('stop');
    await tpm.kill();
    const called = await echo();
    expect(called.code, called.stderr).toBe(7);
    expect(called.json()).toMatchObject({
      error: { code: 'unavailable', message: expect.stringMatching(/^no TPM at 127/) as string },
    });
    const { pid, signer } = await ok<Status>('status');
    expect(signer.custody).toMatch(/^not opened yet: no TPM at/);
    const log = readFileSync(join(home.root, 'logs/daemon.log'), 'utf8');
    expect(log.match(/^signing key \S+: no TPM at .*`warder doctor`$/gm)).toHaveLength(1);
    // A lease that was signed before is as good as it was.
    const lease = ['--lease', `@${kept.path('before.lease')}`, '--lease-key', kept.path('my.key')];
    const under = await run('call', 'text_echo', '--args', '{"text":"z"}', ...lease);
    expect(under.code, under.stderr).toBe(0);
    await tpm.start();
    for (let tries = 0; (await echo()).code !== 0 && tries < 20; tries += 1);
    await kept.expectLastProof();
    await ok('receipts', 'verify');
    const after = await ok<Status>('status');
    expect(after.pid).toBe(pid);
    expect(after.signer.custody).toMatch(/^TPM 2\.0/);
  }, 60_000);
});
