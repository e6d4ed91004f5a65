// The frozen vectors of chains, proofs and revocation lists.

import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { verifyProof } from '../../../src/trust/lease/proof.ts';
import { verifyRevocations } from '../../../src/trust/lease/revocation-list.ts';
import { verifyLease } from '../../../src/trust/lease/verify-lease.ts';
import { loadKeys } from '../../../src/trust/verify/keys.ts';

interface Vectors {
  readonly origin: string;
  readonly now: number;
  readonly keys: object;
  readonly cases: readonly {
    readonly name: string;
    readonly lease: string;
    readonly expect: object & { readonly code?: string };
  }[];
  readonly proof: {
    readonly method: string;
    readonly uri: string;
    readonly audience: string;
    readonly nonce: string;
    readonly call: { readonly tool: string; readonly digest: string };
    readonly lease: string;
    readonly proof: string;
    readonly jkt: string;
  };
  readonly revocations: { readonly list: string; readonly seq: number };
}

const vectors = JSON.parse(
  readFileSync(new URL('../../vectors/lease/chains.json', import.meta.url), 'utf8'),
) as Vectors;
const { origin, now, cases, proof, revocations } = vectors;
const keys = await loadKeys([JSON.stringify(vectors.keys)]);
const here = { now, audience: origin };

it.each(cases)('a chain: $name', async ({ lease, expect: expected }) => {
  const verified = verifyLease(lease, keys, here);
  if (expected.code !== undefined) await expect(verified).rejects.toMatchObject(expected);
  else expect(await verified).toMatchObject(expected);
});

it('a proof holds for its call', async () => {
  const { method, uri, audience, nonce, call, lease: token } = proof;
  const expected = {
    method,
    uri,
    audience,
    call,
    token,
    now,
    nonce: (text: string) => text === nonce,
  };
  expect(await verifyProof(proof.proof, expected)).toMatchObject({ jkt: proof.jkt });
});

it('a revocation list holds for an hour', async () => {
  expect(await verifyRevocations(revocations.list, keys, here)).toMatchObject({
    seq: revocations.seq,
  });
  await expect(
    verifyRevocations(revocations.list, keys, { ...here, now: now + 3_600_000 }),
  ).rejects.toMatchObject({ code: 'lease-refused' });
});
