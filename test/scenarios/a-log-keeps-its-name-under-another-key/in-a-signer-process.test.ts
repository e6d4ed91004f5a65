// The keys are born in a token behind a signer process, and change there: the log keeps its name, proofs of all times
// verify, verifiers with the keys of before follow, and of a key that was given up nothing counts that nobody saw.

import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { parseJson } from '../../../src/base/encoding/parse-json.ts';
import { readConfig } from '../../../src/front/config/config.ts';
import { addSignerKey } from '../../../src/front/signing/init-signer.ts';
import type { KeyRole } from '../../../src/front/signing/succession-file.ts';
import { loadKeys } from '../../../src/trust/verify/keys.ts';
import { verifyReceipt } from '../../../src/trust/verify/receipt.ts';
import { followRotations } from '../../../src/trust/verify/rotation.ts';
import { describeHardware } from '../../support/hardware.ts';
import { type OpenHome, rotatingHome } from '../../support/rotating-home.ts';
import { makeSigner, runSigner } from '../../support/signer-process.ts';
import { createSoftHsm, type SoftHsm } from '../../support/softhsm.ts';

describeHardware('keys in a token behind a signer process', () => {
  let hsm: SoftHsm;
  beforeAll(() => {
    hsm = createSoftHsm();
    vi.stubEnv('SOFTHSM2_CONF', hsm.env.SOFTHSM2_CONF);
  });
  afterAll(() => {
    hsm.remove();
  });

  it('are followed by others there, each in its turn, and the log by the next one', async () => {
    const { root, socket } = await makeSigner({ key: hsm.uri('signing') });
    let keys = 0;
    for (const role of ['log', 'signing', 'log'] as const) {
      keys += 1;
      const uri = hsm.uri(`next-${keys}`, role === 'log' ? 'EdDSA' : 'ES256');
      // The operator makes them beforehand; which is the next one of its role the signer says.
      await addSignerKey(root, uri, role);
    }
    await runSigner(root);
    const { home, open } = await rotatingHome(`unix:${socket}`);
    let opened = await open();
    await opened.publish();
    const { origin } = opened.keys;
    const first = opened.jwks();
    const proofs = [await opened.proof()];
    for (const role of ['log', 'signing'] as const) {
      const { kid, old } = await rotate(opened, role);
      await opened.take(await opened.issue());
      proofs.push(await opened.proof());
      await opened.receipts.audit();
      const today = await opened.published();
      expect(today.find((key) => key.kid === old)).toMatchObject({ retired: {} });
      const followed = await followRotations(parseJson(opened.jwks()), await loadKeys([first]));
      for (const proof of proofs) {
        await verifyReceipt(proof, today);
        await verifyReceipt(proof, followed);
      }
      expect(opened.keys[role].key.kid).toBe(kid);
    }
    await rotate(opened, 'log', true);
    const today = await opened.published();
    // No witness saw a head of the key that was given up.
    await expect(verifyReceipt(proofs.at(-1) ?? '', today)).rejects.toMatchObject({
      code: 'not-trusted',
    });
    await verifyReceipt(await opened.proof(), today);
    opened = await open();
    await opened.receipts.audit();
    expect(opened.keys.origin).toBe(origin);
    expect(opened.keys.log.key.kid).toBe(readConfig(home.config).logKey.kid);
    expect(opened.keys.log.custody.summary).toContain('token');
    await expect(rotate(opened, 'log')).rejects.toMatchObject({ code: 'usage' });
  }, 60_000);
});

function rotate(
  { operations }: OpenHome,
  role: KeyRole,
  compromised = false,
): ReturnType<OpenHome['operations']['keys.rotate']> {
  return operations['keys.rotate']({
    log: role === 'log',
    ...(compromised ? { compromised } : {}),
  });
}
