// Which keys of a token are used: those that were made in it and never leave it. Looked at with programs that are
// not ours.

import { execFileSync, spawnSync } from 'node:child_process';
import { createPublicKey } from 'node:crypto';
import { chmodSync, copyFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createKey, type OpenedSigner, openSigner } from '../../../src/trust/signer/open-signer.ts';
import type { Algorithm } from '../../../src/trust/signer/signer.ts';
import { formatDerSignature } from '../../../src/trust/verify/der-signature.ts';
import { payloads } from '../../contracts/signer.ts';
import { describeHardware } from '../../support/hardware.ts';
import { createSoftHsm, type SoftHsm } from '../../support/softhsm.ts';

const algorithms: readonly Algorithm[] = ['ES256', 'ES384', 'EdDSA'];
const extract = resolve(import.meta.dirname, '../../fixtures/pkcs11/extract.mjs');

describeHardware('keys of a token', () => {
  let hsm: SoftHsm;
  /** Keeps the process with the module. */
  let keeper: OpenedSigner;
  const opened: OpenedSigner[] = [];

  beforeAll(async () => {
    hsm = createSoftHsm();
    await createKey(hsm.uri('ES256'), hsm.access);
    keeper = await openSigner(hsm.uri('ES256'), { roles: [], ...hsm.access });
    for (const alg of ['ES384', 'EdDSA'] as const) await createKey(hsm.uri(alg, alg), hsm.access);
  });
  afterAll(async () => {
    await Promise.all([keeper, ...opened].map((signer) => signer.close()));
    hsm.remove();
  });

  const open = async (uri: string, modules = hsm.access.modules): Promise<OpenedSigner> => {
    const access = { ...hsm.access, ...(modules === undefined ? {} : { modules }) };
    const signer = await openSigner(uri, { roles: ['lease'], ...access });
    opened.push(signer);
    return signer;
  };

  describe.each(algorithms)('%s', (alg) => {
    it('does not come out, whatever is tried with the PIN', () => {
      const args = [extract, hsm.module, hsm.label, hsm.pin, alg];
      const tried = execFileSync(process.execPath, args, { env: hsm.env, encoding: 'utf8' });
      expect(JSON.parse(tried)).toEqual({
        read: 'CKR_ATTRIBUTE_SENSITIVE',
        wrap: 'CKR_KEY_UNEXTRACTABLE',
        wrapPadded: 'CKR_KEY_UNEXTRACTABLE',
        makeExtractable: 'CKR_ATTRIBUTE_READ_ONLY',
        makeReadable: 'CKR_ATTRIBUTE_READ_ONLY',
        copyExtractable: 'CKR_ATTRIBUTE_READ_ONLY',
        copyReadable: 'CKR_ATTRIBUTE_READ_ONLY',
      });
      const read = hsm.tool('--read-object', '--type', 'privkey', '--label', alg);
      expect(read.text).toMatch(/sorry, reading private keys not \(yet\) supported|error/i);
    });

    it('is shown by pkcs11-tool as made there, sensitive, never extractable, for signing only', () => {
      const { text } = hsm.tool('--list-objects', '--type', 'privkey');
      const mine = text.split('Private Key Object').find((each) => each.includes(` ${alg}\n`));
      expect(mine).toMatch(/Usage: +sign\n/);
      expect(mine).toMatch(/Access: +sensitive, always sensitive, never extractable, local/);
    });

    it('makes signatures that openssl verifies', async () => {
      const signer = await open(hsm.uri(alg, alg));
      const payload = payloads.lease as Uint8Array;
      const raw = await signer.sign({ kind: 'lease', payload });
      const file = (name: string): string => join(hsm.directory, `${alg}-${name}`);
      const key = createPublicKey({ key: { ...signer.key }, format: 'jwk' });
      writeFileSync(file('pem'), key.export({ format: 'pem', type: 'spki' }));
      writeFileSync(file('payload'), payload);
      writeFileSync(file('signature'), alg === 'EdDSA' ? raw : formatDerSignature(raw));
      const hash = { ES256: ['-digest', 'sha256'], ES384: ['-digest', 'sha384'], EdDSA: [] }[alg];
      const words = ['pkeyutl', '-verify', '-pubin', '-inkey', file('pem'), '-rawin', ...hash];
      const ran = spawnSync(
        'openssl',
        [...words, '-in', file('payload'), '-sigfile', file('signature')],
        { encoding: 'utf8' },
      );
      expect(ran.stdout).toContain('Signature Verified Successfully');
    });
  });

  it('says what it is worth', () => {
    expect(keeper.custody.summary).toMatch(
      /^software token \(SoftHSM project SoftHSM v2, serial [0-9a-f]{16}\): made in it, not exportable$/,
    );
    expect(keeper.custody.claims).toMatchObject({
      local: true,
      alwaysSensitive: true,
      neverExtractable: true,
    });
  });

  it('never makes a key over another', async () => {
    await expect(createKey(hsm.uri('ES256'), hsm.access)).rejects.toMatchObject({
      code: 'conflict',
    });
  });

  it('refuses two keys with one label, and names both CKA_IDs', async () => {
    for (const id of ['a1', 'a2']) {
      const args = ['--keypairgen', '--key-type', 'EC:prime256v1', '--label', 'two', '--id', id];
      expect(hsm.tool(...args).code).toBe(0);
    }
    await expect(open(hsm.uri('two'))).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(
        /2 keys .* are called `two`; their CKA_IDs are `(a1`, `a2|a2`, `a1)`/,
      ) as string,
      data: { signer: 'misconfigured' },
    });
  });

  it('refuses two keys with one CKA_ID, since it could sign with either', async () => {
    for (const label of ['one', 'same']) {
      hsm.tool('--keypairgen', '--key-type', 'EC:prime256v1', '--label', label, '--id', 'b1');
    }
    await expect(open(hsm.uri('one'))).rejects.toMatchObject({
      message: expect.stringContaining('several private keys with CKA_ID `b1`') as string,
    });
  });

  it('refuses a key that was brought in, and one that may leave', async () => {
    const pem = join(hsm.directory, 'imported.pem');
    execFileSync('openssl', ['ecparam', '-genkey', '-name', 'prime256v1', '-noout', '-out', pem], {
      stdio: 'ignore',
    });
    execFileSync('openssl', ['pkcs8', '-topk8', '-nocrypt', '-in', pem, '-out', `${pem}8`]);
    const into = ['--token', hsm.label, '--pin', hsm.pin, '--label', 'imported', '--id', 'c1'];
    execFileSync('softhsm2-util', ['--import', `${pem}8`, ...into], { env: hsm.env });
    await expect(open(hsm.uri('imported'))).rejects.toMatchObject({
      message: expect.stringContaining('was not made in it') as string,
      data: { signer: 'misconfigured' },
    });
    const made = ['--keypairgen', '--key-type', 'EC:prime256v1', '--label', 'loose', '--id', 'c2'];
    hsm.tool(...made, '--extractable');
    await expect(open(hsm.uri('loose'))).rejects.toMatchObject({
      message: expect.stringMatching(/can leave it|readable/) as string,
    });
  });

  it('refuses a key of another algorithm, and one that is not there', async () => {
    await expect(open(hsm.uri('ES384', 'ES256'))).rejects.toThrow('is no ES256 key');
    await expect(open(hsm.uri('EdDSA', 'ES256'))).rejects.toThrow('is no ES256 key');
    await expect(open(hsm.uri('nobody'))).rejects.toMatchObject({
      message: 'the token `warder-test` has no key `nobody`',
      data: { signer: 'removed' },
    });
  });

  it('loads only modules that the operator named and nobody else could have written', async () => {
    const copy = join(hsm.directory, 'copy.so');
    copyFileSync(hsm.module, copy);
    const uri = (module: string): string => hsm.uri('ES256').replace(hsm.module, module);
    await expect(open(uri(copy))).rejects.toThrow(/config names no PKCS#11 module/);
    await expect(open(uri('libsofthsm2.so'), ['libsofthsm2.so'])).rejects.toThrow(
      /config names no/,
    );
    await expect(open(uri('/nonexistent.so'), ['/nonexistent.so'])).rejects.toThrow(/there is no/);
    chmodSync(copy, 0o666);
    const link = join(hsm.directory, 'link.so');
    symlinkSync(copy, link);
    for (const path of [copy, link]) {
      await expect(open(uri(path), [path])).rejects.toThrow(/others could have written/);
    }
    writeFileSync(copy, 'no library');
    chmodSync(copy, 0o600);
    await expect(open(uri(copy), [copy])).rejects.toThrow(/does not load as a PKCS#11 module/);
  });
});
