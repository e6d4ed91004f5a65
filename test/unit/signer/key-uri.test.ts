import { describe, expect, it } from 'vitest';
import { formatKeyUri, parseKeyUri } from '../../../src/trust/signer/key-uri.ts';
import { createKey, openSigner } from '../../../src/trust/signer/open-signer.ts';

describe('key URIs', () => {
  it.each([
    'file:/home/me/keys/a.key?alg=ES256&passphrase-source=/home/me/pass',
    'file:keys/a%20b.key?alg=EdDSA&passphrase-source=env:WARDER_PASS',
    'file:a.key?alg=ES384&passphrase-source=./env:odd',
    'pkcs11:token=T%20x;object=L?module-path=/usr/lib/m.so&pin-source=/etc/pin&alg=ES256',
    'tpm2:handle=0x81010001?device=/dev/tpmrm0',
    'tpm2:blob=/etc/key.blob?socket=127.0.0.1:2321&auth-source=/etc/auth&pcrs=7,11',
    'unix:/run/warder/signer.sock',
    'https://signer.example/v1',
  ])('%s reads and writes back', (uri) => {
    expect(formatKeyUri(parseKeyUri(uri))).toBe(uri);
  });

  it('fills in what may be left out', () => {
    expect(parseKeyUri('file:keys/signing.key')).toEqual({
      scheme: 'file',
      path: 'keys/signing.key',
      alg: 'ES256',
      passphrase: { from: 'file', path: 'keys/signing.key.passphrase' },
    });
  });

  it.each([
    '',
    'keys/signing.key',
    'FILE:a',
    'file:',
    'file://a/b',
    'file:a?alg=RS256',
    'file:a?alg=__proto__',
    'file:a?alg=ES256&alg=ES256',
    'file:a?algo=ES256',
    'file:a?alg',
    'file:a?',
    'file:a?passphrase-source=',
    'file:a?passphrase-source=env:lower',
    'file:a?passphrase=secret',
    'file:a%zz',
    'file:a%00b',
    'file:a#b',
    'file:a b',
    'file:ä',
    `file:${'a'.repeat(5000)}`,
    'pkcs11:token=T',
    'pkcs11:token=T;object=L;object=M',
    'tpm2:handle=0x81010001;blob=x',
    'tpm2:handle=1',
    'tpm2:blob=x?device=/dev/tpm0&socket=127.0.0.1:1',
    'tpm2:blob=x?pcrs=99',
    'unix:',
    'https://user:pw@host/',
    'gopher:x',
  ])('%j is refused', (uri) => {
    expect(() => parseKeyUri(uri)).toThrow(expect.objectContaining({ code: 'usage' }));
  });

  it.each(['pkcs11:token=T;object=L?pin-value=1234', 'pkcs11:token=T;object=L;pin-value=1234'])(
    'a secret in the URI is refused and not repeated: %s',
    (uri) => {
      expect(() => parseKeyUri(uri)).toThrow(
        expect.objectContaining({
          code: 'usage',
          message: expect.not.stringContaining('1234') as string,
          hint: expect.stringContaining('pin-source') as string,
        }),
      );
    },
  );

  it.each([
    'pkcs11:token=T;object=L',
    'tpm2:handle=0x81010001',
    'unix:/run/s.sock',
    'https://signer.example/',
  ])('%s says that its back end is not in this build', async (uri) => {
    const scheme = uri.slice(0, uri.indexOf(':'));
    const missing = {
      code: 'unavailable',
      message: expect.stringContaining(`\`${scheme}:\``) as string,
    };
    await expect(openSigner(uri, { home: '/', roles: [] })).rejects.toMatchObject(missing);
    await expect(createKey(uri, { home: '/' })).rejects.toMatchObject(missing);
  });
});
