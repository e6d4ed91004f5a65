// A back end is not believed.

import { describe, expect, it } from 'vitest';
import { type BackEndKey, checkedSigner } from '../../../src/trust/signer/checked-signer.ts';
import { ALGORITHMS } from '../../../src/trust/signer/jwk.ts';
import { lowS } from '../../../src/trust/signer/low-s.ts';
import { memoryKey } from '../../../src/trust/signer/memory/memory-signer.ts';
import { payloads } from '../../contracts/signer.ts';

const request = { kind: 'lease', payload: payloads.lease as Uint8Array } as const;
const rules = { roles: ['lease'] } as const;
const misconfigured = { code: 'unavailable', data: { signer: 'misconfigured' } };

describe('a back end that answers wrongly', () => {
  it.each<[string, (bytes: Uint8Array) => Uint8Array]>([
    ['a flipped bit', (bytes) => bytes.with(5, (bytes[5] ?? 0) ^ 1)],
    ['a short signature', (bytes) => bytes.slice(0, 63)],
    ['a long signature', (bytes) => Uint8Array.from([...bytes, 0])],
    ['zeros', () => new Uint8Array(64)],
    ['nothing', () => new Uint8Array(0)],
  ])('%s never leaves', async (_what, change) => {
    for (const alg of ['ES256', 'EdDSA'] as const) {
      const honest = memoryKey(alg);
      let calls = 0;
      const faulty: BackEndKey = {
        ...honest,
        sign: async (payload, given) => {
          calls += 1;
          const signature = await honest.sign(payload, given);
          return calls === 1 ? signature : change(signature);
        },
      };
      const signer = checkedSigner(faulty, rules);
      await signer.ready();
      await expect(signer.sign(request)).rejects.toMatchObject(misconfigured);
    }
  });

  it('a public key that is not the private key’s is found by the self-check', async () => {
    const swapped = { ...memoryKey('ES256'), key: memoryKey('ES256').key };
    const signer = checkedSigner(swapped, rules);
    await expect(signer.ready()).rejects.toMatchObject(misconfigured);
    await expect(signer.sign(request)).rejects.toMatchObject(misconfigured);
  });
});

describe('low s', () => {
  it.each(['ES256', 'ES384'] as const)('maps the two %s forms to one', (alg) => {
    const { order, coordinate } = ALGORITHMS[alg];
    const n = order ?? 0n;
    const signature = (s: bigint) =>
      Uint8Array.from(
        Buffer.from('11'.repeat(coordinate) + s.toString(16).padStart(coordinate * 2, '0'), 'hex'),
      );
    for (const s of [1n, 12345n, n >> 1n]) {
      expect(lowS(signature(s), n)).toEqual(signature(s));
      expect(lowS(signature(n - s), n)).toEqual(signature(s));
    }
    // Not a scalar: left for verification to refuse.
    expect(lowS(signature(n), n)).toEqual(signature(n));
  });
});
