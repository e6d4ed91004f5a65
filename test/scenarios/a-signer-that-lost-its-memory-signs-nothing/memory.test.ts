// Somebody deletes or changes what a signer process remembers, or puts an older copy in its place, to have a second
// history signed, a rotated key back, or an old list. What is missing never means that there was nothing.

import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { initSigner } from '../../../src/front/signing/init-signer.ts';
import { openRemoteKeys } from '../../../src/front/signing/remote-keys.ts';
import { openSignerProcess } from '../../../src/front/signing/serve-signer.ts';
import { parseKeyUri, type UnixKeyUri } from '../../../src/trust/signer/key-uri.ts';
import { unixChannel } from '../../../src/trust/signer/remote/unix-channel.ts';
import type { SignedHead } from '../../../src/trust/receipt/head-memory.ts';
import { HostileDaemon, MadeLog } from '../../support/made-log.ts';
import { openFixture } from '../../unit/receipt/log-fixture.ts';

const directory = mkdtempSync(join(tmpdir(), 'ws-'));
const root = join(directory, 's');
const socket = join(root, 'signer.sock');
const open = (): ReturnType<typeof openSignerProcess> =>
  openSignerProcess(root, { version: 'test' });
const files = ['memory.json', 'memory.leases', 'memory.revocations.json', 'succession.json'];

beforeAll(async () => {
  await initSigner(root, { listen: [] });
  const signer = await open();
  const daemon = await HostileDaemon.at(unixChannel(socket), () => Date.now());
  const log = new MadeLog().calls(3);
  await daemon.head(log);
  await daemon.lease(daemon.prepare(), log);
  await daemon.channel.close();
  await signer.close();
  cpSync(root, join(directory, 'copy'), { recursive: true });
});
afterAll(() => rmSync(directory, { recursive: true }));

test.each(files)('without %s it does not start', async (name) => {
  const path = join(root, name);
  const before = readFileSync(path);
  rmSync(path);
  await expect(open()).rejects.toMatchObject({ code: 'unavailable' });
  // Nor does it make one.
  expect(existsSync(path)).toBe(false);
  expect(existsSync(socket)).toBe(false);
  writeFileSync(path, before, { mode: 0o600 });
});

test.each(files)('with %s cut short, emptied or of another log it does not start', async (name) => {
  const path = join(root, name);
  const before = readFileSync(path, 'utf8');
  const changed = [
    '',
    '{}',
    before.slice(0, 20),
    before.replace(/warder\.invalid\/log\/./, 'warder.invalid/log/x'),
  ];
  for (const text of changed) {
    writeFileSync(path, text);
    await expect(open(), text).rejects.toMatchObject({ code: 'unavailable' });
  }
  writeFileSync(path, before);
});

test('it is not made anew over anything that is left of it', async () => {
  for (const left of [[...files, 'signer.json'], ['signer.json'], files, []]) {
    for (const name of left) rmSync(join(root, name));
    const again = initSigner(root, { listen: [] });
    await expect(again).rejects.toMatchObject({ code: 'conflict' });
    for (const name of left) cpSync(join(directory, 'copy', name), join(root, name));
  }
  // Nor elsewhere, with keys that may have signed: an empty memory would let them begin again.
  const keyOf = (name: string, alg: string): string =>
    `file:${root}/${name}.key?alg=${alg}&passphrase-source=${root}/${name}.passphrase`;
  const key = keyOf('signing', 'ES256');
  const logKey = keyOf('log', 'EdDSA');
  await expect(
    initSigner(join(directory, 'other'), { listen: [], key, logKey }),
  ).rejects.toMatchObject({ code: 'conflict', hint: expect.stringContaining('memory') as string });
});

test('an older copy of its memory is noticed by the daemon that saw a later one', async () => {
  let signer = await open();
  const daemon = await HostileDaemon.at(unixChannel(socket), () => Date.now());
  const logKey = { uri: `unix:${socket}`, kid: daemon.log.kid };
  const uri = parseKeyUri(logKey.uri) as UnixKeyUri;
  const keys = await openRemoteKeys(uri, {
    origin: daemon.origin,
    logKey,
    access: { home: '/' },
  });
  expect(await keys.memory.last()).toMatchObject({ size: 3 });
  await signer.close();
  const later = readFileSync(join(root, 'memory.json'), 'utf8');
  // As an older copy is: a good one, of less.
  rmSync(root, { recursive: true });
  const fresh = join(directory, 'fresh');
  await initSigner(fresh, { listen: [], origin: daemon.origin });
  cpSync(join(directory, 'copy'), root, { recursive: true });
  cpSync(join(fresh, 'memory.json'), join(root, 'memory.json'));
  signer = await open();
  await expect(keys.memory.last()).rejects.toMatchObject({ code: 'verification-failed' });
  await keys.close();
  await daemon.channel.close();
  await signer.close();
  writeFileSync(join(root, 'memory.json'), later);
});

test('an older copy of its memory is noticed by what was published', async () => {
  const made = await openFixture();
  for (let at = 0; at < 3; at += 1) await made.append();
  await made.checkpointer.current();
  const before = await made.keys.admitter.last();
  await made.append();
  await made.checkpointer.current();
  const last = (): Promise<SignedHead> => Promise.resolve(before);
  // The log grows from either, and still it is not signed.
  await expect(made.reopen({ admitter: { ...made.keys.admitter, last } })).rejects.toMatchObject({
    code: 'verification-failed',
  });
});

test('two processes never share a memory', async () => {
  const signer = await open();
  await expect(open()).rejects.toMatchObject({ code: 'unavailable' });
  await signer.close();
});
