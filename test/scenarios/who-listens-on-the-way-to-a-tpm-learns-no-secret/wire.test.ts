// Somebody records everything between warder and the TPM, from the making of a key on. The auth value is not in it,
// in whatever form, and neither is what was sent encrypted.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createKey, openSigner } from '../../../src/trust/signer/open-signer.ts';
import { getRandom } from '../../../src/trust/tpm/key-commands.ts';
import { tpmObject } from '../../../src/trust/tpm/entity.ts';
import { readPublic } from '../../../src/trust/tpm/object-commands.ts';
import { socketTransport } from '../../../src/trust/tpm/socket-transport.ts';
import { startSession } from '../../../src/trust/tpm/start-session.ts';
import { openTpm } from '../../../src/trust/tpm/tpm.ts';
import { payloads } from '../../contracts/signer.ts';
import { describeHardware } from '../../support/hardware.ts';
import { startSwtpm, type Swtpm } from '../../support/swtpm.ts';
import { startTpmProxy, type TpmProxy } from '../../support/tpm-proxy.ts';

describeHardware('somebody listens', () => {
  let tpm: Swtpm;
  let proxy: TpmProxy;
  beforeAll(async () => {
    tpm = await startSwtpm();
    proxy = await startTpmProxy(tpm.port);
  });
  afterAll(async () => {
    await proxy.close();
    await tpm.remove();
  });

  test('while a key is made and signs, with and without a register policy', async () => {
    const payload = payloads.lease as Uint8Array;
    for (const more of ['auth-source=a', 'auth-source=a&pcrs=7']) {
      const uri = `tpm2:blob=k${more.length}?socket=127.0.0.1:${proxy.port}&${more}`;
      await createKey(uri, { home: tpm.directory });
      const signer = await openSigner(uri, { home: tpm.directory, roles: ['lease'] });
      await signer.sign({ kind: 'lease', payload });
      await signer.close();
    }
    const auth = Buffer.from(readFileSync(join(tpm.directory, 'a'), 'utf8').trim(), 'hex');
    expect(auth).toHaveLength(32);
    const wire = Buffer.concat(proxy.seen);
    expect(proxy.seen.length).toBeGreaterThan(30);
    for (let at = 0; at + 8 <= auth.length; at += 1) {
      expect(wire.includes(auth.subarray(at, at + 8))).toBe(false);
    }
    expect(wire.includes(auth.toString('hex'))).toBe(false);
    // The digest is the first parameter of TPM2_Sign.
    expect(wire.includes(createHash('sha256').update(payload).digest())).toBe(false);
  });

  test('to what the TPM answers', async () => {
    const client = openTpm(socketTransport({ host: '127.0.0.1', port: proxy.port }));
    const { area } = await readPublic(client, 0x8100_0001);
    const srk = tpmObject(0x8100_0001, area);
    const open = await getRandom(client, 16);
    expect(Buffer.concat(proxy.seen).includes(open)).toBe(true);
    const secret = await getRandom(client, 16, await startSession(client, 'hmac', srk));
    expect(Buffer.concat(proxy.seen).includes(secret)).toBe(false);
    await client.close();
  });
});
