// The frozen vectors of the lease format: what is accepted, and how everything else fails.

import { readFileSync } from 'node:fs';
import { decodeJwt, importJWK, jwtVerify } from 'jose';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ErrorCode } from '../../../src/base/errors/errors.ts';
import { verifyLease } from '../../../src/trust/lease/verify-lease.ts';
import { loadKeys, type TrustedKeys } from '../../../src/trust/verify/keys.ts';

interface Vectors {
  readonly origin: string;
  readonly now: number;
  readonly cases: readonly {
    readonly name: string;
    readonly token: string;
    readonly now?: number;
    readonly expect:
      { readonly code: ErrorCode } | { readonly stateKey: string; readonly digest: string };
  }[];
}

const folder = new URL('../../vectors/lease/', import.meta.url);
const read = (name: string): string => readFileSync(new URL(name, folder), 'utf8');
const load = (name: string): Vectors => JSON.parse(read(name)) as Vectors;

let keys: TrustedKeys;
beforeAll(async () => {
  keys = await loadKeys([read('keys.json')]);
});

describe.each(['valid.json', 'malformed.json', 'refused.json'])('lease vectors: %s', (file) => {
  const { origin, now, cases } = load(file);
  it.each(cases)('$name', async ({ token, now: at, expect: expected }) => {
    const verified = verifyLease(token, keys, { now: at ?? now, audience: origin });
    if ('code' in expected) await expect(verified).rejects.toMatchObject(expected);
    else expect(await verified).toMatchObject(expected);
  });
});

describe('another library', () => {
  const { cases, origin, now } = load('valid.json');
  it.each(cases)('takes the valid lease too: $name', async ({ token, now: at }) => {
    const { kid } = JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()) as {
      kid: string;
    };
    const jwk = keys.find((key) => key.kid === kid)?.jwk;
    const { payload } = await jwtVerify(token, await importJWK({ ...jwk }), {
      typ: 'lease+jwt',
      audience: origin,
      issuer: origin,
      currentDate: new Date(at ?? now),
    });
    const verified = await verifyLease(token, keys, { now: at ?? now, audience: origin });
    expect(payload).toEqual(verified.claims);
    expect(decodeJwt(token)).toEqual(verified.claims);
  });
});
