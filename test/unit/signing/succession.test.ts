// Which key signs, from the requests alone: what is taken, what takes effect, what is over, and what is found again.

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateKeyPairSync } from 'node:crypto';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { Succession } from '../../../src/front/signing/succession.ts';
import { beginning, createSuccession } from '../../../src/front/signing/succession-file.ts';
import { signRotation } from '../../../src/trust/keyring/sign-rotation.ts';
import { makePublicJwk } from '../../../src/trust/signer/jwk.ts';
import type { PublicJwk, SignKind } from '../../../src/trust/signer/signer.ts';
import { formatHead } from '../../../src/trust/verify/checkpoint.ts';
import type { RotationClaims } from '../../../src/trust/verify/rotation.ts';
import { MadeLog } from '../../support/made-log.ts';

const origin = 'warder.invalid/log/0123456789abcdef';
const refused = { code: 'not-trusted' };
const second = 1_790_000_000;
const clock = { wall: () => second * 1000, monotonic: () => 0 };

function ec(): PublicJwk {
  const { x, y } = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({
    format: 'jwk',
  });
  return makePublicJwk('ES256', x, y);
}

function ed(): PublicJwk {
  const { x } = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' });
  return makePublicJwk('EdDSA', x, undefined);
}

const signing = [ec(), ec(), ec()] as const;
const logs = [ed(), ed(), ed()] as const;
const kids = { signing: signing.map(({ kid }) => kid), log: logs.map(({ kid }) => kid) };
let path: string;
let succession: Succession;
/** Leaves that the signer has signed. */
let signed: number;
let log: MadeLog;

const open = (): Promise<Succession> => Succession.open({ path, origin, kids, clock });

beforeEach(async () => {
  const directory = mkdtempSync(join(tmpdir(), 'ws-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  path = join(directory, 'succession.json');
  await createSuccession(path, origin, beginning({ signing: signing[0], log: logs[0] }));
  succession = await open();
  log = new MadeLog().calls(4);
  signed = 4;
});

async function admit(
  kind: SignKind,
  text: string,
  key: PublicJwk,
  evidence?: unknown,
): Promise<void> {
  const last = (): Promise<never> => Promise.resolve({ size: signed } as never);
  const { before, after } = succession.admitters({ last });
  const request = { kind, payload: new TextEncoder().encode(text), evidence };
  for (const admitter of [...before, ...after]) {
    if (admitter.kind === kind) await admitter.admit(request, key);
  }
}

function claimsOf(changes: Partial<RotationClaims> = {}): RotationClaims {
  const role = changes.role === 'log' ? logs : signing;
  const { length: size } = log.leaves;
  const { kid: old } = role[0];
  return { iss: origin, seq: 1, iat: second, old, new: role[1], size, until: second, ...changes };
}

/** Each of the keys signs the rotation. */
async function rotate(claims: RotationClaims, keys: readonly PublicJwk[]): Promise<void> {
  const custody = { backend: 'memory', summary: '' } as const;
  const signers = keys.map((key) => ({
    key,
    custody,
    roles: [],
    sign: async ({ payload }: { readonly payload: Uint8Array }) => {
      await admit('rotation', new TextDecoder().decode(payload), key);
      return new Uint8Array(64);
    },
    close: () => Promise.resolve(),
  }));
  await signRotation(claims, signers);
}

async function head(key: PublicJwk, rotation?: unknown): Promise<void> {
  const { size } = log.tree;
  await admit('checkpoint', formatHead({ origin, size, root: log.tree.root() }), key, { rotation });
  signed = size;
}

const uses = (): readonly string[] => [...signing, ...logs].map(({ kid }) => succession.useOf(kid));

test('both keys change at once, each by the first head it signs', async () => {
  const ofLog = claimsOf({ role: 'log' });
  await rotate(ofLog, [logs[0], logs[1], signing[0]]);
  const shown = log.rotation(ofLog);
  const ofSigning = claimsOf();
  await rotate(ofSigning, [signing[0], signing[1], logs[1]]);
  expect(uses()).toEqual(['signing', 'next', 'next', 'log', 'next', 'next']);
  log.calls(2);
  await head(signing[1]);
  await expect(head(logs[1])).rejects.toMatchObject(refused);
  await head(logs[1], shown());
  const after = ['retired', 'signing', 'next', 'retired', 'log', 'next'];
  expect(uses()).toEqual(after);
  succession = await open();
  expect(uses()).toEqual(after);
  for (const key of [signing[0], logs[0]]) await expect(head(key)).rejects.toMatchObject(refused);
});

test('a rotation is waited for by its digest, until it is in force or over', async () => {
  expect(succession.awaited).toBeUndefined();
  const claims = claimsOf({ role: 'log' });
  await rotate(claims, [logs[0]]);
  const { awaited } = succession;
  expect(awaited).toMatch(/^[0-9a-f]{64}$/);
  succession = await open();
  expect(succession.awaited).toBe(awaited);
  // Up to its size the old key goes on.
  await head(logs[0]);
  expect(succession.awaited).toBe(awaited);
  expect(succession.isLogKey(logs[1].kid)).toBe(true);
  log.calls(1);
  await head(logs[0]);
  expect(succession.awaited).toBeUndefined();
  expect(succession.isLogKey(logs[1].kid)).toBe(false);
  await rotate(claimsOf({ role: 'log' }), [logs[0], logs[1], signing[0]]);
  expect(succession.awaited).not.toBe(awaited);
});

test('of two rotations that were signed the later one counts', async () => {
  const first = claimsOf({ role: 'log' });
  await rotate(first, [logs[0], logs[1], signing[0]]);
  const second = claimsOf({ role: 'log', new: logs[2] });
  await rotate(second, [logs[0], logs[2], signing[0]]);
  const shown = [log.rotation(first), log.rotation(second)];
  for (const rotation of shown) {
    await expect(head(logs[1], rotation())).rejects.toMatchObject(refused);
  }
  await expect(head(logs[2], shown[0]?.())).rejects.toMatchObject(refused);
  await head(logs[2], shown[1]?.());
  expect(uses().slice(3)).toEqual(['retired', 'next', 'log']);
});

test('a receipt that was in the log before the rotation shows nothing', async () => {
  // What it will say is known beforehand to who makes it.
  const claims = claimsOf({ role: 'log', size: 5 });
  const shown = log.rotation(claims);
  await rotate(claims, [logs[0], logs[1], signing[0]]);
  log.calls(1);
  await expect(head(logs[1], shown())).rejects.toMatchObject(refused);
  await head(logs[1], log.rotation(claims)());
});

test('a compromised key of the log is not asked, and has no say', async () => {
  const claims = claimsOf({ role: 'log', compromised: true });
  await rotate(claims, [logs[1], signing[0]]);
  const shown = log.rotation(claims);
  await head(logs[1], shown());
  expect(uses().slice(3)).toEqual(['retired', 'log', 'next']);
  const next = claimsOf({ role: 'log', seq: 2, old: logs[1].kid, new: logs[2] });
  await expect(rotate(next, [logs[0]])).rejects.toMatchObject(refused);
  await rotate(next, [logs[1], logs[2], signing[0]]);
});

test('what cannot be written changes nothing', async () => {
  const claims = claimsOf({ role: 'log' });
  await rotate(claims, [logs[0], logs[1], signing[0]]);
  const shown = log.rotation(claims);
  // In the way of the file that is written beside it.
  mkdirSync(`${path}.new`);
  await expect(head(logs[1], shown())).rejects.toMatchObject({ code: 'unavailable' });
  expect(uses()[3]).toBe('log');
  rmSync(`${path}.new`, { recursive: true });
  await head(logs[1], shown());
  expect(uses()[3]).toBe('retired');
});

test('keys of logs before are no keys to come', async () => {
  const first = { signing: signing[0], log: logs[0] };
  const former = [signing[1].kid, logs[1].kid];
  path = `${path}.2`;
  await createSuccession(path, origin, beginning(first, { former, ended: [] }));
  succession = await open();
  expect(uses()).toEqual(['signing', 'retired', 'next', 'log', 'retired', 'next']);
  await expect(rotate(claimsOf(), [signing[0]])).rejects.toMatchObject(refused);
  const ofLog = claimsOf({ role: 'log' });
  await expect(rotate(ofLog, [logs[0]])).rejects.toMatchObject(refused);
});

test('a signer without the key that signs now does not open', async () => {
  const hint = expect.stringContaining('"lost": true') as string;
  for (const role of ['signing', 'log'] as const) {
    const without = { ...kids, [role]: kids[role].slice(1) };
    const opening = Succession.open({ path, origin, kids: without, clock });
    await expect(opening, role).rejects.toMatchObject({ code: 'unavailable', hint });
  }
});

test('each key of a role has heads of its own: none of one size has two, and no range is empty', async () => {
  const keys = [signing[0], signing[1], logs[0]];
  const most = Number.MAX_SAFE_INTEGER;
  // What came of it could not be read again.
  await expect(rotate(claimsOf({ size: most }), keys)).rejects.toMatchObject(refused);
  // In force by a lease, far ahead of every head.
  await rotate(claimsOf({ size: 10 }), keys);
  await admit('lease', 'a lease', signing[1]);
  succession = await open();
  expect(uses().slice(0, 3)).toEqual(['retired', 'signing', 'next']);
  const next = { seq: 2, old: signing[1].kid, new: signing[2] };
  const after = [signing[1], signing[2], logs[0]];
  for (const size of [4, 9, 10]) {
    await expect(rotate(claimsOf({ ...next, size }), after)).rejects.toMatchObject(refused);
  }
  await head(signing[0]);
  await rotate(claimsOf({ ...next, size: 11 }), after);
});
