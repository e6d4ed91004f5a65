// Daemon, signer process and a token behind it: keys are made in the token by the signer's operator; the daemon never
// sees token or PIN, and goes on by itself when the token was away.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { sampleTool } from '../support/fixtures.ts';
import { describeHardware } from '../support/hardware.ts';
import { KeptFiles } from '../support/kept-files.ts';
import { scratchDirectory, startSigner } from '../support/signer-process.ts';
import { createSoftHsm } from '../support/softhsm.ts';
import { createTestHome, type Finished, runWarder } from '../support/warder.ts';

interface KeyShown {
  readonly custody: string;
  readonly jwk: { readonly kid: string };
  readonly proof: { readonly copies: string; readonly claims: object };
}

describeHardware('a home whose keys are in a token of its signer process', () => {
  test('leases, receipts, the token pulled out and put back', async () => {
    const hsm = createSoftHsm();
    onTestFinished(() => hsm.remove());
    const root = join(scratchDirectory(), 's');
    const init = ['signer', 'init', '--state', root, '--key', hsm.uri('signing')];
    const made = await runWarder(init, { env: hsm.env });
    expect(made.code, made.stderr).toBe(0);
    const { text } = hsm.tool('--list-objects', '--type', 'privkey');
    expect(text.match(/sensitive, always sensitive, never extractable, local/g)).toHaveLength(2);
    await startSigner(root, hsm.env);

    // Its environment says nothing of the token.
    const home = await createTestHome({ init: false });
    onTestFinished(() => home.remove());
    const kept = new KeptFiles(home);
    onTestFinished(() => kept.remove());
    const echo = (): Promise<Finished> =>
      home.run(['--json', 'call', 'text_echo', '--args', '{"text":"x"}']);
    await home.ok(['init', '--key', `unix:${root}/signer.sock`]);
    await home.ok(['tool', 'add', sampleTool('text')]);
    expect((await echo()).code).toBe(0);
    await kept.expectLastProof();
    const shown = await home.ok<KeyShown>(['keys', 'show']);
    expect(shown.custody).toMatch(/^signer process .*: software token .*: made in it, not export/);
    expect(shown.proof).toMatchObject({
      copies: 'claimed',
      claims: { behind: 'pkcs11', local: true, alwaysSensitive: true, neverExtractable: true },
    });
    const { kid } = shown.jwk;
    expect(await kept.expectLease('first')).toMatchObject({ alg: 'ES256', kid });

    const { pid } = await home.ok(['status']);
    hsm.unplug();
    const refused = await kept.requestLease('never');
    expect(refused.code, refused.stderr).toBe(7);
    expect(refused.stderr).toMatch(/device or key of the signer process is gone\nhint: /);
    expect(existsSync(kept.path('never'))).toBe(false);
    const called = await echo();
    expect(called.code).toBe(7);
    const { receipt } = called.json<{ receipt: { id: string } }>();
    const [row] = await home.ok<object[]>(['receipts', 'list', '--last', '1']);
    expect(row).toMatchObject({ id: receipt.id, type: 'call', outcome: 'refused' });

    hsm.plug();
    for (let tries = 0; (await echo()).code !== 0 && tries < 20; tries += 1);
    expect(await kept.expectLease('again')).toMatchObject({ kid });
    await kept.expectLastProof();
    await home.ok(['receipts', 'verify']);
    expect(await home.ok(['status'])).toMatchObject({ pid });
  }, 120_000);
});
