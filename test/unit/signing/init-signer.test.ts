// Making a signer whose keys are in devices: born there, or nothing is made and the error says what to do.

import { chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  addSignerKey,
  initSigner,
  type SignerWish,
} from '../../../src/front/signing/init-signer.ts';
import { serveSigner } from '../../../src/front/signing/serve-signer.ts';
import type { SignerConfig } from '../../../src/front/signing/signer-config.ts';
import { type OpenedSigner, openSigner } from '../../../src/trust/signer/open-signer.ts';
import { signerUnitText } from '../../../src/front/separation/unit.ts';
import { describeHardware } from '../../support/hardware.ts';
import { createShim, type Shim } from '../../support/pkcs11-shim.ts';
import { callerOf, runSigner, scratchDirectory } from '../../support/signer-process.ts';
import { createSoftHsm, type SoftHsm } from '../../support/softhsm.ts';
import { startSwtpm, type Swtpm } from '../../support/swtpm.ts';

const init = (root: string, wish: Partial<SignerWish>): Promise<SignerConfig> =>
  initSigner(root, { listen: [], ...wish });

/** Nothing of a signer is left, and making one there is possible. */
function expectUntouched(root: string): void {
  expect(existsSync(root) ? readdirSync(root) : []).toEqual([]);
}

describe('a signer with keys in files', () => {
  it('that cannot be made leaves nothing', async () => {
    const root = join(scratchDirectory(), 's');
    const https = { scheme: 'https', host: '127.0.0.1', port: 1 } as const;
    await expect(init(root, { listen: [https] })).rejects.toMatchObject({ code: 'usage' });
    expectUntouched(root);
    // The second key is the one that cannot be.
    const logKey = 'file:nowhere/log.key?alg=EdDSA&passphrase-source=log.passphrase';
    await expect(init(root, { logKey })).rejects.toMatchObject({ code: 'unavailable' });
    expectUntouched(root);
    // Where others could look it would not start.
    chmodSync(root, 0o755);
    await expect(init(root, {})).rejects.toMatchObject({
      message: expect.stringContaining('is open to other users') as string,
    });
    expectUntouched(root);
    chmodSync(root, 0o700);
    await init(root, {});
    expect(readdirSync(root)).toContain('signer.json');
  });
});

describeHardware('a signer with keys in a token', () => {
  let hsm: SoftHsm;
  let shim: Shim;
  const keys = (): number =>
    hsm.tool('--list-objects', '--type', 'privkey').text.split('Private Key Object').length - 1;

  beforeAll(() => {
    hsm = createSoftHsm();
    shim = createShim(hsm);
    for (const [name, value] of Object.entries(shim.access.env ?? {})) vi.stubEnv(name, value);
  });
  afterAll(() => {
    vi.unstubAllEnvs();
    hsm.remove();
  });

  it('has both born in it, and they sign', async () => {
    const root = join(hsm.directory, 's');
    const config = await init(root, { key: shim.uri('signing') });
    const { text } = hsm.tool('--list-objects', '--type', 'privkey');
    expect(text.match(/sensitive, always sensitive, never extractable, local/g)).toHaveLength(2);
    await runSigner(root);
    const channel = callerOf(join(root, 'signer.sock'));
    for (const { kid } of [...config.keys, config.logKey]) {
      expect(await channel.ask({ ask: 'ready', kid })).toEqual({});
    }
  });

  it('tries a wrong PIN once, and makes nothing', async () => {
    const root = join(scratchDirectory(), 's');
    const before = keys();
    const pin = join(scratchDirectory(), 'pin');
    writeFileSync(pin, '000000', { mode: 0o600 });
    shim.calls();
    const key = shim.uri('never').replace(hsm.pinFile, pin);
    await expect(init(root, { key })).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('CKR_PIN_INCORRECT') as string,
      data: { signer: 'auth' },
    });
    expect(shim.calls()).toEqual(['login']);
    writeFileSync(pin, hsm.pin);
    chmodSync(pin, 0o644);
    await expect(init(root, { key })).rejects.toMatchObject({
      message: expect.stringContaining('is open to group or others') as string,
    });
    expect(shim.calls()).toEqual([]);
    expect(keys()).toBe(before);
    expectUntouched(root);
  });

  it('does not start with a PIN that is refused, and is not to be started again and again', async () => {
    const root = join(hsm.directory, 's');
    writeFileSync(hsm.pinFile, '000000');
    try {
      const serving = serveSigner(root, { version: 'test', onReady: () => expect.unreachable() });
      await expect(serving).rejects.toMatchObject({
        exitCode: 2,
        message: expect.stringContaining('CKR_PIN_INCORRECT') as string,
      });
    } finally {
      writeFileSync(hsm.pinFile, hsm.pin);
    }
    expect(signerUnitText('/usr/bin/node', '/opt/warder')).toContain(
      '\nRestartPreventExitStatus=2\n',
    );
  });

  it('says what is missing: module, token, algorithm', async () => {
    const root = join(scratchDirectory(), 's');
    const key = shim.uri('never');
    const cases: readonly (readonly [uri: string, message: RegExp])[] = [
      [
        key.replace(/module-path=[^&]*/, 'module-path=/nonexistent.so'),
        /there is no PKCS#11 module/,
      ],
      [key.replace(hsm.label, 'another'), /there is no token `another`/],
      [key.replace('alg=ES256', 'alg=ES384'), /has to be ES256, not ES384/],
    ];
    for (const [uri, message] of cases) {
      await expect(init(root, { key: uri })).rejects.toMatchObject({
        message: expect.stringMatching(message) as string,
        hint: expect.any(String) as string,
      });
      expectUntouched(root);
    }
  });

  describe('while it is logged in to', () => {
    // Keeps the process with the module: each signer that is made would start several.
    let keeper: OpenedSigner;
    beforeAll(async () => {
      keeper = await openSigner(shim.uri('signing'), {
        home: '/',
        modules: shim.access.modules ?? [],
        roles: [],
      });
    });
    afterAll(() => keeper.close());

    it('takes no key that is there already without being told so, and makes none then', async () => {
      const root = join(scratchDirectory(), 's');
      const before = keys();
      const taken = {
        code: 'conflict',
        hint: expect.stringContaining('--existing-keys') as string,
      };
      await expect(init(root, { key: shim.uri('signing') })).rejects.toMatchObject(taken);
      // The signing key could be made; the log key's label is taken.
      const wish = { key: shim.uri('fresh'), logKey: shim.uri('signing-log', 'EdDSA') };
      await expect(init(root, wish)).rejects.toMatchObject(taken);
      expect(keys()).toBe(before);
      expectUntouched(root);
      const config = await init(root, { key: shim.uri('signing'), existingKeys: true });
      expect(config.logKey.uri).toBe(shim.uri('signing-log', 'EdDSA'));
      expect(keys()).toBe(before);
    });

    it('names the key that a device made before it failed', async () => {
      const root = join(scratchDirectory(), 's');
      // The file of the log key cannot be written where the directory is missing.
      const logKey = 'file:nowhere/log.key?alg=EdDSA&passphrase-source=log.passphrase';
      const before = keys();
      await expect(init(root, { key: shim.uri('left'), logKey })).rejects.toMatchObject({
        code: 'unavailable',
        message: expect.stringMatching(/before that `pkcs11:.*left.*` was made/) as string,
        hint: expect.stringContaining('--existing-keys') as string,
      });
      expect(keys()).toBe(before + 1);
      const again = join(scratchDirectory(), 's');
      await init(again, { key: shim.uri('left'), existingKeys: true });
    });
  });
});

describeHardware('a signer with its key in a TPM', () => {
  let tpm: Swtpm;
  beforeAll(async () => {
    tpm = await startSwtpm();
  });
  afterAll(() => tpm.remove());

  it('has it born in it, with an auth value of its own in the state directory', async () => {
    const root = join(scratchDirectory(), 's');
    const config = await init(root, { key: tpm.uri('handle=0x81020001') });
    const auth = join(root, 'keys/tpm2-81020001.auth');
    expect(statSync(auth).mode & 0o777).toBe(0o600);
    expect(statSync(join(root, 'keys')).mode & 0o777).toBe(0o700);
    expect(config.logKey.uri).toMatch(/^file:log\.key/);
    const signer = await runSigner(root);
    const channel = callerOf(join(root, 'signer.sock'));
    const kid = config.keys[0]?.kid ?? '';
    expect(await channel.ask({ ask: 'ready', kid })).toEqual({});
    await signer.close();
    const { text } = tpm.tool('tpm2_readpublic -c 0x81020001');
    expect(text).toMatch(/fixedtpm\|fixedparent\|sensitivedataorigin/);

    // A key of a rotation is made there, too.
    const next = await addSignerKey(root, tpm.uri('blob=keys/next.tpm'));
    expect(readFileSync(join(root, 'signer.json'), 'utf8')).toContain(next.kid);

    const other = join(scratchDirectory(), 's');
    await expect(init(other, { key: tpm.uri('handle=0x81020001') })).rejects.toMatchObject({
      code: 'conflict',
    });
    expectUntouched(other);
  });

  it('says that no TPM is there, or that the auth value is none', async () => {
    const root = join(scratchDirectory(), 's');
    const auth = join(scratchDirectory(), 'auth');
    writeFileSync(auth, 'not hex', { mode: 0o600 });
    await expect(
      init(root, { key: tpm.uri('handle=0x81020002', `auth-source=${auth}`) }),
    ).rejects.toMatchObject({ message: expect.stringContaining('as hex digits') as string });
    expectUntouched(root);
    await tpm.kill();
    await expect(init(root, { key: tpm.uri('handle=0x81020002') })).rejects.toMatchObject({
      code: 'unavailable',
      data: { signer: 'removed' },
    });
    expectUntouched(root);
    await tpm.start();
  });
});
