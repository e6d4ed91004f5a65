// Attacks on the key file and on its passphrase.

import { createPrivateKey } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sealKey } from '../../../src/trust/signer/file/key-file.ts';
import { createKey, openSigner } from '../../../src/trust/signer/open-signer.ts';
import { openMemorySigner } from '../../../src/trust/signer/memory/memory-signer.ts';
import { payloads } from '../../contracts/signer.ts';

interface KeyFile {
  format: string;
  publicKey: Record<string, unknown>;
  kdf: Record<string, unknown>;
  cipher: Record<string, unknown>;
  ciphertext: string;
}

const request = { kind: 'lease', payload: payloads.lease as Uint8Array } as const;
const uri = 'file:signing.key';
let pristine: string;
let passphrase: string;
let home: string;
let path: string;

beforeAll(async () => {
  const made = mkdtempSync(join(tmpdir(), 'warder-key-'));
  await createKey(uri, { home: made });
  pristine = readFileSync(join(made, 'signing.key'), 'utf8');
  passphrase = readFileSync(join(made, 'signing.key.passphrase'), 'utf8');
  rmSync(made, { recursive: true });
});
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'warder-key-'));
  path = join(home, 'signing.key');
  writeFileSync(path, pristine, { mode: 0o600 });
  writeFileSync(`${path}.passphrase`, passphrase, { mode: 0o600 });
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const open = () => openSigner(uri, { home, roles: ['lease'] });
const edit = (change: (file: KeyFile) => void): void => {
  const file = JSON.parse(pristine) as KeyFile;
  change(file);
  writeFileSync(path, JSON.stringify(file));
};
const misconfigured = { code: 'unavailable', data: { signer: 'misconfigured' } };
const auth = { code: 'unavailable', data: { signer: 'auth' } };

describe('making a key', () => {
  it('writes both files private, with nothing of the private key in the clear', async () => {
    const key = await createKey('file:other.key?alg=EdDSA', { home });
    for (const name of ['other.key', 'other.key.passphrase']) {
      const stats = statSync(join(home, name));
      expect([stats.mode & 0o777, stats.nlink]).toEqual([0o600, 1]);
    }
    expect(readdirSync(home).filter((name) => name.includes('.new-'))).toEqual([]);
    const file = JSON.parse(readFileSync(join(home, 'other.key'), 'utf8')) as KeyFile;
    expect(file.publicKey).toEqual(key);
    expect(file.kdf).toMatchObject({ name: 'scrypt', N: 131072, r: 8, p: 1 });
    const sealed = Buffer.from(file.ciphertext, 'base64url');
    expect(() => createPrivateKey({ key: sealed, format: 'der', type: 'pkcs8' })).toThrow();
  });

  it('never overwrites: not a file, not a link to one, not a dangling link', async () => {
    await expect(createKey(uri, { home })).rejects.toMatchObject({ code: 'conflict' });
    expect(readFileSync(path, 'utf8')).toBe(pristine);
    symlinkSync(join(home, 'nowhere'), join(home, 'dangling.key'));
    await expect(createKey('file:dangling.key', { home })).rejects.toMatchObject({
      code: 'conflict',
    });
    expect(existsSync(join(home, 'nowhere'))).toBe(false);
  });

  it('keeps a passphrase file that is there, and refuses an unsafe one', async () => {
    writeFileSync(join(home, 'mine'), 'correct horse', { mode: 0o600 });
    await createKey('file:a.key?passphrase-source=mine', { home });
    expect(readFileSync(join(home, 'mine'), 'utf8')).toBe('correct horse');
    chmodSync(join(home, 'mine'), 0o644);
    await expect(createKey('file:b.key?passphrase-source=mine', { home })).rejects.toMatchObject(
      misconfigured,
    );
    expect(existsSync(join(home, 'b.key'))).toBe(false);
  });

  it('takes a passphrase from the environment, and only by the named variable', async () => {
    const from = 'file:env.key?passphrase-source=env:WARDER_TEST_PASS';
    await createKey(from, { home, env: { WARDER_TEST_PASS: 'from the environment' } });
    await expect(openSigner(from, { home, env: {}, roles: [] })).rejects.toMatchObject(auth);
    const signer = await openSigner(from, {
      home,
      env: { WARDER_TEST_PASS: 'from the environment' },
      roles: ['lease'],
    });
    await signer.ready();
    expect(signer.custody.summary).toContain('environment');
    expect(existsSync(join(home, 'env.key.passphrase'))).toBe(false);
  });
});

describe('opening', () => {
  it('gives the public key before scrypt is done, and signs after', async () => {
    const signer = await open();
    let unlocked = false;
    const ready = signer.ready().then(() => (unlocked = true));
    expect(signer.key.kid).toBe((JSON.parse(pristine) as KeyFile).publicKey['kid']);
    await new Promise((resolve) => setImmediate(resolve));
    expect(unlocked).toBe(false);
    expect(await signer.sign(request)).toHaveLength(64);
    await ready;
    expect(signer.custody).toEqual({
      backend: 'file',
      summary: 'protected by file permissions only',
    });
  });

  it('refuses a key other than the pinned one', async () => {
    const other = openMemorySigner('ES256', { roles: [] }).key.kid;
    await expect(openSigner(uri, { home, roles: ['lease'], kid: other })).rejects.toMatchObject(
      misconfigured,
    );
  });

  it('refuses a key of another algorithm than the URI says', async () => {
    await expect(openSigner(`${uri}?alg=EdDSA`, { home, roles: ['lease'] })).rejects.toMatchObject(
      misconfigured,
    );
  });

  it('says what is missing', async () => {
    rmSync(path);
    await expect(open()).rejects.toMatchObject({
      code: 'unavailable',
      data: { signer: 'removed' },
    });
  });
});

describe.each(['signing.key', 'signing.key.passphrase'])('the file %s', (name) => {
  const file = () => join(home, name);

  it('is refused when it is a symbolic link', async () => {
    const real = join(home, 'real');
    writeFileSync(real, readFileSync(file()), { mode: 0o600 });
    rmSync(file());
    symlinkSync(real, file());
    await expect(open()).rejects.toMatchObject(misconfigured);
  });

  it.each([0o640, 0o604, 0o620, 0o602, 0o610, 0o666])('is refused with mode %o', async (mode) => {
    chmodSync(file(), mode);
    await expect(open()).rejects.toMatchObject(misconfigured);
  });

  it('is refused when it has a second name', async () => {
    linkSync(file(), join(home, 'second'));
    await expect(open()).rejects.toMatchObject(misconfigured);
  });

  it('is refused, without waiting, when it is a FIFO or a directory', async () => {
    rmSync(file());
    execFileSync('mkfifo', ['-m', '600', file()]);
    await expect(open()).rejects.toMatchObject(misconfigured);
    rmSync(file());
    mkdirSync(file(), { mode: 0o700 });
    await expect(open()).rejects.toMatchObject(misconfigured);
  });

  it('is refused when it is huge', async () => {
    writeFileSync(file(), Buffer.alloc(10_000_000, 0x61));
    await expect(open()).rejects.toMatchObject(misconfigured);
  });

  it('is refused when it belongs to another user', async () => {
    // Only root can give a file away; others cannot be attacked this way by themselves.
    if (process.getuid?.() === 0) {
      chownSync(file(), 12345, 12345);
      await expect(open()).rejects.toMatchObject(misconfigured);
    }
  });
});

describe('a changed key file', () => {
  it.each<[string, (file: KeyFile) => void]>([
    ['N below the bound', (file) => (file.kdf['N'] = 2 ** 16)],
    ['N far above the bound', (file) => (file.kdf['N'] = 2 ** 30)],
    ['N no power of two', (file) => (file.kdf['N'] = 2 ** 17 + 2)],
    ['N as text', (file) => (file.kdf['N'] = '131072')],
    ['a large r', (file) => (file.kdf['r'] = 1024)],
    ['a small r', (file) => (file.kdf['r'] = 1)],
    ['a large p', (file) => (file.kdf['p'] = 1_000_000)],
    ['another KDF', (file) => (file.kdf['name'] = 'pbkdf2')],
    ['a short salt', (file) => (file.kdf['salt'] = 'AAAA')],
    ['a padded salt', (file) => (file.kdf['salt'] = `${String(file.kdf['salt'])}==`)],
    ['another cipher', (file) => (file.cipher['name'] = 'none')],
    ['a long iv', (file) => (file.cipher['iv'] = 'A'.repeat(64))],
    ['an unknown member', (file) => Object.assign(file, { note: 'x' })],
    ['a member missing', (file) => Reflect.deleteProperty(file, 'kdf')],
    ['another format', (file) => (file.format = 'warder-key-file/2')],
    ['a private member in the public key', (file) => (file.publicKey['d'] = 'AAAA')],
    ['a kid that is not the thumbprint', (file) => (file.publicKey['kid'] = 'x')],
    ['an algorithm that is not the key’s', (file) => (file.publicKey['alg'] = 'ES384')],
    ['no ciphertext', (file) => (file.ciphertext = '')],
  ])('%s: refused before anything is derived', async (_what, change) => {
    edit(change);
    await expect(open()).rejects.toMatchObject(misconfigured);
  });

  it.each([0, 1, 100, 400])('cut to %i bytes: refused', async (length) => {
    writeFileSync(path, pristine.slice(0, length));
    await expect(open()).rejects.toMatchObject(misconfigured);
  });

  it('a repeated member: refused', async () => {
    writeFileSync(
      path,
      pristine.replace('"ciphertext"', '"format": "warder-key-file/1", "ciphertext"'),
    );
    await expect(open()).rejects.toMatchObject(misconfigured);
  });

  const flip = (text: unknown): string => {
    const bytes = Buffer.from(String(text), 'base64url');
    bytes[3] = (bytes[3] ?? 0) ^ 1;
    return bytes.toString('base64url');
  };
  it.each<[string, (file: KeyFile) => void]>([
    [
      'another public key',
      (file) => {
        file.publicKey = { ...openMemorySigner('ES256', { roles: [] }).key };
      },
    ],
    ['another salt', (file) => (file.kdf['salt'] = flip(file.kdf['salt']))],
    ['a dearer N within bounds', (file) => (file.kdf['N'] = 2 ** 18)],
    ['another iv', (file) => (file.cipher['iv'] = flip(file.cipher['iv']))],
    ['another ciphertext', (file) => (file.ciphertext = flip(file.ciphertext))],
  ])('%s: does not unlock', async (_what, change) => {
    edit(change);
    const signer = await open();
    await expect(signer.sign(request)).rejects.toMatchObject(auth);
  });

  it('sealed anew with another public key by someone who knows the passphrase: does not sign', async () => {
    const victim = openMemorySigner('ES256', { roles: [] }).key;
    const attacker = await import('node:crypto').then(({ generateKeyPairSync }) =>
      generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    );
    const pkcs8 = attacker.privateKey.export({ format: 'der', type: 'pkcs8' });
    writeFileSync(path, await sealKey(victim, pkcs8, Buffer.from(passphrase.trim())));
    const signer = await open();
    await expect(signer.sign(request)).rejects.toMatchObject(misconfigured);
  });
});

describe('a wrong passphrase', () => {
  it('is tried once, answers every caller alike, and kills nothing', async () => {
    writeFileSync(`${path}.passphrase`, 'wrong\n');
    const signer = await open();
    await expect(signer.sign(request)).rejects.toMatchObject(auth);
    // The right one appearing later changes nothing for this signer: it does not look again.
    writeFileSync(`${path}.passphrase`, passphrase);
    await expect(signer.sign(request)).rejects.toMatchObject(auth);
    await expect(signer.ready()).rejects.toMatchObject(auth);
    await signer.close();
    await (await open()).ready();
  });

  it('never shows in an error', async () => {
    writeFileSync(`${path}.passphrase`, 'a-wrong-secret');
    const error: unknown = await (await open()).ready().catch((thrown: unknown) => thrown);
    expect(JSON.stringify(error) + String((error as Error).stack)).not.toContain('a-wrong-secret');
  });

  it('an empty one is refused', async () => {
    writeFileSync(`${path}.passphrase`, '\n');
    await expect(open()).rejects.toMatchObject(auth);
  });
});
