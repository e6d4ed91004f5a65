// A home whose keys are in a SoftHSM token, from `init` to the token being pulled out and put back.

import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sampleTool } from '../support/fixtures.ts';
import { describeHardware } from '../support/hardware.ts';
import { KeptFiles } from '../support/kept-files.ts';
import { createSoftHsm, type SoftHsm } from '../support/softhsm.ts';
import { createTestHome, type Finished, type TestHome } from '../support/warder.ts';

interface Key {
  readonly name: string;
  readonly state: string;
  readonly uri: string;
  readonly custody: string;
  readonly jwk: { readonly kid: string; readonly alg: string };
}

interface Row {
  readonly id: string;
  readonly type: string;
  readonly outcome: string;
}

describeHardware('keys in a token', () => {
  let hsm: SoftHsm;
  let home: TestHome;
  let kept: KeptFiles;
  const run = (...args: readonly string[]): Promise<Finished> => home.run(args);
  const ok = <T>(...args: readonly string[]): Promise<T> => home.ok<T>(args);
  const echo = (): Promise<Finished> =>
    run('--json', 'call', 'text_echo', '--args', '{"text":"x"}');
  const keys = async (): Promise<readonly Key[]> => ok<Key[]>('keys', 'list');

  /** A lease under the key that signs now. */
  const expectLease = async (name: string): Promise<void> => {
    const [signing] = await ok<Key[]>('keys', 'list');
    const header = { alg: 'ES256', kid: signing?.jwk.kid };
    expect(await kept.expectLease(name)).toMatchObject(header);
  };

  beforeAll(async () => {
    hsm = createSoftHsm();
    home = await createTestHome({ init: false, env: hsm.env });
    kept = new KeptFiles(home);
    const made = await run('init', '--key', hsm.uri('signing'));
    expect(made.code, made.stderr).toBe(0);
    expect(made.stdout.match(/software token .*: made in it, not exportable/g)).toHaveLength(2);
    await ok('tool', 'add', sampleTool('text'));
  });
  afterAll(async () => {
    kept.remove();
    await home.remove();
    hsm.remove();
  });

  test('both keys are born in the token; receipts and leases verify elsewhere', async () => {
    const [signing, log] = await keys();
    expect(signing).toMatchObject({ uri: hsm.uri('signing'), jwk: { alg: 'ES256' } });
    expect(log).toMatchObject({ uri: hsm.uri('signing-log', 'EdDSA'), jwk: { alg: 'EdDSA' } });
    const { text } = hsm.tool('--list-objects', '--type', 'privkey');
    expect(text.match(/sensitive, always sensitive, never extractable, local/g)).toHaveLength(2);
    expect((await echo()).code).toBe(0);
    await kept.expectLastProof();
    await expectLease('first.lease');
    const doctor = await run('doctor');
    expect(doctor.stdout).toMatch(/ok +signing key +ES256 \S+: software token/);
    expect(doctor.stdout).toMatch(/ok +log key +EdDSA \S+: software token/);
  }, 60_000);

  test('another module is not loaded for the asking', async () => {
    // Says so when it is loaded, whatever is asked of it.
    const module = kept.path('other.so');
    const loaded = kept.path('loaded');
    writeFileSync(
      kept.path('other.c'),
      `#include <fcntl.h>\n__attribute__((constructor)) void f() { creat("${loaded}", 0600); }`,
    );
    execFileSync('g++', ['-x', 'c', '-shared', '-fPIC', kept.path('other.c'), '-o', module]);
    const uri = hsm.uri('other').replace(hsm.module, module);
    for (const args of [
      ['create', uri],
      ['rotate', '--key', uri],
    ]) {
      const done = await run('keys', ...args);
      expect(done.code).toBe(7);
      expect(done.stderr).toMatch(/names no PKCS#11 module `.*other.so`\nhint: .*config/);
    }
    expect(existsSync(loaded)).toBe(false);
    // It would have said so.
    const ran = spawnSync('pkcs11-tool', ['--module', module, '--list-slots']);
    expect([ran.status === 0, existsSync(loaded)]).toEqual([false, true]);
  });

  test('from the token to a file and back into the token, over a restart', async () => {
    // Nobody loses a key that cannot be copied by leaving a flag out.
    for (const flags of [[], ['--compromised'], ['--log']]) {
      const refused = await run('keys', 'rotate', ...flags);
      expect(refused.code).toBe(2);
      expect(refused.stderr).toMatch(/the next one would be a file\nhint: .*--key 'file:keys/);
    }
    const next = 'file:keys/next.key?alg=ES256&passphrase-source=keys/next.passphrase';
    await ok('keys', 'rotate', '--key', next);
    expect((await keys())[0]?.custody).toBe('protected by file permissions only');
    await expectLease('file.lease');
    await ok('keys', 'rotate', '--key', hsm.uri('second'));
    await expectLease('second.lease');
    await ok('stop');
    const [current] = await keys();
    expect(current).toMatchObject({ uri: hsm.uri('second'), state: 'current' });
    expect((await echo()).code).toBe(0);
    await kept.expectLastProof();
    await ok('receipts', 'verify');
  }, 60_000);

  test('a token that is pulled out stops calls, and nothing is half done; put back, all goes on', async () => {
    const { pid } = await ok<{ pid: number }>('status');
    hsm.unplug();
    const refused = await kept.requestLease('never.lease');
    expect(refused.code, refused.stderr).toBe(7);
    expect(refused.stderr).toMatch(/^error\[unavailable\]: .*token.*\nhint: /m);
    const called = await echo();
    expect(called.code).toBe(7);
    const { receipt } = called.json<{ receipt: { id: string } }>();
    const [row] = await ok<Row[]>('receipts', 'list', '--last', '1');
    expect(row).toMatchObject({ id: receipt.id, type: 'call', outcome: 'refused' });
    expect(existsSync(kept.path('never.lease'))).toBe(false);
    hsm.plug();
    for (let tries = 0; (await echo()).code !== 0 && tries < 20; tries += 1);
    await expectLease('again.lease');
    expect((await echo()).code).toBe(0);
    await kept.expectLastProof();
    await ok('receipts', 'verify');
    expect(await ok('status')).toMatchObject({ pid });
  }, 60_000);
});
