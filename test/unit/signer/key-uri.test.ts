import { describe, expect, it } from 'vitest';
import { formatKeyUri, parseKeyUri } from '../../../src/trust/signer/key-uri.ts';
import { createKey } from '../../../src/trust/signer/open-signer.ts';

describe('key URIs', () => {
  it.each([
    'file:/home/me/keys/a.key?alg=ES256&passphrase-source=/home/me/pass',
    'file:keys/a%20b.key?alg=EdDSA&passphrase-source=env:WARDER_PASS',
    'file:a.key?alg=ES384&passphrase-source=./env:odd',
    'pkcs11:token=T%20x;object=L?module-path=/usr/lib/m.so&pin-source=/etc/pin&alg=ES256',
    'tpm2:handle=0x81010001?device=/dev/tpmrm0&auth-source=/etc/auth&alg=ES384',
    'tpm2:blob=/etc/key.blob?socket=127.0.0.1:2321&auth-source=/etc/auth&pcrs=7,11&alg=ES256',
    'tpm2:blob=/etc/key.blob?socket=/run/tpm&pcrs=7&alg=ES256',
    'unix:/run/warder/signer.sock',
    'https://signer.example:8443?ca=/etc/warder/ca.pem&cert=tls/daemon.pem&key=tls/daemon.key',
    'https://[::1]:8443?ca=a&cert=b&key=c',
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
    expect(formatKeyUri(parseKeyUri('tpm2:handle=0x81010001'))).toBe(
      'tpm2:handle=0x81010001?device=/dev/tpmrm0&auth-source=keys/tpm2-81010001.auth&alg=ES256',
    );
    expect(formatKeyUri(parseKeyUri('tpm2:blob=k?pcrs=11,7'))).toBe(
      'tpm2:blob=k?device=/dev/tpmrm0&pcrs=7,11&alg=ES256',
    );
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
    'tpm2:blob=x?pcrs=7,',
    'tpm2:blob=x?pcrs=7,7',
    'tpm2:blob=x?alg=EdDSA',
    'tpm2:blob=x?socket=nowhere',
    'tpm2:blob=x?socket=192.0.2.1:2321',
    'tpm2:blob=x?socket=127.0.0.1:0',
    'tpm2:blob=x?device=/dev/sda',
    'tpm2:blob=x?device=/dev/tpm/../watchdog',
    'unix:',
    'https://user:pw@host:1?ca=a&cert=b&key=c',
    'https://host?ca=a&cert=b&key=c',
    'https://host:0?ca=a&cert=b&key=c',
    'https://host:70000?ca=a&cert=b&key=c',
    'https://host:1/path?ca=a&cert=b&key=c',
    'https://host:1?ca=a&cert=b',
    'https://host:1?ca=a&cert=b&key=c&insecure=1',
    'https://host:1?ca=a&cert=b&key=',
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
    'unix:/nonexistent/s.sock',
    'https://signer.example:8443?ca=/nonexistent/a&cert=b&key=c',
  ])('%s names a signer process, which makes its keys itself', async (uri) => {
    await expect(createKey(uri, { home: '/' })).rejects.toMatchObject({
      code: 'usage',
      hint: expect.stringContaining('warder signer init') as string,
    });
  });
});
