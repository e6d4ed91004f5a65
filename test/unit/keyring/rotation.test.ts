// Following a rotation, refusing every other; what a signer signs of them.

import { beforeAll, describe, expect, test } from 'vitest';
import type { Json } from '../../../src/base/encoding/json.ts';
import { rotationAdmitter, signRotation } from '../../../src/trust/keyring/sign-rotation.ts';
import { openMemorySigner } from '../../../src/trust/signer/memory/memory-signer.ts';
import type { Admitter, Signer } from '../../../src/trust/signer/signer.ts';
import { loadKeys, type TrustedKeys } from '../../../src/trust/verify/keys.ts';
import {
  followRotations,
  type RotationClaims,
  type SignedRotation,
} from '../../../src/trust/verify/rotation.ts';

const origin = 'warder.invalid/log/0123456789abcdef';
const any: Admitter = { kind: 'rotation', admit: () => {} };
const open = (alg: 'ES256' | 'EdDSA' = 'ES256'): Signer =>
  openMemorySigner(alg, { roles: ['rotation'], admitters: [any] });
const roles = ['lease', 'checkpoint', 'rotation', 'revocations'];

const [old, next, third, thief] = [open(), open(), open(), open()] as const;
const log = open('EdDSA');
let trusted: TrustedKeys;
const claims: RotationClaims = {
  iss: origin,
  seq: 1,
  iat: 1000,
  old: old.key.kid,
  new: next.key,
  size: 7,
  until: 1600,
};

function keysOf(...keys: readonly object[]): Promise<TrustedKeys> {
  return loadKeys([JSON.stringify({ keys })], []);
}

/** As a verifier finds them in a JWKS. */
function follow(rotations: readonly SignedRotation[], keys = trusted): Promise<TrustedKeys> {
  const jwks = JSON.parse(JSON.stringify({ keys: [], warder_rotations: rotations })) as Json;
  return followRotations(jwks, keys);
}

beforeAll(async () => {
  trusted = await keysOf(
    { ...old.key, warder_roles: roles, warder_origin: origin, warder_heads: { from: 0 } },
    { ...log.key, warder_roles: ['checkpoint', 'rotation'], warder_origin: origin },
  );
});

test('the new key takes over, the old one keeps what it had signed', async () => {
  const keys = await follow([await signRotation(claims, [next, log, old])]);
  expect(keys).toMatchObject([
    {
      kid: old.key.kid,
      roles: ['lease', 'checkpoint'],
      heads: { from: 0, to: 7 },
      retired: { at: 1000, until: 1600 },
    },
    { kid: log.key.kid },
    { kid: next.key.kid, heads: { from: 8 }, name: origin },
  ]);
});

test('several in a row; those from before what is known already are passed over', async () => {
  const one = await signRotation(claims, [next, log, old]);
  const two = await signRotation(
    { ...claims, seq: 2, iat: 2000, until: 2000, old: next.key.kid, new: third.key, size: 9 },
    [third, log, next],
  );
  const keys = await follow([one, two]);
  expect(keys.at(-1)).toMatchObject({ kid: third.key.kid, heads: { from: 10 } });
  const later = await follow([one, two], await follow([one]));
  expect(later.map(({ kid }) => kid)).toEqual(keys.map(({ kid }) => kid));
  await expect(follow([two])).rejects.toMatchObject({ code: 'not-trusted' });
});

describe('is not followed', () => {
  type Case = readonly [
    by: readonly Signer[],
    changed?: Partial<Record<keyof RotationClaims, unknown>>,
  ];
  const zero = { until: 1000 };
  test.each<[string, Case]>([
    ['without the old key', [[next, log]]],
    ['without the log key', [[next, old]]],
    ['without the new key', [[log, old]]],
    ['by the thief of the old key alone', [[old, thief], { new: thief.key }]],
    ['signed by another in the name of nobody', [[next, log, thief]]],
    ['of a key that is not trusted', [[next, log, thief], { old: thief.key.kid }]],
    ['of another daemon', [[next, log, old], { iss: 'warder.invalid/log/other' }]],
    ['of a compromised key', [[next, log, old], { ...zero, compromised: true }]],
    ['of a compromised key, without it', [[next, log], { ...zero, compromised: true }]],
    ['to the log key', [[log, old], { new: log.key }]],
  ])('one %s', async (_, [by, changed = {}]) => {
    const rotation = await signRotation({ ...claims, ...changed } as RotationClaims, by);
    await expect(follow([rotation])).rejects.toMatchObject({ code: 'not-trusted' });
  });

  test('one by a key that was retired, or is for leases alone', async () => {
    const rotation = await signRotation(claims, [next, log, old]);
    const logKey = { ...log.key, warder_roles: ['rotation'] };
    for (const changed of [
      { warder_roles: ['lease'] },
      { warder_roles: roles, warder_retired: { at: 1, until: 2 } },
    ]) {
      const keys = await keysOf({ ...old.key, ...changed }, logKey);
      await expect(follow([rotation], keys)).rejects.toMatchObject({ code: 'not-trusted' });
    }
  });

  test('one that was changed, in whatever part', async () => {
    const rotation = await signRotation(claims, [next, log, old]);
    const payload = Buffer.from(rotation.payload, 'base64url').toString();
    const changes: [string, SignedRotation, string][] = [
      [
        'what it says',
        {
          ...rotation,
          payload: Buffer.from(payload.replace('"size":7', '"size":6')).toString('base64url'),
        },
        'verification-failed',
      ],
      [
        'a signature',
        {
          ...rotation,
          signatures: rotation.signatures.map((each, at) => ({
            ...each,
            signature: rotation.signatures[(at + 2) % 3]?.signature ?? '',
          })),
        },
        'verification-failed',
      ],
      [
        'a key that signs twice',
        {
          ...rotation,
          signatures: [...rotation.signatures.slice(1), ...rotation.signatures.slice(1)].slice(
            0,
            3,
          ),
        },
        'malformed',
      ],
      ['more to it', { ...rotation, extra: 1 } as SignedRotation, 'malformed'],
      ['no signatures', { ...rotation, signatures: [] }, 'not-trusted'],
    ];
    for (const [what, changed, code] of changes) {
      await expect(follow([changed]), what).rejects.toMatchObject({ code });
    }
  });

  test.each<[string, Partial<Record<keyof RotationClaims | 'extra', unknown>>]>([
    ['with a grace that ends before it begins', { until: 999 }],
    ['with a grace though compromised', { compromised: true }],
    ['compromised in another way', { compromised: 'yes', until: 1000 }],
    ['to the same key', { new: old.key }],
    ['to a key under another name', { new: { ...next.key, kid: old.key.kid } }],
    ['to a private key', { new: { ...next.key, d: 'AAAA' } }],
    ['with a number that is none', { size: -1 }],
    ['that is none', { seq: 0 }],
    ['with more to say', { extra: 1 }],
  ])('and not signed: one %s', async (_, changed) => {
    await expect(
      signRotation({ ...claims, ...changed } as RotationClaims, [next, log, old]),
    ).rejects.toMatchObject({ code: 'malformed' });
  });
});

describe('a careful signer', () => {
  const careful = (signer: Signer): Admitter['admit'] => {
    const admitter = rotationAdmitter(origin, log.key.kid);
    return (request) => admitter.admit(request, signer.key);
  };
  const payloadBy = async (
    signer: Signer,
    changed: Partial<Record<keyof RotationClaims, unknown>> = {},
  ): Promise<Uint8Array> => {
    let seen = new Uint8Array();
    const spy: Signer = {
      ...signer,
      key: signer.key,
      sign: (request) => {
        seen = Uint8Array.from(request.payload);
        return Promise.resolve(new Uint8Array(64));
      },
    };
    await signRotation({ ...claims, ...changed } as RotationClaims, [spy]);
    return seen;
  };

  test.each<[string, Signer, Partial<Record<keyof RotationClaims, unknown>>, boolean]>([
    ['of its own, the old one', old, {}, true],
    ['of its own, the new one', next, {}, true],
    ['that of the log', log, {}, true],
    ['one it has nothing to do with', thief, {}, false],
    ['of another home', old, { iss: 'elsewhere' }, false],
    ['that calls it compromised', old, { compromised: true, until: 1000 }, false],
    ['to a key that signs no heads', log, { new: log.key }, false],
  ])('%s', async (_, signer, changed, fits) => {
    const payload = await payloadBy(signer, changed);
    const admit = async (): Promise<void> =>
      careful(signer)({ kind: 'rotation', payload }, signer.key);
    if (fits) await admit();
    else await expect(admit()).rejects.toMatchObject({ code: 'not-trusted' });
  });

  test('nothing in the name of another key, and nothing else at all', async () => {
    for (const payload of [await payloadBy(next), Buffer.from('x'), Buffer.from('e30.e30')]) {
      await expect(
        (async () => careful(old)({ kind: 'rotation', payload }, old.key))(),
      ).rejects.toMatchObject({ code: 'not-trusted' });
    }
  });
});
