// A key is gone: its file, its token. No daemon opens the home, and the other key is enough to go on.

import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readConfig } from '../../../src/front/config/config.ts';
import { rotateLostKey } from '../../../src/front/daemon/rotate-offline.ts';
import { addSignerKey } from '../../../src/front/signing/init-signer.ts';
import { verifyReceipt } from '../../../src/trust/verify/receipt.ts';
import { type OpenHome, rotatingHome } from '../../support/rotating-home.ts';
import { makeSigner, runSigner } from '../../support/signer-process.ts';

test.each(['signing', 'log'] as const)(
  'a home goes on without its %s key',
  async (role) => {
    const { home, open, close } = await rotatingHome();
    let opened = await open();
    await opened.publish();
    const lease = await opened.issue();
    const proof = await opened.proof();
    const [row] = opened.receipts.reader.list({ last: 1 });
    await close();
    const key = join(home.keys, `${role}.key`);
    renameSync(key, `${key}.gone`);
    await expect(open()).rejects.toThrow();

    await expect(rotateLostKey(home, role, {})).rejects.toMatchObject({ code: 'usage' });
    const { kid, old } = await rotateLostKey(home, role, { compromised: true });
    const config = readConfig(home.config);
    expect((role === 'log' ? config.logKey : config.key).kid).toBe(kid);

    opened = await open();
    await opened.publish();
    const today = await opened.published();
    await opened.receipts.audit();
    await opened.take(await opened.issue());
    await verifyReceipt(await opened.receipts.proof(row?.id ?? ''), today);
    expect(today.some((published) => published.kid === old)).toBe(true);
    if (role === 'signing') {
      // Who lost it cannot know who has it.
      await expect(opened.take(lease)).rejects.toMatchObject({ code: 'not-trusted' });
      await verifyReceipt(proof, today);
    } else {
      await opened.take(lease);
      await expect(verifyReceipt(proof, today)).rejects.toMatchObject({ code: 'not-trusted' });
    }
  },
  60_000,
);

test.each(['signing', 'log'] as const)(
  'a home whose %s key a signer process has lost goes on with another',
  async (role) => {
    const { root, socket } = await makeSigner();
    let signer = await runSigner(root);
    const { home, open, close } = await rotatingHome(`unix:${socket}`);
    let opened = await open();
    await opened.publish();
    const [row] = opened.receipts.reader.list({ last: 1 });
    const old = keyOf(opened, role);
    const made = await addSignerKey(root, undefined, role);
    await close();
    await signer.close();
    renameSync(join(root, `${role}.key`), join(root, `${role}.key.gone`));
    const hint = expect.stringContaining('"lost": true') as string;
    await expect(runSigner(root)).rejects.toMatchObject({ code: 'unavailable', hint });
    const config = readFileSync(join(root, 'signer.json'), 'utf8');
    writeFileSync(join(root, 'signer.json'), config.replace(`"${old}"`, `"${old}", "lost": true`));

    signer = await runSigner(root);
    await expect(open()).rejects.toMatchObject({ code: 'unavailable' });
    expect(await rotateLostKey(home, role, { compromised: true })).toMatchObject({
      old,
      kid: made.kid,
    });
    opened = await open();
    await opened.publish();
    await opened.receipts.audit();
    await opened.take(await opened.issue());
    await verifyReceipt(await opened.receipts.proof(row?.id ?? ''), await opened.published());
    expect(keyOf(opened, role)).toBe(made.kid);
  },
  60_000,
);

function keyOf({ keys }: OpenHome, role: 'signing' | 'log'): string {
  return (role === 'log' ? keys.log : keys.signing).key.kid;
}

test('without either key nothing is rotated, and nothing has changed', async () => {
  const { home, open, close } = await rotatingHome();
  const opened = await open();
  await opened.publish();
  await close();
  const before = readConfig(home.config);
  for (const name of ['signing.key', 'log.key']) {
    renameSync(join(home.keys, name), join(home.keys, `${name}.gone`));
  }
  for (const role of ['signing', 'log'] as const) {
    await expect(rotateLostKey(home, role, { compromised: true })).rejects.toThrow();
  }
  expect(readConfig(home.config)).toEqual(before);
  for (const name of ['signing.key', 'log.key']) {
    renameSync(join(home.keys, `${name}.gone`), join(home.keys, name));
  }
  await (await open()).receipts.audit();
  await close();
  // What is published of the log key has to be its own.
  renameSync(join(home.keys, 'log.key'), join(home.keys, 'log.key.gone'));
  writeFileSync(join(home.public, 'jwks.json'), '{"keys":[]}');
  await expect(rotateLostKey(home, 'log', { compromised: true })).rejects.toMatchObject({
    code: 'unavailable',
  });
}, 60_000);
