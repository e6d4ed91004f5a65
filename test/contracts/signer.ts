// What every signer must do. Each back end's test hands in a key of its own.

import { createPublicKey, verify } from 'node:crypto';
import { calculateJwkThumbprint, compactVerify, importJWK } from 'jose';
import { describe, expect, it } from 'vitest';
import { encodeBase64url } from '../../src/base/encoding/base64url.ts';
import { encodeUtf8 } from '../../src/base/encoding/utf8.ts';
import type { OpenedSigner, SignerRules } from '../../src/trust/signer/checked-signer.ts';
import { ALGORITHMS, parsePublicJwk, spki } from '../../src/trust/signer/jwk.ts';
import type { Algorithm, SignKind } from '../../src/trust/signer/signer.ts';

/** A payload of the right form for each kind that has one. */
export const payloads: Readonly<Partial<Record<SignKind, Uint8Array>>> = {
  lease: encodeUtf8(`${encodeBase64url(encodeUtf8('{"alg":"ES256","typ":"lease+jwt"}'))}.e30`),
  revocations: encodeUtf8(
    `${encodeBase64url(encodeUtf8('{"alg":"ES256","typ":"revocations+jwt"}'))}.e30`,
  ),
  checkpoint: encodeUtf8(`example.com/log\n7\n${'A'.repeat(43)}=\n`),
  dsse: encodeUtf8('DSSEv1 1 a 1 b'),
  attest: encodeUtf8(
    `${encodeBase64url(encodeUtf8('{"alg":"ES256","typ":"attestation+jwt"}'))}.e30`,
  ),
  probe: encodeUtf8('warder signer probe\nx'),
};

/** @param open opens the same key every time. */
export function signerContract(
  name: string,
  alg: Algorithm,
  open: (rules: SignerRules) => Promise<OpenedSigner>,
): void {
  const all = Object.keys(payloads) as SignKind[];
  const lease = payloads.lease as Uint8Array;

  describe(`signer contract: ${name} ${alg}`, () => {
    it('publishes a key that reads back strictly and has the RFC 7638 thumbprint', async () => {
      const signer = await open({ roles: all });
      const { key } = signer;
      expect(key.alg).toBe(alg);
      expect(parsePublicJwk({ ...key })).toEqual(key);
      expect(await calculateJwkThumbprint({ ...key })).toBe(key.kid);
      const node = createPublicKey({ key: { ...key }, format: 'jwk' });
      expect(Buffer.from(spki(key))).toEqual(node.export({ format: 'der', type: 'spki' }));
      await signer.close();
    });

    it('signs each kind so that another library verifies it', async () => {
      const signer = await open({ roles: all });
      await signer.ready();
      const { hash, coordinate } = ALGORITHMS[alg];
      const key = createPublicKey({ key: { ...signer.key }, format: 'jwk' });
      for (const kind of all) {
        const payload = payloads[kind] as Uint8Array;
        const signature = await signer.sign({ kind, payload });
        expect(signature.length).toBe(2 * coordinate);
        expect(verify(hash, payload, { key, dsaEncoding: 'ieee-p1363' }, signature)).toBe(true);
      }
      await signer.close();
    });

    it('makes JWS signatures that jose takes', async () => {
      const signer = await open({ roles: ['lease'] });
      const header = encodeBase64url(encodeUtf8(JSON.stringify({ alg, typ: 'lease+jwt' })));
      const input = `${header}.${encodeBase64url(encodeUtf8('{"x":1}'))}`;
      const signature = await signer.sign({ kind: 'lease', payload: encodeUtf8(input) });
      const token = `${input}.${encodeBase64url(signature)}`;
      const { payload } = await compactVerify(token, await importJWK({ ...signer.key }));
      expect(new TextDecoder().decode(payload)).toBe('{"x":1}');
      await signer.close();
    });

    it('gives only the low-s half of the signatures', async () => {
      const signer = await open({ roles: ['lease'] });
      const { order, coordinate } = ALGORITHMS[alg];
      for (let n = 0; n < 24; n += 1) {
        const signature = await signer.sign({ kind: 'lease', payload: lease });
        const s = BigInt(`0x${Buffer.from(signature.subarray(coordinate)).toString('hex')}`);
        expect(order === null || s <= order / 2n).toBe(true);
      }
      await signer.close();
    });

    it('refuses kinds outside its roles, before any admitter is asked', async () => {
      let asked = 0;
      const signer = await open({
        roles: ['checkpoint'],
        admitters: [{ kind: 'lease', admit: () => void (asked += 1) }],
      });
      await expect(signer.sign({ kind: 'lease', payload: lease })).rejects.toMatchObject({
        code: 'not-trusted',
      });
      expect(asked).toBe(0);
      await signer.close();
    });

    it('refuses a payload that is not of its kind, a bare digest above all', async () => {
      const signer = await open({ roles: [...all, 'rotation'] });
      const digests = [20, 32, 48, 64].map((length) => new Uint8Array(length).fill(0x41));
      for (const kind of [...all, 'rotation'] as const) {
        const others = all.filter((other) => other !== kind).map((other) => payloads[other]);
        for (const payload of [...digests, ...others, new Uint8Array(0)]) {
          await expect(
            signer.sign({ kind, payload: payload ?? new Uint8Array(0) }),
          ).rejects.toMatchObject({ code: 'not-trusted' });
        }
      }
      await signer.close();
    });

    it('asks the admitters of the kind first, and signs what they saw', async () => {
      const seen: unknown[] = [];
      const signer = await open({
        roles: ['lease', 'rotation'],
        admitters: [
          {
            kind: 'lease',
            admit: async (request, key) => {
              await Promise.resolve();
              seen.push([request.evidence, key.kid]);
              if (request.evidence === 'no') throw new Error('not this one');
              // An admitter cannot change what is signed.
              request.payload.fill(0);
            },
          },
          { kind: 'rotation', admit: () => undefined },
          { kind: 'checkpoint', admit: () => expect.unreachable() },
        ],
      });
      const payload = Uint8Array.from(lease);
      const signing = signer.sign({ kind: 'lease', payload, evidence: 'yes' });
      // Neither can the caller, once it has asked.
      payload.fill(0);
      const signature = await signing;
      const key = createPublicKey({ key: { ...signer.key }, format: 'jwk' });
      const { hash } = ALGORITHMS[alg];
      expect(verify(hash, lease, { key, dsaEncoding: 'ieee-p1363' }, signature)).toBe(true);
      await expect(signer.sign({ kind: 'lease', payload: lease, evidence: 'no' })).rejects.toThrow(
        'not this one',
      );
      await signer.sign({
        kind: 'rotation',
        payload: encodeUtf8('a form only its admitter knows'),
      });
      expect(seen).toEqual([
        ['yes', signer.key.kid],
        ['no', signer.key.kid],
      ]);
      await signer.close();
    });

    it('signs nothing after close', async () => {
      const signer = await open({ roles: ['lease'] });
      await signer.ready();
      await signer.close();
      await expect(signer.sign({ kind: 'lease', payload: lease })).rejects.toMatchObject({
        code: 'unavailable',
      });
    });
  });
}
