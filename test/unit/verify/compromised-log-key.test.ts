import { generateKeyPairSync, sign } from 'node:crypto';
import { expect, test } from 'vitest';
import { encodeUtf8 } from '../../../src/base/encoding/utf8.ts';
import { sha256 } from '../../../src/base/encoding/sha256.ts';
import { openMemorySigner } from '../../../src/trust/signer/memory/memory-signer.ts';
import { formatHead, verifyCheckpoint } from '../../../src/trust/verify/checkpoint.ts';
import { loadKeys, type TrustedKeys } from '../../../src/trust/verify/keys.ts';
import { formatNote, noteSignature } from '../../../src/trust/verify/note.ts';
import { formatWitnessVkey, loadWitnesses } from '../../../src/trust/verify/witness-key.ts';

const origin = 'warder.invalid/log/0123456789abcdef';
const at = 1_790_000_000;
const text = formatHead({ origin, size: 3, root: new Uint8Array(32) });
const refused = { code: 'not-trusted', message: expect.stringContaining('compromised') as string };

const admitters = [{ kind: 'checkpoint', admit: () => undefined }] as const;
const log = openMemorySigner('EdDSA', { roles: ['checkpoint'], admitters });
const signing = openMemorySigner('ES256', { roles: ['checkpoint'], admitters });

function keys(heads: object): Promise<TrustedKeys> {
  const named = { warder_roles: ['checkpoint'], warder_origin: origin };
  const jwks = {
    keys: [
      { ...log.key, ...named, warder_heads: heads },
      { ...signing.key, ...named },
    ],
  };
  return loadKeys([JSON.stringify(jwks)]);
}

async function note(trusted: TrustedKeys): Promise<string> {
  const signatures = [];
  for (const signer of [log, signing]) {
    const raw = trusted.find(({ kid }) => kid === signer.key.kid)?.raw;
    if (raw === undefined) throw new TypeError('no key');
    const signature = await signer.sign({ kind: 'checkpoint', payload: encodeUtf8(text) });
    signatures.push(noteSignature(origin, raw, signature));
  }
  return formatNote({ text, signatures });
}

/** A witness that saw the head at a time. */
function witness(time: number): { vkey: string; line: string } {
  const name = 'witness.example/w1';
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const raw = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url');
  const id = sha256(Buffer.from(`${name}\n`), Uint8Array.of(4), raw).subarray(0, 4);
  const stamp = Buffer.alloc(8);
  stamp.writeBigUInt64BE(BigInt(time));
  const signature = sign(null, Buffer.from(`cosignature/v1\ntime ${time}\n${text}`), privateKey);
  const bytes = Buffer.concat([id, stamp, signature]).toString('base64');
  return { vkey: formatWitnessVkey({ name, publicKey: raw }), line: `— ${name} ${bytes}\n` };
}

test('under a compromised key a head counts that a witness saw before, and no other', async () => {
  const trusted = await keys({ from: 0, to: 5, cosignedBefore: at });
  const signed = await note(trusted);
  await expect(verifyCheckpoint(signed, trusted)).rejects.toMatchObject(refused);
  for (const [time, counts] of [
    [at - 1, true],
    [at, true],
    [at + 1, false],
  ] as const) {
    const { vkey, line } = witness(time);
    const checked = verifyCheckpoint(signed + line, trusted, {
      witnesses: await loadWitnesses([vkey]),
    });
    if (counts) await expect(checked).resolves.toMatchObject({ size: 3 });
    else await expect(checked).rejects.toMatchObject(refused);
  }
  // A line of nobody who was given says nothing.
  await expect(verifyCheckpoint(signed + witness(at).line, trusted)).rejects.toMatchObject(refused);
});

test('where any key suffices the other one does, and the compromised one alone does not', async () => {
  const trusted = await keys({ from: 0, to: 5, cosignedBefore: at });
  const signed = await note(trusted);
  await verifyCheckpoint(signed, trusted, { require: 'any' });
  const alone = trusted.filter(({ kid }) => kid === log.key.kid);
  await expect(verifyCheckpoint(signed, alone, { require: 'any' })).rejects.toMatchObject(refused);
});

test('of two files about one key the stricter counts; a misspelt bound is no bound', async () => {
  const strict = { from: 0, to: 5, cosignedBefore: at };
  const jwk = (heads: object): string =>
    JSON.stringify({ ...log.key, warder_roles: ['checkpoint'], warder_heads: heads });
  const [key] = await loadKeys([jwk({ from: 0 }), jwk(strict)]);
  expect(key?.heads).toEqual(strict);
  for (const heads of [
    { from: 0, cosigned: at },
    { from: 0, cosignedBefore: '1' },
  ]) {
    await expect(loadKeys([jwk(heads)])).rejects.toMatchObject({ code: 'malformed' });
  }
});
