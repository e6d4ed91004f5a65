// Programs that are not ours judge what warder makes in a TPM, and warder uses what they make.

import { execFileSync } from 'node:child_process';
import { createPublicKey } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createKey, openSigner } from '../../../src/trust/signer/open-signer.ts';
import type { PublicJwk } from '../../../src/trust/signer/signer.ts';
import { formatDerSignature } from '../../../src/trust/verify/der-signature.ts';
import { payloads } from '../../contracts/signer.ts';
import { describeHardware } from '../../support/hardware.ts';
import { startSwtpm, type Swtpm } from '../../support/swtpm.ts';

const payload = payloads.lease as Uint8Array;
const ATTRIBUTES = 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|sign';

describeHardware('tpm2-tools and openssl', () => {
  let tpm: Swtpm;
  const file = (name: string): string => join(tpm.directory, name);
  const write = (name: string, content: Uint8Array | string): string => {
    writeFileSync(file(name), content, { mode: 0o600 });
    return file(name);
  };
  const tool = (line: string): string => {
    const { code, text } = tpm.tool(line);
    expect(code, text).toBe(0);
    return text;
  };
  const signed = async (uri: string): Promise<{ key: PublicJwk; signature: Uint8Array }> => {
    const signer = await openSigner(uri, { home: tpm.directory, roles: ['lease'] });
    const signature = await signer.sign({ kind: 'lease', payload });
    await signer.close();
    return { key: signer.key, signature };
  };
  /** The public key as openssl reads it. */
  const pemOf = (key: PublicJwk): string => {
    const object = createPublicKey({ key: { ...key }, format: 'jwk' });
    return write('key.pem', object.export({ format: 'pem', type: 'spki' }));
  };
  const der = (signature: Uint8Array): string => write('signature', formatDerSignature(signature));

  beforeAll(async () => {
    tpm = await startSwtpm();
    write('payload', payload);
  });
  afterAll(() => tpm.remove());

  test.each(['ES256', 'ES384'] as const)(
    'read a key warder made and verify its signature: %s',
    async (alg) => {
      const handle = alg === 'ES256' ? '0x81010001' : '0x81010002';
      const uri = tpm.uri(`handle=${handle}`, `auth-source=auth&alg=${alg}`);
      await createKey(uri, { home: tpm.directory });
      const { key, signature } = await signed(uri);
      const read = tool(`tpm2_readpublic -c ${handle} -f pem -o read.pem`);
      expect(read).toContain(`value: ${ATTRIBUTES}`);
      expect(createPublicKey(readFileSync(file('read.pem'))).export({ format: 'jwk' })).toEqual({
        kty: 'EC',
        crv: key.crv,
        x: key.x,
        y: key.y,
      });
      const hash = alg === 'ES256' ? 'sha256' : 'sha384';
      der(signature);
      tool(`tpm2_verifysignature -c ${handle} -g ${hash} -m payload -s signature -f ecdsa`);
      const words = ['dgst', `-${hash}`, '-verify', pemOf(key), '-signature', file('signature')];
      expect(execFileSync('openssl', [...words, file('payload')], { encoding: 'utf8' })).toBe(
        'Verified OK\n',
      );
    },
  );

  test('load a blob warder made and sign with it, by its auth value', async () => {
    const key = await createKey(tpm.uri('blob=key.tpm'), { home: tpm.directory });
    const blob = JSON.parse(readFileSync(file('key.tpm'), 'utf8')) as Record<string, string>;
    write('public', Buffer.from(blob['public'] ?? '', 'hex'));
    write('private', Buffer.from(blob['private'] ?? '', 'hex'));
    tool('tpm2_load -C 0x81000001 -u public -r private -c key.ctx');
    const auth = `hex:${readFileSync(file('key.tpm.auth'), 'utf8').trim()}`;
    tool(`tpm2_sign -c key.ctx -p ${auth} -g sha256 -o theirs payload -f plain`);
    const words = ['dgst', '-sha256', '-verify', pemOf(key), '-signature', file('theirs')];
    expect(execFileSync('openssl', [...words, file('payload')], { encoding: 'utf8' })).toBe(
      'Verified OK\n',
    );
  });

  test('compute the policy of a key bound to registers, as warder does', async () => {
    const uri = tpm.uri('handle=0x81010003', 'pcrs=7,11&auth-source=auth');
    await createKey(uri, { home: tpm.directory });
    tool('tpm2_startauthsession -S s.ctx');
    tool('tpm2_policypcr -S s.ctx -l sha256:7,11');
    tool('tpm2_policyauthvalue -S s.ctx -L policy');
    const read = tool('tpm2_readpublic -c 0x81010003');
    expect(read).toContain(`authorization policy: ${readFileSync(file('policy')).toString('hex')}`);
    expect(read).not.toMatch(/value: .*userwithauth/);
    const { key, signature } = await signed(uri);
    der(signature);
    const words = ['dgst', '-sha256', '-verify', pemOf(key), '-signature', file('signature')];
    expect(execFileSync('openssl', [...words, file('payload')], { encoding: 'utf8' })).toBe(
      'Verified OK\n',
    );
  });

  test('make a key that warder signs with', async () => {
    write('theirs.auth', '00112233445566778899aabbccddeeff\n');
    tool(
      `tpm2_create -C 0x81000001 -G ecc256:ecdsa-sha256 -u u -r r -a ${ATTRIBUTES} -p hex:00112233445566778899aabbccddeeff`,
    );
    tool('tpm2_load -C 0x81000001 -u u -r r -c k.ctx');
    tool('tpm2_evictcontrol -c k.ctx 0x81010004');
    const { signature } = await signed(tpm.uri('handle=0x81010004', 'auth-source=theirs.auth'));
    der(signature);
    tool('tpm2_verifysignature -c 0x81010004 -g sha256 -m payload -s signature -f ecdsa');
  });
});
