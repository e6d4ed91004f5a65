// A home whose keys are in a signer process: calls are leased and receipted by it, refused while it is away, and go
// on once it is back, without anybody touching the daemon.

import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeSigner, startSigner } from '../support/signer-process.ts';
import { createTestHome, repository } from '../support/warder.ts';

test('calls are refused while the signer is away, and go on by themselves', async () => {
  const { root, socket } = await makeSigner();
  const first = await startSigner(root);
  const home = await createTestHome({ init: false });
  try {
    await home.ok(['init', '--key', `unix:${socket}`]);
    await home.ok(['tool', 'add', join(repository, 'tools/text')]);
    const call = ['call', 'text_echo', '--agent', 'default', '--args', '{"text":"x"}'];
    expect(await home.ok(call)).toMatchObject({ isError: false });
    await home.ok(['receipts', 'checkpoint']);

    const gone = new Promise((resolve) => first.once('exit', resolve));
    first.kill('SIGKILL');
    await gone;
    const refused = await home.run(['--json', ...call]);
    expect(refused.code).toBe(7);
    const doctor = await home.run(['--json', 'doctor']);
    expect(doctor.code).toBe(7);
    expect(doctor.stdout).toContain('no signer process listens on');

    // One that is started meanwhile waits for it like one that was running.
    home.kill();
    expect((await home.run(call)).code).toBe(7);
    const { pid } = await home.ok(['status']);

    await startSigner(root);
    expect(await home.ok(call)).toMatchObject({ isError: false });
    expect(await home.ok(['status'])).toMatchObject({ pid });
    await home.ok(['receipts', 'checkpoint']);
    expect(await home.ok(['receipts', 'verify'])).toBeDefined();
    // Keys are made by the signer's own operator.
    expect((await home.run(['keys', 'create', `unix:${socket}`])).code).toBe(2);
  } finally {
    await home.remove();
  }
}, 120_000);
