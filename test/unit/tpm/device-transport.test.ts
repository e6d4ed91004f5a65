// The transport for /dev/tpmrm0, over a pseudo-terminal with a software TPM behind: a character device, but not the
// kernel's driver with its resource manager.

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { checkedSigner } from '../../../src/trust/signer/checked-signer.ts';
import { parseKeyUri, type Tpm2KeyUri } from '../../../src/trust/signer/key-uri.ts';
import { createTpm2Key, openTpm2Key } from '../../../src/trust/signer/tpm2/tpm2-key.ts';
import { curvesOf } from '../../../src/trust/tpm/attestation-commands.ts';
import { deviceTransport } from '../../../src/trust/tpm/device-transport.ts';
import { getRandom } from '../../../src/trust/tpm/key-commands.ts';
import { openTpm, type Tpm } from '../../../src/trust/tpm/tpm.ts';
import { payloads } from '../../contracts/signer.ts';
import { describeHardware } from '../../support/hardware.ts';
import { startSwtpm, type Swtpm } from '../../support/swtpm.ts';

const DEVICE = resolve(import.meta.dirname, '../../fixtures/tpm/character-device.py');

describeHardware('a TPM behind a character device', () => {
  let tpm: Swtpm;
  let device: ChildProcessWithoutNullStreams;
  let path: string;
  const clients: Tpm[] = [];

  beforeEach(async () => {
    tpm = await startSwtpm();
    device = spawn('python3', [DEVICE, String(tpm.port)]);
    const [line] = (await once(device.stdout, 'data')) as [Buffer];
    path = line.toString().trim();
  });
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.close()));
    if (device.exitCode === null) {
      const ended = once(device, 'exit');
      device.kill('SIGKILL');
      await ended;
    }
    await tpm.remove();
  });

  const open = (where = path): Tpm => {
    const client = openTpm(deviceTransport(where), { command: 300, long: 5000 });
    clients.push(client);
    return client;
  };

  it('makes a key and signs', async () => {
    const uri = parseKeyUri('tpm2:blob=key.tpm?device=/dev/tpmrm0') as Tpm2KeyUri;
    const standIn = { ...uri, transport: { device: path } };
    const context = { home: tpm.directory };
    await createTpm2Key(standIn, context);
    const signer = checkedSigner(await openTpm2Key(standIn, context), { roles: ['lease'] });
    const payload = payloads.lease as Uint8Array;
    const signatures = await Promise.all(
      Array.from({ length: 20 }, () => signer.sign({ kind: 'lease', payload })),
    );
    expect(signatures.every(({ length }) => length === 64)).toBe(true);
    await signer.close();
  });

  it('a device that hangs is given one command, not a thread for each; then it goes on', async () => {
    const client = open();
    expect(await getRandom(client, 8)).toHaveLength(8);
    device.stdin.write('hold\n');
    const late = { kind: 'slow', message: expect.stringMatching(/within 300 ms/) as string };
    await expect(getRandom(client, 8)).rejects.toMatchObject(late);
    for (let n = 0; n < 8; n += 1) {
      await expect(getRandom(client, 8)).rejects.toMatchObject({
        kind: 'slow',
        message: expect.stringMatching(/still has an earlier command/) as string,
      });
    }
    // Other work of the process goes on: there are threads left.
    writeFileSync(join(tpm.directory, 'x'), 'x');
    device.stdin.write('give\n');
    await expect.poll(() => curvesOf(client).catch(() => undefined)).toContain(3);
  });

  it('a device that goes away is gone, and a file is none', async () => {
    const client = open();
    await getRandom(client, 8);
    device.stdin.end();
    await once(device, 'exit');
    await expect(getRandom(client, 8)).rejects.toMatchObject({ kind: 'gone' });
    await sleep(0);
    await expect(getRandom(client, 8)).rejects.toMatchObject({ kind: 'gone' });
    writeFileSync(join(tpm.directory, 'file'), 'x');
    await expect(getRandom(open(join(tpm.directory, 'file')), 8)).rejects.toMatchObject({
      kind: 'gone',
      message: expect.stringMatching(/no character device/) as string,
    });
  });
});
