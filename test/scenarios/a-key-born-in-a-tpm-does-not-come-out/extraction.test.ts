// Whoever has everything but the TPM, the auth value and the blob included, tries to get the private key out with
// tools of others. The TPM refuses each try.

import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createKey } from '../../../src/trust/signer/open-signer.ts';
import { describeHardware } from '../../support/hardware.ts';
import { startSwtpm, type Swtpm } from '../../support/swtpm.ts';

/** Offset of TPMA_OBJECT in a TPM2B_PUBLIC. */
const ATTRIBUTES_AT = 6;

describeHardware('a key born in a TPM', () => {
  let tpm: Swtpm;
  let value: string;
  const file = (name: string): string => join(tpm.directory, name);
  const tool = (line: string): string => {
    const { code, text } = tpm.tool(line);
    expect(code, text).toBe(0);
    return text;
  };
  const refused = (line: string): string => {
    const { code, text } = tpm.tool(line);
    expect(code).not.toBe(0);
    return text;
  };

  beforeAll(async () => {
    tpm = await startSwtpm();
    const home = { home: tpm.directory };
    await createKey(tpm.uri('blob=key.tpm', 'auth-source=auth'), home);
    await createKey(tpm.uri('handle=0x81010001', 'auth-source=auth'), home);
    value = `hex:${readFileSync(file('auth'), 'utf8').trim()}`;
    const blob = JSON.parse(readFileSync(file('key.tpm'), 'utf8')) as Record<string, string>;
    for (const half of ['public', 'private']) {
      writeFileSync(file(`key.${half}`), Buffer.from(blob[half] ?? '', 'hex'));
    }
  });
  afterAll(() => tpm.remove());

  /** tpm2-tools flush before each of them, so a key is loaded from a context that was saved. */
  const load = (name: string, area = 'key.public'): void => {
    tool(`tpm2_load -C 0x81000001 -u ${area} -r key.private -c ${name}`);
  };

  test('is not duplicated, with or without a policy for it', () => {
    load('key.ctx');
    tool('tpm2_startauthsession --policy-session -S s.ctx');
    tool('tpm2_policycommandcode -S s.ctx -L d TPM2_CC_Duplicate');
    for (const key of ['key.ctx', '0x81010001']) {
      const duplicate = `tpm2_duplicate -C null -c ${key} -G null -r out -s seed`;
      expect(refused(`${duplicate} -p session:s.ctx`)).toMatch(/a policy check failed/);
      expect(refused(`${duplicate} -p ${value}`)).toMatch(/handle is not correct for command/);
    }
  });

  test('is not read out: it is no secret for unsealing, and its parent decrypts nothing', () => {
    load('key.ctx');
    expect(refused(`tpm2_unseal -c key.ctx -p ${value}`)).toMatch(/tpm:/);
    expect(refused('tpm2_encryptdecrypt -d -c 0x81000001 -o out key.private')).toMatch(
      /tpm:|ERROR/,
    );
  });

  test('does not load with other attributes than it was made with', () => {
    const area = readFileSync(file('key.public'));
    // fixedTPM and fixedParent taken away, so that it could be duplicated.
    area.writeUInt32BE(area.readUInt32BE(ATTRIBUTES_AT) & ~0x12, ATTRIBUTES_AT);
    writeFileSync(file('freed.public'), area);
    expect(refused('tpm2_load -C 0x81000001 -u freed.public -r key.private -c freed.ctx')).toMatch(
      /integrity/i,
    );
  });

  test('does not load in another TPM', async () => {
    const other = await startSwtpm();
    try {
      await createKey(other.uri('blob=own.tpm'), { home: other.directory });
      for (const name of ['key.public', 'key.private']) {
        copyFileSync(file(name), join(other.directory, name));
      }
      const { code, text } = other.tool(
        'tpm2_load -C 0x81000001 -u key.public -r key.private -c k.ctx',
      );
      expect(code).not.toBe(0);
      expect(text).toMatch(/integrity/i);
    } finally {
      await other.remove();
    }
  });

  test('signs for nobody without the auth value', () => {
    writeFileSync(file('text'), 'x');
    const rest = '-c 0x81010001 -g sha256 -o signature text';
    expect(refused(`tpm2_sign ${rest}`)).toMatch(/authorization|auth/i);
    tool(`tpm2_sign -p ${value} ${rest}`);
  });
});
