// Which key signs what: each other use is refused by the signer, and by whoever verifies.

import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { encodeUtf8 } from '../../../src/base/encoding/utf8.ts';
import { keyDocument } from '../../../src/trust/keyring/key-document.ts';
import { rotationAdmitter, signRotation } from '../../../src/trust/keyring/sign-rotation.ts';
import { prepareLease, signLease } from '../../../src/trust/lease/issue-lease.ts';
import { signRevocations, verifyRevocations } from '../../../src/trust/lease/revocation-list.ts';
import { verifyLease } from '../../../src/trust/lease/verify-lease.ts';
import { openMemorySigner } from '../../../src/trust/signer/memory/memory-signer.ts';
import { logKeyRoles, signingKeyRoles } from '../../../src/trust/signer/roles.ts';
import type { Admitter, Signer, SignKind } from '../../../src/trust/signer/signer.ts';
import { formatHead, verifyCheckpoint } from '../../../src/trust/verify/checkpoint.ts';
import { loadKeys, type TrustedKeys } from '../../../src/trust/verify/keys.ts';
import { formatNote, noteSignature } from '../../../src/trust/verify/note.ts';

const origin = 'warder.invalid/log/0123456789abcdef';
const now = 1_790_000_000_000;
const second = now / 1000;
const every: readonly SignKind[] = ['lease', 'checkpoint', 'rotation', 'revocations', 'dsse'];
const any: Admitter = { kind: 'rotation', admit: () => {} };
const head = { origin, size: 3, root: new Uint8Array(32) };

/** A key that signs whatever it is asked, though its roles say otherwise. */
const reckless = (alg: 'ES256' | 'EdDSA'): Signer =>
  openMemorySigner(alg, { roles: every, admitters: [any] });

const leaseBy = (signer: Signer): Promise<string> => {
  const terms = {
    origin,
    principal: 'agent:default',
    tenant: 'default',
    capabilities: [],
    ttlSeconds: 60,
    cnf: { jkt: 'A'.repeat(43) },
  };
  return signLease(
    prepareLease(
      { ...terms, capabilities: [{ type: 'fs.read', paths: ['/x'] }] },
      signer.key,
      now,
      randomBytes(16),
    ),
    signer,
  );
};
const listBy = (signer: Signer): Promise<string> =>
  signRevocations(
    { iss: origin, seq: 1, iat: second, nextUpdate: second + 60, leases: [], holders: [] },
    signer,
  );
const headBy = async (signer: Signer): Promise<string> => {
  const [key] = await loadKeys([JSON.stringify(signer.key)]);
  if (key === undefined) throw new Error('a key that was just made');
  const text = formatHead(head);
  const signature = await signer.sign({ kind: 'checkpoint', payload: encodeUtf8(text) });
  return formatNote({ text, signatures: [noteSignature(origin, key.raw, signature)] });
};

const uses: Readonly<
  Record<
    string,
    {
      role: SignKind;
      by(signer: Signer): Promise<string>;
      verify(text: string, keys: TrustedKeys): Promise<unknown>;
    }
  >
> = {
  lease: {
    role: 'lease',
    by: leaseBy,
    verify: (text, keys) => verifyLease(text, keys, { now, audience: origin }),
  },
  'revocation list': {
    role: 'revocations',
    by: listBy,
    verify: (text, keys) => verifyRevocations(text, keys, { now, audience: origin }),
  },
  checkpoint: {
    role: 'checkpoint',
    by: headBy,
    verify: (text, keys) => verifyCheckpoint(text, keys),
  },
};

describe.each(Object.entries(uses))('a %s', (_, { role, by, verify }) => {
  test.each(every)('by a key for `%s` counts if that is what it is for', async (given) => {
    const signer = reckless('ES256');
    const keys = await loadKeys([JSON.stringify({ ...signer.key, warder_roles: [given] })]);
    const verified = verify(await by(signer), keys);
    if (given === role) await verified;
    else await expect(verified).rejects.toMatchObject({ code: 'not-trusted' });
  });

  test('is signed by a key of a home only if it is for that', async () => {
    for (const [alg, roles] of [
      ['ES256', signingKeyRoles],
      ['EdDSA', logKeyRoles],
    ] as const) {
      const signer = openMemorySigner(alg, { roles });
      if (roles.includes(role)) await by(signer);
      else await expect(by(signer)).rejects.toMatchObject({ code: 'not-trusted' });
    }
  });

  test('of the log key counts only if it is a checkpoint', async () => {
    const [signing, log] = [reckless('ES256'), reckless('EdDSA')];
    const first = { jwk: signing.key, uri: 'file:a', since: 0, heads: { from: 0 } };
    const keys = await loadKeys([JSON.stringify(keyDocument([first], log.key, origin, now))]);
    const verified = verify(await by(log), keys);
    // A checkpoint lacks the line of the signing key.
    await expect(verified).rejects.toMatchObject({ code: 'not-trusted' });
  });
});

test('without an admitter no key signs a rotation', async () => {
  const claims = {
    iss: origin,
    seq: 1,
    iat: second,
    old: 'A'.repeat(43),
    new: reckless('ES256').key,
    size: 3,
    until: second,
  };
  const bare = openMemorySigner('ES256', { roles: signingKeyRoles });
  await expect(signRotation(claims, [bare])).rejects.toMatchObject({ code: 'not-trusted' });
  const careful = openMemorySigner('ES256', {
    roles: signingKeyRoles,
    admitters: [rotationAdmitter(origin, 'A'.repeat(43))],
  });
  await expect(signRotation(claims, [careful])).rejects.toMatchObject({ code: 'not-trusted' });
});

test('heads are each signed by the key of their time: a later or earlier one does not do', async () => {
  const [signing, log] = [reckless('ES256'), reckless('EdDSA')];
  const note = async (size: number): Promise<string> => {
    const text = formatHead({ ...head, size });
    const keys = await loadKeys([JSON.stringify({ keys: [signing.key, log.key] })]);
    const signatures = await Promise.all(
      [signing, log].map(async (signer) => {
        const key = keys.find(({ kid }) => kid === signer.key.kid);
        if (key === undefined) throw new Error('a key that was just loaded');
        const signature = await signer.sign({ kind: 'checkpoint', payload: encodeUtf8(text) });
        return noteSignature(origin, key.raw, signature);
      }),
    );
    return formatNote({ text, signatures });
  };
  const jwks = (heads: object): Promise<TrustedKeys> =>
    loadKeys([
      JSON.stringify({
        keys: [
          { ...signing.key, warder_roles: ['checkpoint'], warder_heads: heads },
          { ...log.key, warder_roles: ['checkpoint'] },
          { ...reckless('ES256').key, warder_roles: ['checkpoint'], warder_heads: { from: 10 } },
        ],
      }),
    ]);
  const keys = await jwks({ from: 3, to: 9 });
  for (const size of [3, 9]) await verifyCheckpoint(await note(size), keys);
  for (const size of [10, 1000]) {
    await expect(verifyCheckpoint(await note(size), keys)).rejects.toMatchObject({
      code: 'not-trusted',
    });
  }
  // Before its first head no key but the log's was asked for: that alone must not pass for both.
  const only = await loadKeys([
    JSON.stringify({ ...signing.key, warder_roles: ['checkpoint'], warder_heads: { from: 3 } }),
  ]);
  await expect(verifyCheckpoint(await note(2), only)).rejects.toMatchObject({
    code: 'not-trusted',
  });
});
