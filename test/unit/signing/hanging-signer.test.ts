// A signer process that takes connections and says nothing: a daemon that starts does not hang with it.

import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { openRemoteKeys, signerProcessOf } from '../../../src/front/signing/remote-keys.ts';
import type { RemoteKeyUri } from '../../../src/trust/signer/key-uri.ts';
import { memoryKey } from '../../../src/trust/signer/memory/memory-signer.ts';
import { START_PATIENCE_MS } from '../../../src/trust/signer/within.ts';
import { scratchDirectory } from '../../support/signer-process.ts';

test('keys and memory are gone on without, and refused with what is wrong', async () => {
  const socket = join(scratchDirectory(), 's.sock');
  const server = createServer(() => {});
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  onTestFinished(() => void server.close());
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  onTestFinished(() => void vi.useRealTimers());

  const { key } = memoryKey('EdDSA');
  const logKey = { uri: `unix:${socket}`, kid: key.kid };
  const notes: string[] = [];
  const opening = openRemoteKeys(signerProcessOf(logKey) as RemoteKeyUri, {
    origin: 'example.com/log',
    logKey,
    access: { home: '/' },
    away: { known: () => key, note: (line) => notes.push(line) },
  });
  await vi.advanceTimersByTimeAsync(START_PATIENCE_MS);
  const keys = await opening;
  expect(keys.log.awaited).toBe(true);
  expect(notes).toEqual([
    expect.stringMatching(/^log key .*: .*; until it can be used checkpoints wait/),
  ]);
  // The next who ask are told at once.
  const silent = { code: 'unavailable', data: { signer: 'transient' } };
  await expect(keys.memory.last()).rejects.toMatchObject(silent);
  await expect(keys.openSigning(logKey.uri, key.kid)).resolves.toMatchObject({ awaited: true });
  await keys.close();
});
