// A key that may come next in a signer: which one is taken, and what it is not made as by itself.

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addSignerKey, initSigner } from '../../../src/front/signing/init-signer.ts';
import {
  readSignerConfig,
  type SignerConfig,
  signerState,
} from '../../../src/front/signing/signer-config.ts';
import { readSuccession, writeSuccession } from '../../../src/front/signing/succession-file.ts';

const directory = mkdtempSync(join(tmpdir(), 'ws-'));
const root = join(directory, 's');
const state = signerState(root);
let first: SignerConfig;

beforeAll(async () => {
  first = await initSigner(root, { listen: [] });
});
afterAll(() => rmSync(directory, { recursive: true }));

test('a key of each role, beside what there is', async () => {
  const made = [await addSignerKey(root, undefined), await addSignerKey(root, undefined, 'log')];
  const [signing, log] = made.map(({ uri, kid }) => ({ uri, kid }));
  expect(readSignerConfig(state)).toEqual({
    ...first,
    keys: [...first.keys, signing, { ...log, role: 'log' }],
  });
  expect(readFileSync(state.config, 'utf8')).toContain('// The log it signs for');
});

test('not one that is there, of the other algorithm, or that was rotated', async () => {
  const before = readFileSync(state.config, 'utf8');
  const { uri, kid } = first.logKey;
  for (const role of ['signing', 'log'] as const) {
    const code = role === 'log' ? 'conflict' : 'usage';
    await expect(addSignerKey(root, uri, role), role).rejects.toMatchObject({ code });
  }
  const path = join(root, 'succession.json');
  const known = await readSuccession(path, first.origin);
  await writeSuccession(path, first.origin, { ...known, former: [kid] });
  // Nor when its pin is gone from the config.
  writeFileSync(state.config, before.replaceAll(kid, 'A'.repeat(43)));
  await expect(addSignerKey(root, uri, 'log')).rejects.toMatchObject({ code: 'conflict' });
  await writeSuccession(path, first.origin, known);
  writeFileSync(state.config, before);
});

test('a key in a device is followed by a file only if that is named', async () => {
  const before = readFileSync(state.config, 'utf8');
  const files = readdirSync(root);
  const device = 'pkcs11:token=T;object=L?module-path=/usr/lib/x.so&pin-source=/etc/pin';
  for (const [role, { uri }] of [
    ['signing', first.keys[0] ?? first.logKey],
    ['log', first.logKey],
  ] as const) {
    const alg = role === 'log' ? '&alg=EdDSA' : '';
    writeFileSync(state.config, before.replace(uri, device + alg));
    await expect(addSignerKey(root, undefined, role), role).rejects.toMatchObject({
      code: 'usage',
      hint: expect.stringContaining('--key') as string,
    });
  }
  expect(readdirSync(root)).toEqual(files);
  writeFileSync(state.config, before);
});
