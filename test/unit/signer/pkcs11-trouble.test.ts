// What goes wrong with tokens: the class of each trouble, what is refused meanwhile, and that signing goes on by
// itself once it is over.

import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { openOrAwait } from '../../../src/trust/signer/awaited-signer.ts';
import { checkedSigner } from '../../../src/trust/signer/checked-signer.ts';
import { parseKeyUri, type Pkcs11KeyUri } from '../../../src/trust/signer/key-uri.ts';
import { createKey, type OpenedSigner, openSigner } from '../../../src/trust/signer/open-signer.ts';
import { openPkcs11Key } from '../../../src/trust/signer/pkcs11/pkcs11-key.ts';
import { holds, sign, signAgain } from '../../support/device-signer.ts';
import { describeHardware } from '../../support/hardware.ts';
import { createShim, type Shim } from '../../support/pkcs11-shim.ts';
import { createSoftHsm, type SoftHsm } from '../../support/softhsm.ts';

function trouble(signer: string, message: RegExp): unknown {
  return expect.objectContaining({
    code: 'unavailable',
    message: expect.stringMatching(message) as string,
    hint: expect.any(String) as string,
    data: expect.objectContaining({ signer }) as object,
  });
}

describeHardware('trouble with a token', () => {
  let hsm: SoftHsm;
  let shim: Shim;
  const opened: OpenedSigner[] = [];

  beforeAll(async () => {
    hsm = createSoftHsm();
    shim = createShim(hsm);
    await createKey(hsm.uri('key'), hsm.access);
  });
  afterAll(() => hsm.remove());
  beforeEach(() => {
    shim.order();
    shim.calls();
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((signer) => signer.close()));
    writeFileSync(hsm.pinFile, hsm.pin);
  });

  const open = async (uri = shim.uri('key'), kid?: string): Promise<OpenedSigner> => {
    const pin = kid === undefined ? {} : { kid };
    const signer = await openSigner(uri, { roles: ['lease'], ...shim.access, ...pin });
    opened.push(signer);
    await signer.ready();
    return signer;
  };

  /** With little patience. */
  const openHasty = async (signMs: number, openMs = 20_000): Promise<OpenedSigner> => {
    const uri = parseKeyUri(shim.uri('key')) as Pkcs11KeyUri;
    const { home, env = {}, modules = [] } = shim.access;
    const key = await openPkcs11Key(uri, {
      home,
      env,
      modules,
      limits: { signMs, openMs },
    });
    const signer = checkedSigner(key, { roles: ['lease'] });
    opened.push(signer);
    await signer.ready();
    return signer;
  };

  it('a token that goes away refuses every signature, and signs again when it is back', async () => {
    const signer = await open();
    const running = Array.from({ length: 32 }, () => sign(signer));
    hsm.unplug();
    const settled = await Promise.allSettled(running);
    for (const one of settled) {
      if (one.status === 'fulfilled') expect(holds(signer, one.value)).toBe(true);
      else expect(one.reason).toEqual(trouble('removed', /token `warder-test`/));
    }
    await expect(sign(signer)).rejects.toEqual(trouble('removed', /no token `warder-test`/));
    hsm.plug();
    expect(holds(signer, await signAgain(signer))).toBe(true);
  });

  it('a device of which nothing is left is gone, too, and not just in trouble', async () => {
    const signer = await open();
    const tokens = join(hsm.directory, 'tokens');
    renameSync(tokens, `${tokens}-gone`);
    try {
      await expect(sign(signer)).rejects.toEqual(trouble('removed', /does not start: CKR_GENERAL/));
      await expect(open(shim.uri('another'))).rejects.toEqual(trouble('removed', /does not start/));
    } finally {
      renameSync(`${tokens}-gone`, tokens);
    }
    expect(holds(signer, await signAgain(signer))).toBe(true);
  });

  it('handles that became void fail; after a crash of the module the same signature is made by the next process', async () => {
    const signer = await open();
    shim.order('fail sign-init 0x82');
    await expect(sign(signer)).rejects.toEqual(trouble('removed', /CKR_OBJECT_HANDLE_INVALID/));
    shim.order();
    await signAgain(signer);
    shim.calls();
    shim.order('crash sign-init');
    expect(holds(signer, await sign(signer))).toBe(true);
    expect(shim.calls().filter((call) => call === 'login')).toHaveLength(1);
  });

  it('a wrong PIN is tried once, by nobody again, until the PIN file changes', async () => {
    writeFileSync(hsm.pinFile, '000000');
    const refused = trouble('auth', /CKR_PIN_INCORRECT/);
    for (let n = 0; n < 3; n += 1) await expect(open()).rejects.toEqual(refused);
    await expect(createKey(shim.uri('other'), shim.access)).rejects.toEqual(refused);
    expect(shim.calls()).toEqual(['login']);
    writeFileSync(hsm.pinFile, `${hsm.pin}\n`);
    expect(holds(await open(), await sign(await open()))).toBe(true);
    expect(shim.calls().filter((call) => call === 'login')).toHaveLength(1);
  });

  it('a PIN that became wrong meanwhile is tried once, and the next one as soon as it is there', async () => {
    const signer = await open();
    hsm.tool('--change-pin', '--new-pin', '87654321');
    try {
      shim.order('crash sign');
      await expect(sign(signer)).rejects.toEqual(trouble('auth', /CKR_PIN_INCORRECT/));
      await sleep(600);
      await expect(sign(signer)).rejects.toEqual(trouble('auth', /CKR_PIN_INCORRECT/));
      expect(shim.calls().filter((call) => call === 'login')).toHaveLength(2);
      writeFileSync(hsm.pinFile, '87654321');
      expect(holds(signer, await signAgain(signer))).toBe(true);
    } finally {
      hsm.tool('--change-pin', '--pin', '87654321', '--new-pin', hsm.pin);
    }
  });

  it('a wrong PIN of a token that comes late is tried once, and the next one as soon as it is there', async () => {
    const before = await open();
    const { key } = before;
    await before.close();
    hsm.unplug();
    const signer = await openOrAwait({
      key,
      roles: ['lease'],
      backend: 'pkcs11',
      open: () => openSigner(shim.uri('key'), { roles: ['lease'], kid: key.kid, ...shim.access }),
      onTrouble: () => {},
      onSigned: () => {},
    });
    opened.push(signer);
    await expect(sign(signer)).rejects.toEqual(trouble('removed', /no token `warder-test`/));
    writeFileSync(hsm.pinFile, '000000');
    hsm.plug();
    shim.calls();
    for (let n = 0; n < 2; n += 1) {
      await sleep(600);
      await expect(sign(signer)).rejects.toEqual(trouble('auth', /CKR_PIN_INCORRECT/));
    }
    expect(shim.calls()).toEqual(['login']);
    writeFileSync(hsm.pinFile, hsm.pin);
    expect(holds(signer, await signAgain(signer))).toBe(true);
  });

  it('the last try a token allows, and a locked token, are left alone', async () => {
    shim.order('token 0x20000');
    await expect(open()).rejects.toEqual(trouble('auth', /takes one more wrong PIN/));
    writeFileSync(hsm.pinFile, hsm.pin);
    shim.order('token 0x40000');
    await expect(open()).rejects.toEqual(trouble('auth', /is locked/));
    expect(shim.calls()).toEqual([]);
  });

  it('PIN files that others could read are not used', async () => {
    const uri = (pin: string): string => shim.uri('key').replace(hsm.pinFile, pin);
    const { chmodSync, symlinkSync } = await import('node:fs');
    chmodSync(hsm.pinFile, 0o640);
    await expect(open()).rejects.toEqual(trouble('misconfigured', /PIN file .* is open to group/));
    chmodSync(hsm.pinFile, 0o600);
    symlinkSync(hsm.pinFile, `${hsm.pinFile}-link`);
    await expect(open(uri(`${hsm.pinFile}-link`))).rejects.toEqual(
      trouble('misconfigured', /is a symbolic link/),
    );
    await expect(open(uri('/nonexistent/pin'))).rejects.toEqual(trouble('removed', /PIN file/));
    expect(shim.calls()).toEqual([]);
  });

  it('another key under the label is not signed with, and the pinned one is', async () => {
    await createKey(hsm.uri('swapped'), hsm.access);
    const signer = await open(shim.uri('swapped'));
    for (const type of ['privkey', 'pubkey']) {
      hsm.tool('--delete-object', '--type', type, '--label', 'swapped');
    }
    await createKey(hsm.uri('swapped'), hsm.access);
    await expect(sign(signer)).rejects.toEqual(
      trouble('misconfigured', /another key is called `swapped`/),
    );
    await expect(open(shim.uri('swapped'), signer.key.kid)).rejects.toEqual(
      trouble('misconfigured', /not the pinned one/),
    );
  });

  it('a module that hangs is given up in time; the process goes on, and so does signing later', async () => {
    const signer = await openHasty(400);
    // C_Sign runs on a thread of the module's process, C_SignInit in its loop.
    for (const call of ['sign', 'sign-init']) {
      shim.order(`hang ${call}`);
      let settled = false;
      const signing = sign(signer).finally(() => (settled = true));
      signing.catch(() => undefined);
      // Work of this process, in its loop and in its threads, while the module hangs.
      await workMeanwhile();
      expect(settled, call).toBe(false);
      await expect(signing).rejects.toEqual(trouble('transient', /did not answer in time/));
      shim.order();
      expect(holds(signer, await signAgain(signer))).toBe(true);
    }
  });

  it('a login that hangs is given up in time, by all who wait for it, and made later', async () => {
    const signer = await openHasty(20_000, 1_500);
    shim.calls();
    // The process is of no more use: the next one logs in.
    shim.order('fail sign-init 0x82', 'hang login');
    const settled = await Promise.allSettled(Array.from({ length: 64 }, () => sign(signer)));
    const late = trouble('transient', /did not answer in time/);
    const dead = trouble('removed', /CKR_OBJECT_HANDLE_INVALID/);
    expect(settled.filter(({ status }) => status === 'fulfilled')).toEqual([]);
    const reasons = settled.map((one) => (one.status === 'rejected' ? one.reason : undefined));
    expect(reasons).toContainEqual(late);
    for (const reason of reasons) expect([late, dead]).toContainEqual(reason);
    expect(shim.calls().filter((call) => call === 'login')).toHaveLength(1);
    shim.order();
    expect(holds(signer, await signAgain(signer))).toBe(true);
  });

  it('of those who wait for a device that hangs or fails nobody finds it out anew', async () => {
    const signer = await openHasty(400);
    shim.order('hang sign');
    shim.calls();
    const settled = await Promise.allSettled(Array.from({ length: 512 }, () => sign(signer)));
    expect(settled.filter(({ status }) => status === 'fulfilled')).toEqual([]);
    // The first four find out for all.
    expect(shim.calls().filter((call) => call === 'sign')).toHaveLength(4);
    shim.order();
    expect(holds(signer, await signAgain(signer))).toBe(true);
    shim.order('fail sign 0x30');
    shim.calls();
    const failed = await Promise.allSettled(Array.from({ length: 512 }, () => sign(signer)));
    expect(failed.filter(({ status }) => status === 'fulfilled')).toEqual([]);
    // Once with the process there is, and a probe with the next.
    expect(shim.calls().filter((call) => call === 'login').length).toBeLessThan(4);
  });

  it('512 at once are all signed, four at a time', async () => {
    const signer = await open();
    shim.order('slow sign 1');
    shim.calls();
    const signatures = await Promise.all(Array.from({ length: 512 }, () => sign(signer)));
    expect(signatures.every((signature) => holds(signer, signature))).toBe(true);
    let running = 0;
    let most = 0;
    for (const call of shim.calls()) {
      if (call === 'sign-init') most = Math.max(most, (running += 1));
      if (call === 'sign-end') running -= 1;
    }
    expect(most).toBe(4);
  });

  it('a signature that is not one never leaves', async () => {
    const signer = await open();
    shim.order('flip');
    await expect(sign(signer)).rejects.toEqual(trouble('misconfigured', /does not verify/));
    shim.order('fail sign 0x30');
    await expect(sign(signer)).rejects.toEqual(trouble('transient', /CKR_DEVICE_ERROR/));
    shim.order();
    expect(holds(signer, await signAgain(signer))).toBe(true);
  });

  it('says whether a token is a device', async () => {
    shim.order('slot 4');
    expect((await open()).custody.summary).toMatch(/^hardware token/);
  });
});

/** Passes only while neither the loop nor the threads of this process are blocked. */
async function workMeanwhile(): Promise<void> {
  const { readFile } = await import('node:fs/promises');
  await sleep(20);
  for (let n = 0; n < 8; n += 1) await readFile(import.meta.filename);
}
