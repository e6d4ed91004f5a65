// The way to a signer process over https, when certificates are not as they should be: who is turned away reads what
// to look at, the signer's log says why, and a renewed certificate is taken as it is.

import { copyFileSync, readFileSync } from 'node:fs';
import { connect } from 'node:tls';
import { expect, onTestFinished, test } from 'vitest';
import type { Door } from '../../../src/front/signing/door.ts';
import { openHttpsDoor } from '../../../src/front/signing/https-door.ts';
import type { TlsFiles } from '../../../src/front/signing/signer-config.ts';
import { parseKeyUri, type RemoteKeyUri } from '../../../src/trust/signer/key-uri.ts';
import { openMemorySigner } from '../../../src/trust/signer/memory/memory-signer.ts';
import type { SignerChannel } from '../../../src/trust/signer/remote/channel.ts';
import { openChannel } from '../../../src/trust/signer/remote/remote-key.ts';
import { deskWith, everyKind, scratchDirectory, TestCa } from '../../support/signer-process.ts';

const past = new Date('2021-01-01');
const CLIENT = '1.3.6.1.5.5.7.3.2';
const SERVER = '1.3.6.1.5.5.7.3.1';

interface Https {
  readonly house: TestCa;
  readonly other: TestCa;
  readonly door: Door;
  readonly port: number;
  /** What the signer's log says. */
  readonly notes: readonly string[];
  as(files: TlsFiles): SignerChannel;
}

async function listen(): Promise<Https> {
  const directory = scratchDirectory();
  const [house, other] = [new TestCa(directory, 'house'), new TestCa(directory, 'other')];
  const notes: string[] = [];
  const { desk } = deskWith(openMemorySigner('ES256', everyKind));
  const at = { host: '127.0.0.1', port: 0 };
  const note = (line: string): void => void notes.push(line);
  const door = await openHttpsDoor(at, house.issue('signer'), { desk, note });
  onTestFinished(() => door.close());
  const as = ({ ca, cert, key }: TlsFiles): SignerChannel => {
    const uri = parseKeyUri(`${door.address}?ca=${ca}&cert=${cert}&key=${key}`);
    const channel = openChannel(uri as RemoteKeyUri, '/');
    onTestFinished(() => channel.close());
    return channel;
  };
  return { house, other, door, port: Number(door.address.split(':').at(-1)), notes, as };
}

test('a certificate that is not taken: what to look at stands in the error, why in the log', async () => {
  const { house, other, notes, as } = await listen();
  const elsewhere = { ...other.issue('daemon'), ca: house.file };
  const cases: readonly (readonly [files: TlsFiles, error: object, note: string])[] = [
    [
      elsewhere,
      {
        data: { signer: 'transient' },
        hint: expect.stringMatching(/certificate `.*other\.daemon\.pem`.*`tls\.ca`/) as string,
      },
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    ],
    [
      house.issue('web', { purposes: [SERVER] }),
      { data: { signer: 'transient' }, hint: expect.stringContaining('for clients') as string },
      'INVALID_PURPOSE',
    ],
    [
      house.issue('late', { notAfter: past, purposes: [CLIENT] }),
      {
        data: { signer: 'misconfigured' },
        message: expect.stringMatching(
          /late\.pem` is valid from .* 2021 GMT, and not now/,
        ) as string,
      },
      'CERT_HAS_EXPIRED',
    ],
  ];
  for (const [files, error, note] of cases) {
    await expect(as(files).ask({ ask: 'keys' })).rejects.toMatchObject({
      code: 'unavailable',
      ...error,
    });
    await expect.poll(() => notes.at(-1)).toBe(`a client was turned away: ${note}`);
  }
});

test('a signer of another CA is not asked', async () => {
  const { house, other, as } = await listen();
  const trusting = { ...house.issue('daemon'), ca: other.file };
  await expect(as(trusting).ask({ ask: 'keys' })).rejects.toMatchObject({
    message: expect.stringContaining('is not trusted') as string,
    hint: expect.stringContaining('certificates are valid') as string,
    data: { signer: 'misconfigured' },
  });
});

test('nobody is let in with an older TLS', async () => {
  const { house, port, notes } = await listen();
  const { cert, key } = house.issue('daemon');
  const files = { ca: readFileSync(house.file), cert: readFileSync(cert), key: readFileSync(key) };
  const attempt = (maxVersion: 'TLSv1.2' | 'TLSv1.3'): Promise<string> =>
    new Promise((resolve) => {
      const socket = connect({ host: '127.0.0.1', port, ...files, maxVersion });
      socket.once('error', ({ message }) => resolve(message));
      socket.once('secureConnect', () => {
        socket.destroy();
        resolve('let in');
      });
    });
  expect(await attempt('TLSv1.2')).toContain('alert protocol version');
  expect(notes.at(-1)).toContain('unsupported protocol');
  expect(await attempt('TLSv1.3')).toBe('let in');
});

test('a certificate that was renewed in its place is shown with the next request', async () => {
  const { house, as } = await listen();
  const late = house.issue('daemon', { notAfter: past });
  const channel = as(late);
  await expect(channel.ask({ ask: 'keys' })).rejects.toMatchObject({
    data: { signer: 'misconfigured' },
  });
  const fresh = house.issue('renewed');
  copyFileSync(fresh.cert, late.cert);
  copyFileSync(fresh.key, late.key);
  expect(await channel.ask({ ask: 'keys' })).toMatchObject({ origin: 'example.com/log' });
});

test('a signer that ends waits for what it was asked, and for no idle connection', async () => {
  const { house, door, as } = await listen();
  const channel = as(house.issue('daemon'));
  await channel.ask({ ask: 'keys' });
  // Under way while the door closes; its connection would be kept for ten minutes.
  const asked = Array.from({ length: 8 }, () => channel.ask({ ask: 'keys' }));
  await asked[0];
  const closed = door.close();
  await Promise.allSettled(asked);
  await closed;
});
