// The next log of a signer that does not run: what is made, what stays, and what it takes to begin it.

import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { generateKeyPairSync } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { editSignerConfig } from '../../../src/front/signing/edit-config.ts';
import { addSignerKey, initSigner } from '../../../src/front/signing/init-signer.ts';
import { beginNextLog, endEarlierLogs } from '../../../src/front/signing/next-log.ts';
import { readSignerConfig, signerState } from '../../../src/front/signing/signer-config.ts';
import { readSuccession, writeSuccession } from '../../../src/front/signing/succession-file.ts';
import { lockMemory } from '../../../src/trust/receipt/checkpoint-memory.ts';
import { makePublicJwk } from '../../../src/trust/signer/jwk.ts';

const directory = mkdtempSync(join(tmpdir(), 'ws-'));
const root = join(directory, 's');
const state = signerState(root);
const has = (...path: readonly string[]): boolean => existsSync(join(root, ...path));
const originNow = (): string => readSignerConfig(state).origin;
let first: ReturnType<typeof readSignerConfig>;

// Each test goes on from what the one before has left.
beforeAll(async () => {
  first = await initSigner(root, { listen: [] });
});
afterAll(() => rmSync(directory, { recursive: true }));

test('not while the signer runs, and not without what it knows of its keys', async () => {
  const lock = lockMemory(join(root, 'memory.json'));
  await expect(beginNextLog(root, originNow())).rejects.toMatchObject({ code: 'unavailable' });
  lock.release();
  const other = join(directory, 'other');
  await expect(beginNextLog(other, first.origin)).rejects.toMatchObject({ code: 'unavailable' });
  // What root makes here the signer's user cannot read; what others can read is no secret.
  chmodSync(root, 0o750);
  await expect(beginNextLog(root, originNow())).rejects.toMatchObject({ code: 'unavailable' });
  await expect(addSignerKey(root, undefined)).rejects.toMatchObject({ code: 'unavailable' });
  chmodSync(root, 0o700);
  const known = readFileSync(join(root, 'succession.json'));
  rmSync(join(root, 'succession.json'));
  await expect(beginNextLog(root, originNow())).rejects.toMatchObject({ code: 'unavailable' });
  expect(readdirSync(root).filter((name) => name.startsWith('log-'))).toEqual([]);
  writeFileSync(join(root, 'succession.json'), known);
});

test('what was begun and left is not gone on with; the log before is ended', async () => {
  const killed = beginNextLog(root, originNow(), (step) => {
    if (step === 'remembered') throw new Error('killed');
  });
  await expect(killed).rejects.toThrow('killed');
  expect(readSignerConfig(state)).toEqual(first);
  const next = await beginNextLog(root, originNow());
  expect(next).toMatchObject({
    origin: `${first.origin}/3`,
    before: { origin: first.origin, size: 0 },
    kids: { signing: first.keys[0]?.kid, log: first.logKey.kid },
  });
  expect(readSignerConfig(state)).toEqual({ ...first, origin: next.origin, memory: 'log-3' });
  expect(readFileSync(state.config, 'utf8')).toContain('// The log it signs for');
  expect([has('memory.json'), has('memory.ended.json')]).toEqual([false, true]);
  expect([has('log-2', 'memory.json'), has('log-3', 'memory.json')]).toEqual([false, true]);
});

test('killed once it has begun, the next start ends the log before', async () => {
  const killed = beginNextLog(root, originNow(), (step) => {
    if (step === 'begun') throw new Error('killed');
  });
  await expect(killed).rejects.toThrow('killed');
  const config = readSignerConfig(state);
  expect(config).toMatchObject({ origin: `${first.origin}/4`, memory: 'log-4' });
  expect(has('log-3', 'memory.json')).toBe(true);
  await endEarlierLogs(state, config);
  expect([has('log-3', 'memory.json'), has('log-4', 'memory.json')]).toEqual([false, true]);
});

test('a log is ended once, by its name', async () => {
  for (const origin of [first.origin, `${first.origin}/3`, `${first.origin}/5`, '']) {
    await expect(beginNextLog(root, origin), origin).rejects.toMatchObject({ code: 'conflict' });
  }
  expect(originNow()).toBe(`${first.origin}/4`);
});

test('a memory that is lost ends a log as well', async () => {
  rmSync(join(root, 'log-4', 'memory.json'));
  const next = await beginNextLog(root, originNow());
  expect(next).not.toHaveProperty('before');
  expect(next.origin).toBe(`${first.origin}/5`);
});

test('a key that was given up does not begin the next log, though the next one never signed', async () => {
  const { x } = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' });
  const next = makePublicJwk('EdDSA', x, undefined);
  const { kid } = next;
  const { length } = readSignerConfig(state).keys;
  const pin = { uri: 'file:next.key?alg=EdDSA', kid, role: 'log' };
  for (const lost of [true, undefined]) {
    await editSignerConfig(state.config, [[['keys', length], { ...pin, lost }]]);
    const { origin, memory = '' } = readSignerConfig(state);
    const path = join(root, memory, 'succession.json');
    const known = await readSuccession(path, origin);
    const { kid: old } = known.log.first;
    const claims = { iss: origin, seq: 1, iat: 1, until: 1, old, new: next, size: 0 };
    const pending = { ...claims, role: 'log', compromised: true } as const;
    await writeSuccession(path, origin, { ...known, log: { ...known.log, pending } });
    const begun = await beginNextLog(root, origin);
    // Unless it is not there either: then the operator has to find another.
    expect(begun.kids.log).toBe(lost === true ? old : kid);
    const { former } = await readSuccession(
      join(root, readSignerConfig(state).memory ?? '', 'succession.json'),
      begun.origin,
    );
    expect(former).toEqual(lost === true ? [] : [old]);
  }
});
