// Transpiled code is what an executor evaluates. Whoever can write into HOME/cache, replay an old file
// there, or move one component's code to another's name, gets nothing run.

import { createHmac } from 'node:crypto';
import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  decodeBundle,
  encodeBundle,
  type TranspiledComponent,
} from '../../../src/run/sandbox/transpile/bundle.ts';
import { TranspileCache } from '../../../src/run/sandbox/transpile/cache.ts';

const [A, B] = ['a'.repeat(64), 'b'.repeat(64)];
const KEY = new Uint8Array(32).fill(7);
const component = (glue: string): TranspiledComponent => ({ glue, shape: '{}', cores: new Map() });
const evil = encodeBundle(component('evil'));

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'warder-planted-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** A cache whose transpiler says in its code what it was made of, and for which version. */
function cacheOf({ generator = '1.0.0', key = KEY } = {}): (digest: string) => Promise<string> {
  const cache = new TranspileCache({
    folder,
    key,
    generator,
    transpile: (bytes) =>
      Promise.resolve(component(`${Buffer.from(bytes).toString()} by ${generator}`)),
  });
  const bytes = (digest: string): Promise<Uint8Array> =>
    Promise.resolve(Buffer.from(digest.slice(0, 1)));
  return async (digest) => (await cache.get(digest, () => bytes(digest))).glue;
}

async function file(digest: string): Promise<string> {
  const names = await readdir(folder);
  return join(folder, names.find((name) => name.startsWith(digest)) ?? 'absent');
}

test('the naive form takes whatever lies there', () => {
  expect(decodeBundle(evil).glue).toBe('evil');
});

const forgeries: Readonly<Record<string, () => Uint8Array>> = {
  'without a MAC': () => evil,
  'with room for one': () => Buffer.concat([Buffer.alloc(32), evil]),
  'with a plain digest': () =>
    Buffer.concat([createHmac('sha256', '').update(evil).digest(), evil]),
  'with a MAC of its content alone': () =>
    Buffer.concat([createHmac('sha256', KEY).update(evil).digest(), evil]),
  'with a MAC by another key': () =>
    Buffer.concat([
      createHmac('sha256', new Uint8Array(32))
        .update(`warder transpiled component 2\0${A}\x001.0.0\0`)
        .update(evil)
        .digest(),
      evil,
    ]),
  'that is empty': () => new Uint8Array(),
};

test.each(Object.entries(forgeries))('a planted file %s', async (_, forge) => {
  expect(await cacheOf()(A)).toBe('a by 1.0.0');
  await writeFile(await file(A), forge());
  expect(await cacheOf()(A)).toBe('a by 1.0.0');
});

test('a file planted before its component was ever seen', async () => {
  await cacheOf()(B);
  const name = (await file(B)).replace(B, A);
  await writeFile(name, Buffer.concat([Buffer.alloc(32), evil]));
  expect(await cacheOf()(A)).toBe('a by 1.0.0');
});

test('the code of one component under the name of another', async () => {
  await cacheOf()(A);
  await cacheOf()(B);
  await copyFile(await file(A), await file(B));
  expect(await cacheOf()(B)).toBe('b by 1.0.0');
});

test('what an older generator made, under the name of the newer', async () => {
  await cacheOf({ generator: '1.0.0' })(A);
  const old = await file(A);
  const kept = await readFile(old);
  await rm(old);
  expect(await cacheOf({ generator: '1.0.1' })(A)).toBe('a by 1.0.1');
  await writeFile(await file(A), kept);
  expect(await cacheOf({ generator: '1.0.1' })(A)).toBe('a by 1.0.1');
});

test('what another home made', async () => {
  await cacheOf({ key: new Uint8Array(32).fill(9) })(A);
  await writeFile(
    await file(A),
    Buffer.from(
      (await readFile(await file(A))).toString('latin1').replace('a by', 'X by'),
      'latin1',
    ),
  );
  expect(await cacheOf()(A)).toBe('a by 1.0.0');
});

test('a flipped bit anywhere', async () => {
  await cacheOf()(A);
  const whole = await readFile(await file(A));
  for (let at = 0; at < whole.length; at += 7) {
    const damaged = Buffer.from(whole);
    damaged[at] = (damaged[at] ?? 0) ^ 0x10;
    await writeFile(await file(A), damaged);
    expect(await cacheOf()(A)).toBe('a by 1.0.0');
  }
});
