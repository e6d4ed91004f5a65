// A home is first served while its token is out. Somebody puts in a token with other keys under the pinned labels:
// nothing is signed with those, and with the pinned ones the same daemon goes on at once.

import { cpSync, mkdirSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { createKey, openSigner } from '../../../src/trust/signer/open-signer.ts';
import { holds, sign } from '../../support/device-signer.ts';
import { describeHardware } from '../../support/hardware.ts';
import { rotatingHome } from '../../support/rotating-home.ts';
import { createSoftHsm } from '../../support/softhsm.ts';

const refused = (signer: string): object => ({
  code: 'unavailable',
  data: expect.objectContaining({ signer }) as object,
});

describeHardware('a token that comes late', () => {
  test('with other keys under the labels nothing is signed, with the pinned ones it goes on', async () => {
    const hsm = createSoftHsm();
    onTestFinished(() => hsm.remove());
    vi.stubEnv('SOFTHSM2_CONF', hsm.env.SOFTHSM2_CONF);
    const tokens = join(hsm.directory, 'tokens');
    // Label and PIN are the same, and there are no keys in it yet.
    const twin = join(hsm.directory, 'twin');
    cpSync(tokens, twin, { recursive: true });
    const home = await rotatingHome(hsm.uri('signing'));
    hsm.unplug();

    const notes: string[] = [];
    const daemon = await home.open({ note: (line) => notes.push(line) });
    const head = (): Promise<unknown> => daemon.receipts.checkpointer.current();
    await expect(daemon.issue()).rejects.toMatchObject(refused('removed'));
    await expect(head()).rejects.toMatchObject({ code: 'unavailable' });
    expect(notes).toEqual([
      expect.stringMatching(
        /^log key .*: there is no token .*checkpoints wait; .*`warder doctor`$/,
      ),
      expect.stringMatching(/^signing key .*: there is no token .*new leases are refused, and /),
    ]);

    move(twin, tokens);
    await createKey(hsm.uri('signing'), hsm.access);
    await createKey(hsm.uri('signing-log', 'EdDSA'), hsm.access);
    // Whoever opens what is under the label gets signatures now, of a key nobody pinned.
    const other = await openSigner(hsm.uri('signing'), { ...hsm.access, roles: ['lease'] });
    expect(holds(other, await sign(other))).toBe(true);
    await other.close();
    await vi.waitFor(
      () => expect(daemon.issue()).rejects.toMatchObject(refused('misconfigured')),
      WAIT,
    );
    await expect(head()).rejects.toMatchObject({ code: 'unavailable' });
    expect(notes.join()).toMatch(/signing key \S+: the key is `\S+`, not the pinned one /);

    move(tokens, twin);
    hsm.plug();
    const lease = await vi.waitFor(() => daemon.issue(), WAIT);
    await daemon.take(lease);
    await vi.waitFor(head, WAIT);
    expect((await daemon.receipts.audit()).size).toBe(daemon.gate.log.size);
    expect(notes.slice(-2).map((line) => line.replace(/ key .*:/, ':'))).toEqual([
      'signing: signs again',
      'log: signs again',
    ]);

    // At its start it is an operator who has to mend that.
    hsm.unplug();
    move(twin, tokens);
    await expect(home.open({ note: () => {} })).rejects.toMatchObject(refused('misconfigured'));
  });
});

/** A failure stands for half a second. */
const WAIT = { timeout: 10_000, interval: 100 };

function move(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  for (const name of readdirSync(from)) renameSync(join(from, name), join(to, name));
}
