// The signer process is killed in the middle of requests, its socket is gone, its certificate is another's. What was
// asked is refused with its class; nothing is half signed; the same signer works again once the process is back.

import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Door } from '../../../src/front/signing/door.ts';
import { openHttpsDoor } from '../../../src/front/signing/https-door.ts';
import { SignerDesk } from '../../../src/front/signing/signer-desk.ts';
import type { TlsFiles } from '../../../src/front/signing/signer-config.ts';
import { openSigner } from '../../../src/trust/signer/open-signer.ts';
import { openMemorySigner } from '../../../src/trust/signer/memory/memory-signer.ts';
import { unixChannel } from '../../../src/trust/signer/remote/unix-channel.ts';
import { HostileDaemon, MadeLog } from '../../support/made-log.ts';
import { makeSigner, scratchDirectory, startSigner, TestCa } from '../../support/signer-process.ts';

const unavailable = (signer: string): object => ({ code: 'unavailable', data: { signer } });

test('killed with requests under way, it refuses them all and goes on where it was', async () => {
  const { root, socket, config } = await makeSigner();
  const first = await startSigner(root);
  const kid = config.keys[0]?.kid ?? '';
  // As a daemon has it open: the self-check, too, is made again.
  const signer = await openSigner(`unix:${socket}`, { home: '/', kid, roles: ['checkpoint'] });
  await signer.ready();
  const channel = unixChannel(socket);
  const daemon = await HostileDaemon.at(channel, () => Date.now());
  const log = new MadeLog().calls(3);
  await daemon.head(log);
  const ask = (count: number): Promise<unknown>[] =>
    Array.from({ length: count }, () => daemon.lease(daemon.prepare(), log));
  const leases = ask(64);
  await leases[0];
  // Stopped first, so that it certainly dies with requests under way.
  first.kill('SIGSTOP');
  leases.push(...ask(8));
  await new Promise((resolve) => setTimeout(resolve, 50));
  first.kill('SIGKILL');
  const ended = await Promise.allSettled(leases);
  const failed = ended.filter((each) => each.status === 'rejected');
  expect(failed.length).toBeGreaterThan(0);
  for (const { reason } of failed) expect(reason).toMatchObject(unavailable('transient'));

  const second = await startSigner(root);
  // Each lease that was given out, and each that may have been, is still to be shown in the log.
  const { size, unproven } = await daemon.last();
  expect(size).toBe(3);
  expect(unproven.length).toBeGreaterThanOrEqual(ended.length - failed.length);
  await expect(daemon.head(new MadeLog(log.leaves.slice(0, 3)).calls(9))).rejects.toMatchObject({
    code: 'not-trusted',
  });
  await daemon.head(log);
  await signer.close();
  await channel.close();
  const exit = new Promise((resolve) => second.once('exit', resolve));
  second.kill('SIGTERM');
  expect(await exit).toBe(0);
}, 90_000);

test('without its socket it is said to be gone, and found again', async () => {
  const { root, socket, config } = await makeSigner();
  const [{ kid } = { kid: '' }] = config.keys;
  const gone = openSigner(`unix:${socket}`, { home: '/', kid, roles: ['dsse'] });
  await expect(gone).rejects.toMatchObject(unavailable('removed'));
  // One that is just starting is waited for.
  const waiting = openSigner(`unix:${socket}`, { home: '/', kid, roles: [] });
  const child = await Promise.all([waiting.catch(() => undefined), startSigner(root)]);
  const signer = child[0] ?? (await openSigner(`unix:${socket}`, { home: '/', kid, roles: [] }));
  await signer.ready();
  await signer.close();
  rmSync(socket);
  const again = openSigner(`unix:${socket}`, { home: '/', kid, roles: [] });
  await expect(again).rejects.toMatchObject(unavailable('removed'));
}, 90_000);

async function listen(tls: TlsFiles, port = 0): Promise<{ door: Door; kid: string }> {
  const key = openMemorySigner('ES256', { roles: ['dsse', 'probe'] });
  const desk = new SignerDesk({
    origin: 'example.com/log',
    keys: new Map([[key.key.kid, key]]),
    memory: { last: () => Promise.reject(new Error('none')) },
    useOf: () => 'signing',
    version: 'test',
    monotonic: () => 0,
  });
  const door = await openHttpsDoor({ host: '127.0.0.1', port }, tls, { desk, note: () => {} });
  return { door, kid: key.key.kid };
}

test('over https nobody is asked, and nobody answered, without the right certificate', async () => {
  const directory = scratchDirectory();
  const [house, other] = [new TestCa(directory, 'house'), new TestCa(directory, 'other')];
  const past = new Date('2021-01-01');
  const client = house.issue('daemon');
  const attempts: readonly (readonly [string, TlsFiles, TlsFiles, string])[] = [
    ['the signer’s of another CA', other.issue('signer'), client, 'misconfigured'],
    ['the signer’s expired', house.issue('old', { notAfter: past }), client, 'misconfigured'],
    [
      'the signer’s of another name',
      house.issue('far', { ip: '127.0.0.9' }),
      client,
      'misconfigured',
    ],
    [
      'a client’s shown by the signer',
      house.issue('client', { purposes: ['1.3.6.1.5.5.7.3.2'] }),
      client,
      'misconfigured',
    ],
  ];
  for (const [what, server, { ca, cert, key }] of attempts) {
    const { door } = await listen({ ...server, ca: house.file });
    const uri = `${door.address}?ca=${ca}&cert=${cert}&key=${key}`;
    await expect(openSigner(uri, { home: '/', roles: ['lease'] }), what).rejects.toMatchObject(
      unavailable('misconfigured'),
    );
    await door.close();
  }
  const clients: readonly (readonly [string, TlsFiles])[] = [
    ['another CA’s', { ...other.issue('daemon'), ca: house.file }],
    ['expired', house.issue('late', { notAfter: past })],
    ['a server’s', house.issue('web', { purposes: ['1.3.6.1.5.5.7.3.1'] })],
  ];
  const { door } = await listen(house.issue('signer'));
  for (const [what, { ca, cert, key }] of clients) {
    const uri = `${door.address}?ca=${ca}&cert=${cert}&key=${key}`;
    await expect(openSigner(uri, { home: '/', roles: ['lease'] }), what).rejects.toMatchObject({
      code: 'unavailable',
    });
  }
  const good = `${door.address}?ca=${client.ca}&cert=${client.cert}&key=${client.key}`;
  const signer = await openSigner(good, { home: '/', roles: ['lease'] });
  await signer.ready();
  await door.close();
  await expect(openSigner(good, { home: '/', roles: ['lease'] })).rejects.toMatchObject(
    unavailable('removed'),
  );
  await signer.close();
  expect(join(directory, 'house.ca.pem')).toBe(house.file);
}, 90_000);
