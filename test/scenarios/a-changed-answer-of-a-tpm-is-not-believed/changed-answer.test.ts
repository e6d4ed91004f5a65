// Somebody between warder and the TPM changes what passes: commands, answers, signatures, the keys it is told of.
// Nothing of that is used, and once it stops, signing goes on.

import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { createKey, type OpenedSigner, openSigner } from '../../../src/trust/signer/open-signer.ts';
import { getRandom } from '../../../src/trust/tpm/key-commands.ts';
import { tpmObject } from '../../../src/trust/tpm/entity.ts';
import { readPublic } from '../../../src/trust/tpm/object-commands.ts';
import { socketTransport } from '../../../src/trust/tpm/socket-transport.ts';
import { startSession } from '../../../src/trust/tpm/start-session.ts';
import { openTpm, type Tpm } from '../../../src/trust/tpm/tpm.ts';
import { payloads } from '../../contracts/signer.ts';
import { describeHardware } from '../../support/hardware.ts';
import { startSwtpm, type Swtpm } from '../../support/swtpm.ts';
import { codeOf, type Meddle, startTpmProxy, type TpmProxy } from '../../support/tpm-proxy.ts';

const SIGN = 0x15d;
const GET_RANDOM = 0x17b;
const READ_PUBLIC = 0x173;
const payload = payloads.lease as Uint8Array;
const honest: Meddle = (command, forward) => forward(command);

/** Flips a bit of the answers to one command. @param at from the end when negative. */
function flip(code: number, at: number): Meddle {
  return async (command, forward) => {
    const response = await forward(command);
    if (codeOf(command) !== code) return response;
    const changed = Buffer.from(response);
    const index = at < 0 ? changed.length + at : at;
    changed[index] = (changed[index] ?? 0) ^ 1;
    return changed;
  };
}

describeHardware('somebody on the way to a TPM', () => {
  let tpm: Swtpm;
  let proxy: TpmProxy;
  let signer: OpenedSigner;
  let client: Tpm;

  beforeAll(async () => {
    tpm = await startSwtpm();
    proxy = await startTpmProxy(tpm.port);
    const uri = `tpm2:handle=0x81010001?socket=127.0.0.1:${proxy.port}&auth-source=auth`;
    await createKey(uri, { home: tpm.directory });
    signer = await openSigner(uri, { home: tpm.directory, roles: ['lease'] });
    await signer.ready();
    client = openTpm(socketTransport({ host: '127.0.0.1', port: proxy.port }));
  });
  afterEach(async () => {
    proxy.meddle = honest;
    // The TPM serves one connection at a time.
    await client.close();
  });
  afterAll(async () => {
    await signer.close();
    await client.close();
    await proxy.close();
    await tpm.remove();
  });

  const sign = (): Promise<Uint8Array> => signer.sign({ kind: 'lease', payload });

  test.each([
    ['the signature', 30],
    ['the nonce', -70],
    ['the HMAC', -1],
    ['its attributes', -35],
  ])('%s in the answer is changed: noticed, not retried for ever', async (_, at) => {
    proxy.meddle = flip(SIGN, at);
    await expect(sign()).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/was changed on its way|not what a TPM writes/) as string,
    });
    proxy.meddle = honest;
    await expect.poll(() => sign().catch(() => undefined)).toHaveLength(64);
  });

  test('an old answer is given again: noticed', async () => {
    const srk = await readPublic(client, 0x8100_0001);
    const session = await startSession(client, 'hmac', tpmObject(0x8100_0001, srk.area));
    let first: Buffer | undefined;
    proxy.meddle = async (command, forward) => {
      const response = await forward(command);
      if (codeOf(command) === GET_RANDOM) first ??= response;
      return codeOf(command) === GET_RANDOM ? (first ?? response) : response;
    };
    expect(await getRandom(client, 16, session)).toHaveLength(16);
    await expect(getRandom(client, 16, session)).rejects.toMatchObject({ kind: 'untrue' });
    expect(session.alive).toBe(false);
  });

  test('another key is shown than the one that is there: noticed', async () => {
    const srk = await readPublic(client, 0x8100_0001);
    const session = await startSession(client, 'hmac', tpmObject(0x8100_0001, srk.area));
    proxy.meddle = flip(READ_PUBLIC, 80);
    await expect(readPublic(client, 0x8101_0001, session)).rejects.toMatchObject({
      kind: 'untrue',
    });
  });

  test.each([
    ['a length beyond every answer', '8001ffffffff00000000'],
    ['a length below its own head', '80010000000900000000'],
    ['a tag of another TPM', '00c40000000a00000000'],
    ['success without what was asked for', '80010000000a00000000'],
    ['a field longer than the answer', '80010000000c00000000ffff'],
  ])('%s is no answer', async (_, hex) => {
    proxy.meddle = () => Promise.resolve(Buffer.from(hex, 'hex'));
    await expect(readPublic(client, 0x8100_0001)).rejects.toThrow(
      /not a TPM|not what a TPM writes/,
    );
    await expect(sign()).rejects.toMatchObject({ data: { signer: 'transient' } });
  });

  // The last for this signer: a wrong HMAC looks like a wrong auth value, which is not tried again.
  test('another digest is put in for the one to be signed: the TPM refuses it', async () => {
    await expect.poll(() => sign().catch(() => undefined)).toHaveLength(64);
    const other = createHash('sha256').update('a lease for everything').digest();
    proxy.meddle = (command, forward) => {
      if (codeOf(command) !== SIGN) return forward(command);
      const changed = Buffer.from(command);
      // Header, handle, authorisation; then the digest after its length.
      const at = 18 + changed.readUInt32BE(14) + 2;
      other.copy(changed, at);
      return forward(changed);
    };
    await expect(sign()).rejects.toMatchObject({ data: { signer: 'auth' } });
  });
});
