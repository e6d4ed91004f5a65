// What a key states of itself: signed by nobody else, about nobody else, and taken for nothing else.

import { describe, expect, it } from 'vitest';
import { encodeBase64url } from '../../../src/base/encoding/base64url.ts';
import { canonicalBytes } from '../../../src/base/encoding/jcs.ts';
import type { JsonObject } from '../../../src/base/encoding/json.ts';
import { encodeUtf8 } from '../../../src/base/encoding/utf8.ts';
import { formatEvidence, parseEvidence } from '../../../src/trust/attest/evidence.ts';
import { makeEvidence } from '../../../src/trust/attest/make-evidence.ts';
import {
  possessionAdmitter,
  statePossession,
  verifyPossession,
} from '../../../src/trust/attest/possession.ts';
import { verdict, verifyEvidence } from '../../../src/trust/attest/verify-evidence.ts';
import { checkedSigner, type OpenedSigner } from '../../../src/trust/signer/checked-signer.ts';
import { memoryKey, openMemorySigner } from '../../../src/trust/signer/memory/memory-signer.ts';
import type { Algorithm, PublicJwk, Signer } from '../../../src/trust/signer/signer.ts';
import { formatHead } from '../../../src/trust/verify/checkpoint.ts';
import { loadKeys } from '../../../src/trust/verify/keys.ts';
import { formatNote, noteSignature } from '../../../src/trust/verify/note.ts';

const origin = 'warder.invalid/log/0123456789abcdef';
const nonce = '00112233445566778899aabbccddeeff';
const now = 1_790_000_000_000;
const kinds = ['attest', 'lease', 'checkpoint', 'revocations', 'dsse', 'probe'] as const;

const careful = (alg: Algorithm): OpenedSigner =>
  openMemorySigner(alg, {
    roles: ['attest', 'checkpoint'],
    admitters: [possessionAdmitter(origin)],
  });

const payload = (header: JsonObject, claims: JsonObject): Uint8Array =>
  encodeUtf8(
    `${encodeBase64url(canonicalBytes(header))}.${encodeBase64url(canonicalBytes(claims))}`,
  );
const headerOf = ({ alg, kid }: PublicJwk) => ({ alg, kid, typ: 'attestation+jwt' });
const claims = { iss: origin, iat: 1, nonce, custody: { backend: 'file', summary: 'a file' } };

describe.each(['ES256', 'ES384', 'EdDSA'] as const)('a statement by %s', (alg) => {
  it('is read back by who has the key', async () => {
    const device = memoryKey(alg);
    const told = { local: true, token: 'software', tries: 3 };
    const custody = { backend: 'pkcs11', summary: 'in a token', claims: told } as const;
    const signer = checkedSigner({ ...device, custody }, { roles: ['attest'] });
    const statement = await statePossession(signer, origin, { nonce }, 7);
    const said = await verifyPossession(statement, signer.key);
    expect(said).toEqual({ iss: origin, iat: 7, binding: { nonce }, custody });
    await expect(verifyPossession(statement, memoryKey(alg).key)).rejects.toMatchObject({
      code: 'verification-failed',
    });
  });

  it('is not read out of something else that the key signed', async () => {
    const device = memoryKey(alg);
    for (const typ of ['lease+jwt', 'dsse']) {
      const input = payload({ ...headerOf(device.key), typ }, claims);
      const signature = await device.sign(input, { kind: 'lease', payload: input });
      const token = `${Buffer.from(input).toString()}.${encodeBase64url(signature)}`;
      await expect(verifyPossession(token, device.key)).rejects.toMatchObject({
        code: 'verification-failed',
      });
    }
  });

  it('is of no other kind, whatever is asked of the signer', async () => {
    const signer = openMemorySigner(alg, { roles: kinds });
    const good = payload(headerOf(signer.key), claims);
    await signer.sign({ kind: 'attest', payload: good });
    for (const kind of kinds.filter((each) => each !== 'attest')) {
      await expect(signer.sign({ kind, payload: good })).rejects.toMatchObject({
        code: 'not-trusted',
      });
    }
  });

  it('is signed for this daemon, about this key and in this form alone', async () => {
    const signer = careful(alg);
    const header = headerOf(signer.key);
    await signer.sign({ kind: 'attest', payload: payload(header, claims) });
    const { nonce: _, ...unbound } = claims;
    const wrong: [JsonObject, JsonObject][] = [
      [header, { ...claims, iss: 'warder.invalid/log/ffffffffffffffff' }],
      [{ ...header, kid: 'A'.repeat(43) }, claims],
      [{ ...header, typ: 'lease+jwt' }, claims],
      [{ ...header, more: 1 }, claims],
      [header, { ...claims, sub: 'agent:x' }],
      [header, { ...claims, nonce: '00' }],
      [header, { ...claims, checkpoint: 'a'.repeat(64) }],
      [header, unbound],
      [header, { ...claims, iat: -1 }],
      [header, { ...claims, custody: { backend: 'file' } }],
      [header, { ...claims, custody: { ...claims.custody, claims: { a: ['b'] } } }],
      [header, { ...claims, custody: { ...claims.custody, claims: { a: 'b'.repeat(257) } } }],
    ];
    for (const [head, body] of wrong) {
      await expect(
        signer.sign({ kind: 'attest', payload: payload(head, body) }),
        JSON.stringify([head, body]),
      ).rejects.toMatchObject({ code: 'not-trusted' });
    }
  });
});

describe('evidence bound to a checkpoint', () => {
  const noteBy = async (signer: Signer, size: number, log = origin): Promise<string> => {
    const text = formatHead({ origin: log, size, root: new Uint8Array(32).fill(size) });
    const [key] = await loadKeys([JSON.stringify(signer.key)]);
    if (key === undefined) throw new Error('a key that was just made');
    const signature = await signer.sign({ kind: 'checkpoint', payload: encodeUtf8(text) });
    return formatNote({ text, signatures: [noteSignature(log, key.raw, signature)] });
  };
  const judged = async (signer: OpenedSigner, made: string, expected: string): Promise<unknown> => {
    const evidence = await makeEvidence(signer, { bound: { note: made }, origin, now });
    const read = parseEvidence(JSON.stringify(formatEvidence(evidence)));
    const trust = { anchors: [], intermediates: [], pcrs: new Map<number, Uint8Array>(), now };
    return verdict(await verifyEvidence(read, { ...trust, bound: { note: expected } }), 'waived');
  };
  const refused = { code: expect.stringMatching(/^(verification-failed|not-trusted)$/) as string };

  it.each(['ES256', 'EdDSA'] as const)('is taken where the key signed it: %s', async (alg) => {
    const signer = careful(alg);
    const note = await noteBy(signer, 3);
    expect(await judged(signer, note, note)).toMatchObject({ level: 'possession' });
    // The same head with a line that came later, e.g. a cosignature.
    const other = await noteBy(careful('ES256'), 3);
    const cosigned = `${note}${other.split('\n\n')[1] ?? ''}`;
    await judged(signer, note, cosigned);
    await judged(signer, cosigned, note);
  });

  it('is refused with another head, another key’s or another log’s', async () => {
    const signer = careful('ES256');
    const note = await noteBy(signer, 3);
    await expect(judged(signer, note, await noteBy(signer, 4))).rejects.toMatchObject(refused);
    const foreign = await noteBy(careful('ES256'), 3);
    await expect(judged(signer, foreign, foreign)).rejects.toMatchObject(refused);
    const elsewhere = await noteBy(signer, 3, 'warder.invalid/log/ffffffffffffffff');
    await expect(judged(signer, elsewhere, elsewhere)).rejects.toMatchObject({
      message: expect.stringMatching(/another log/) as string,
    });
  });

  it('is refused with another note of that head than it is bound to', async () => {
    const signer = careful('EdDSA');
    const note = await noteBy(signer, 3);
    const evidence = await makeEvidence(signer, { bound: { note }, origin, now });
    const other = await noteBy(careful('ES256'), 3);
    const cosigned = `${note}${other.split('\n\n')[1] ?? ''}`;
    const trust = { anchors: [], intermediates: [], pcrs: new Map<number, Uint8Array>(), now };
    await expect(
      verifyEvidence({ ...evidence, note: cosigned }, { ...trust, bound: { note } }),
    ).rejects.toMatchObject(refused);
  });

  it('is not taken for evidence bound to a nonce, nor the other way round', async () => {
    const signer = careful('ES256');
    const note = await noteBy(signer, 3);
    const trust = { anchors: [], intermediates: [], pcrs: new Map<number, Uint8Array>(), now };
    const bound = await makeEvidence(signer, { bound: { note }, origin, now });
    const digest = 'checkpoint' in bound.binding ? bound.binding.checkpoint : '';
    await expect(
      verifyEvidence(bound, { ...trust, bound: { nonce: digest } }),
    ).rejects.toMatchObject(refused);
    const fresh = await makeEvidence(signer, { bound: { nonce: digest }, origin, now });
    await expect(verifyEvidence(fresh, { ...trust, bound: { note } })).rejects.toMatchObject(
      refused,
    );
  });
});
