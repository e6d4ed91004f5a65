// Trouble with a device behind a signer process: the daemon's side is told its class and no more, and signs again by
// itself once it is over. Who is first at the device is decided across the socket, too.

import { createPublicKey, verify } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { openSocketDoor } from '../../../src/front/signing/socket-door.ts';
import {
  createKey,
  type KeyAccess,
  type OpenedSigner,
  openSigner,
} from '../../../src/trust/signer/open-signer.ts';
import { payloads } from '../../contracts/signer.ts';
import { describeHardware } from '../../support/hardware.ts';
import { createShim, type Shim } from '../../support/pkcs11-shim.ts';
import { callerOf, deskWith, everyKind } from '../../support/signer-process.ts';
import { createSoftHsm, type SoftHsm } from '../../support/softhsm.ts';
import { startSwtpm, type Swtpm } from '../../support/swtpm.ts';

const probe = payloads.probe as Uint8Array;

const CALM = {
  transient: 'the signer process cannot sign just now',
  auth: 'the device of the signer process refuses its PIN or auth value',
  removed: 'the device or key of the signer process is gone',
  misconfigured: 'the signer process is not set up to sign this',
};

/** The whole error: nothing of where the key is or what the device said. */
function calm(signer: keyof typeof CALM): object {
  const message = CALM[signer];
  return { code: 'unavailable', message, data: { signer }, exitCode: 7 };
}

function sign(signer: OpenedSigner): Promise<Uint8Array> {
  return signer.sign({ kind: 'probe', payload: probe });
}

/** Signs as soon as it can be signed again. */
async function expectSignsAgain(signer: OpenedSigner): Promise<void> {
  const key = createPublicKey({ key: { ...signer.key }, format: 'jwk' });
  for (let tries = 0; ; tries += 1) {
    try {
      const signature = await sign(signer);
      const encoding = { key, dsaEncoding: 'ieee-p1363' } as const;
      expect(verify('sha256', probe, encoding, signature)).toBe(true);
      return;
    } catch (error) {
      if (tries === 100) throw error;
      await sleep(50);
    }
  }
}

/** A signer process, as much of it as stands before a key. */
interface Site {
  /** The key as a daemon has it open. */
  readonly signer: OpenedSigner;
  readonly socket: string;
  /** What the signer's own log says. */
  readonly notes: readonly string[];
  close(): Promise<void>;
}

async function serve(directory: string, uri: string, access: KeyAccess): Promise<Site> {
  const { kid } = await createKey(uri, access);
  const key = await openSigner(uri, { ...access, ...everyKind });
  const notes: string[] = [];
  const socket = join(directory, 'signer.sock');
  const note = (line: string): void => void notes.push(line);
  const door = await openSocketDoor(socket, { ...deskWith(key), note });
  const signer = await openSigner(`unix:${socket}`, { home: '/', kid, roles: ['probe'] });
  await signer.ready();
  const close = async (): Promise<void> => {
    await signer.close();
    await door.close();
    await key.close();
  };
  return { signer, socket, notes, close };
}

describeHardware('a token behind a signer process', () => {
  let hsm: SoftHsm;
  let shim: Shim;
  let site: Site;
  beforeAll(async () => {
    hsm = createSoftHsm();
    shim = createShim(hsm);
    site = await serve(hsm.directory, shim.uri('key'), shim.access);
  });
  afterEach(() => {
    shim.order();
    writeFileSync(hsm.pinFile, hsm.pin);
  });
  afterAll(async () => {
    await site.close();
    hsm.remove();
  });

  it('that is pulled out is said to be gone, and found again', async () => {
    const { signer, notes } = site;
    hsm.unplug();
    await expect(sign(signer)).rejects.toMatchObject(calm('removed'));
    // The signer's own log says which.
    expect(notes.at(-1)).toContain('there is no token `warder-test`');
    hsm.plug();
    await expectSignsAgain(signer);
  });

  it('whose PIN is wrong by now is asked once, and again when the PIN file changes', async () => {
    const { signer } = site;
    writeFileSync(hsm.pinFile, '000000');
    shim.calls();
    shim.order('crash sign');
    await expect(sign(signer)).rejects.toMatchObject(calm('auth'));
    // Longer than any failure stands for those that come after it.
    await sleep(600);
    await expect(sign(signer)).rejects.toMatchObject(calm('auth'));
    expect(shim.calls().filter((call) => call === 'login')).toHaveLength(1);
    writeFileSync(hsm.pinFile, `${hsm.pin}\n`);
    await expectSignsAgain(signer);
  });

  it('that is locked is not logged in to', async () => {
    const { signer } = site;
    shim.calls();
    // Its process is of no more use, and the next one finds it locked.
    shim.order('fail sign-init 0x82', 'token 0x40000');
    await expect(sign(signer)).rejects.toMatchObject(calm('auth'));
    await expect(sign(signer)).rejects.toMatchObject(calm('auth'));
    expect(shim.calls()).toEqual(['sign-init']);
    shim.order();
    writeFileSync(hsm.pinFile, `${hsm.pin}\n`);
    await expectSignsAgain(signer);
  });

  it('whose signatures are none gives out none', async () => {
    const { signer } = site;
    shim.order('flip');
    await expect(sign(signer)).rejects.toMatchObject(calm('misconfigured'));
    shim.order();
    await expectSignsAgain(signer);
  });

  it('that has another key under the label signs nothing with it', async () => {
    const { signer } = site;
    for (const type of ['privkey', 'pubkey']) {
      hsm.tool('--delete-object', '--type', type, '--label', 'key');
    }
    await createKey(hsm.uri('key'), hsm.access);
    await expect(sign(signer)).rejects.toMatchObject(calm('misconfigured'));
  });
});

describeHardware('a TPM behind a signer process', () => {
  let tpm: Swtpm;
  let site: Site;
  beforeAll(async () => {
    tpm = await startSwtpm();
    const uri = tpm.uri('handle=0x81020001', 'auth-source=auth');
    site = await serve(tpm.directory, uri, { home: tpm.directory });
  });
  afterAll(async () => {
    await site.close();
    await tpm.remove();
  });

  it('that is killed is said to be gone; powered again, it signs for all who ask', async () => {
    const { signer } = site;
    const asked = Array.from({ length: 128 }, () => sign(signer));
    await asked[0];
    await tpm.kill();
    for (const one of await Promise.allSettled(asked)) {
      if (one.status === 'rejected') expect(one.reason).toMatchObject(calm('removed'));
    }
    await expect(sign(signer)).rejects.toMatchObject(calm('removed'));
    await tpm.start();
    await expectSignsAgain(signer);
    await Promise.all(Array.from({ length: 128 }, () => sign(signer)));
  });

  it('that is busy takes a lease before the next checkpoint, whoever asked first', async () => {
    const channel = callerOf(site.socket);
    const { kid } = site.signer.key;
    const done: string[] = [];
    const ask = async (kind: 'lease' | 'checkpoint' | 'probe'): Promise<void> => {
      const payload = new TextDecoder().decode(payloads[kind]);
      await channel.ask({ ask: 'sign', kid, kind, payload });
      done.push(kind);
    };
    await channel.ask({ ask: 'keys' });
    tpm.freeze();
    const asked = [
      ask('probe'),
      ...Array.from({ length: 6 }, () => ask('checkpoint')),
      ...Array.from({ length: 3 }, () => ask('lease')),
    ];
    // Answered without the device, after those before were read: they stand in line now.
    await channel.ask({ ask: 'keys' });
    tpm.thaw();
    await Promise.all(asked);
    const turns = ['probe', 'checkpoint', 'lease', 'checkpoint', 'lease', 'checkpoint', 'lease'];
    expect(done).toEqual([...turns, 'checkpoint', 'checkpoint', 'checkpoint']);
  });
});
