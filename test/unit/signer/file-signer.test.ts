import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe } from 'vitest';
import { createKey, openSigner } from '../../../src/trust/signer/open-signer.ts';
import { signerContract } from '../../contracts/signer.ts';

const home = mkdtempSync(join(tmpdir(), 'warder-signer-'));
afterAll(() => rmSync(home, { recursive: true, force: true }));

for (const alg of ['ES256', 'ES384', 'EdDSA'] as const) {
  describe(alg, () => {
    const uri = `file:${alg}.key?alg=${alg}`;
    beforeAll(() => createKey(uri, { home }));
    signerContract('file', alg, (rules) => openSigner(uri, { ...rules, home }));
  });
}
