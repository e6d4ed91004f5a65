import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WarderError } from '../../../src/base/errors/errors.ts';
import {
  decodeBundle,
  encodeBundle,
  type TranspiledComponent,
} from '../../../src/run/sandbox/transpile/bundle.ts';
import { TranspileCache } from '../../../src/run/sandbox/transpile/cache.ts';
import { readComponentExports } from '../../../src/run/sandbox/transpile/component-exports.ts';
import { shapeOf } from '../../../src/run/sandbox/transpile/shape.ts';
import { generatorVersion, transpile } from '../../../src/run/sandbox/transpile/transpile.ts';

const fixtures = join(import.meta.dirname, '../../fixtures/wasm');
const fixture = async (name: string): Promise<Uint8Array> =>
  new Uint8Array(await readFile(join(fixtures, `${name}.wasm`)));

async function refusal(work: Promise<unknown>): Promise<string> {
  const outcome = await work.then(
    () => 'done',
    (error: unknown) => error,
  );
  if (outcome instanceof WarderError) return `${outcome.code}: ${outcome.message}`;
  if (outcome === 'done') return outcome;
  throw outcome;
}

describe('the transpiler process', () => {
  it('gives glue, cores and shape', async () => {
    const { glue, cores, shape } = await transpile(await fixture('typed'));
    expect(glue).toContain('export function instantiate');
    expect([...cores.keys()]).toEqual(['component.core.wasm']);
    expect(JSON.parse(shape)).toMatchObject({
      convention: 'wit',
      operations: [{ name: 'add' }, { name: 'greet' }],
    });
    expect(generatorVersion()).toMatch(/^\d+\.\d+\.\d+/);
  });

  it('refuses what is no component', async () => {
    expect(await refusal(transpile(await fixture('plain')))).toMatch(
      /^not-admitted: .*no component/,
    );
    expect(await refusal(transpile(new Uint8Array()))).toMatch(/^not-admitted: /);
    const typed = await fixture('typed');
    expect(await refusal(transpile(typed.subarray(0, typed.length - 40)))).toMatch(
      /^not-admitted: /,
    );
  });

  it('is ended at its deadline', async () => {
    expect(await refusal(transpile(await fixture('probe-component'), { timeoutMs: 50 }))).toBe(
      'not-admitted: the component takes too long to transpile',
    );
  });

  it('is ended when its answer grows too large', async () => {
    expect(
      await refusal(transpile(await fixture('probe-component'), { outputBytes: 100_000 })),
    ).toBe('not-admitted: the component grows too large when transpiled');
  });

  it('survives a component of damaged bytes', async () => {
    const typed = await fixture('typed');
    for (let at = 8; at < typed.length; at += Math.ceil(typed.length / 12)) {
      const damaged = typed.slice();
      damaged[at] = (damaged[at] ?? 0) ^ 0x55;
      expect(await refusal(transpile(damaged))).toMatch(/^(?:not-admitted: |done$)/);
    }
  });
});

describe('types out of a component’s bytes', () => {
  it('damaged bytes are refused or read, never anything else', async () => {
    const typed = await fixture('typed');
    for (let at = 0; at < typed.length; at += 1) {
      for (const flip of [0x01, 0x80, 0xff]) {
        const damaged = typed.slice();
        damaged[at] = (damaged[at] ?? 0) ^ flip;
        try {
          shapeOf(readComponentExports(damaged));
        } catch (error) {
          expect(error).toBeInstanceOf(WarderError);
        }
      }
    }
  });

  it('a few bytes that mean millions of types are refused', () => {
    // type 0 = tuple(u8, u8); type n = tuple(n-1, n-1)
    const types = [[0x6f, 2, 0x7d, 0x7d]];
    for (let index = 1; index < 60; index += 1) types.push([0x6f, 2, index - 1, index - 1]);
    const body = [types.length, ...types.flat()];
    const bytes = [
      0,
      0x61,
      0x73,
      0x6d,
      0x0d,
      0,
      1,
      0,
      7,
      (body.length & 0x7f) | 0x80,
      body.length >> 7,
      ...body,
    ];
    expect(() => readComponentExports(Uint8Array.from(bytes))).toThrow('more than 2000 parts');
  });

  it('names that could become code are refused', () => {
    const functions = new Map([["x'];evil()//", { params: [] }]]);
    expect(() => shapeOf({ functions, instances: new Map() })).toThrow('is not allowed');
    const instances = new Map([
      ['a:b/c`${evil()}`', { functions: new Map(), instances: new Map() }],
    ]);
    expect(() => shapeOf({ functions: new Map(), instances })).toThrow('is not allowed');
  });

  it('equal names in two instances are told apart', () => {
    const one = { functions: new Map([['go', { params: [] }]]), instances: new Map() };
    const shape = shapeOf({
      functions: new Map([['init', { params: [] }]]),
      instances: new Map([
        ['a:b/left@1.0.0', one],
        ['a:b/right@1.0.0', one],
        ['wasi:cli/run@0.2.0', one],
      ]),
    });
    expect(shape.convention === 'wit' && shape.operations.map(({ name }) => name)).toEqual([
      'left_go',
      'right_go',
    ]);
  });
});

describe('the cache of transpiled components', () => {
  let folder: string;
  let made = 0;
  const component: TranspiledComponent = {
    glue: 'export const glue = "ü";',
    shape: '{}',
    cores: new Map([['component.core.wasm', Uint8Array.of(1, 2, 3)]]),
  };
  const digest = 'ab'.repeat(32);
  const bytes = (): Promise<Uint8Array> => Promise.resolve(Uint8Array.of(0));

  function cache(key = 1, generator = '1.0.0'): TranspileCache {
    const counted = (): Promise<TranspiledComponent> => {
      made += 1;
      return Promise.resolve(component);
    };
    return new TranspileCache({
      folder,
      key: new Uint8Array(32).fill(key),
      generator,
      transpile: counted,
    });
  }

  beforeEach(async () => {
    folder = join(await mkdtemp(join(tmpdir(), 'warder-cache-')), 'cache');
    made = 0;
  });
  afterEach(() => rm(join(folder, '..'), { recursive: true }));

  it('makes a component once and reads it whole', async () => {
    expect(await cache().get(digest, bytes)).toEqual(component);
    expect(await cache().get(digest, bytes)).toEqual(component);
    expect(made).toBe(1);
    const [file = ''] = await readdir(folder);
    expect((await stat(join(folder, file))).mode & 0o777).toBe(0o600);
  });

  it('makes it once for callers at the same time', async () => {
    const one = cache();
    await Promise.all([one.get(digest, bytes), one.get(digest, bytes)]);
    expect(made).toBe(1);
  });

  it('makes it again after any change to the file, under another key or generator', async () => {
    await cache().get(digest, bytes);
    const [file = ''] = await readdir(folder);
    const kept = await readFile(join(folder, file));
    for (const at of [0, 31, 32, 40, kept.length - 1]) {
      const changed = Buffer.from(kept);
      changed[at] = (changed[at] ?? 0) ^ 1;
      await writeFile(join(folder, file), changed);
      made = 0;
      expect(await cache().get(digest, bytes)).toEqual(component);
      expect(made).toBe(1);
    }
    for (const other of [cache(2), cache(1, '2.0.0')]) {
      made = 0;
      await other.get(digest, bytes);
      expect(made).toBe(1);
    }
  });

  it('a file moved to another component’s name is made again', async () => {
    await cache().get(digest, bytes);
    const [file = ''] = await readdir(folder);
    const other = 'cd'.repeat(32);
    await writeFile(join(folder, file.replace(digest, other)), await readFile(join(folder, file)));
    made = 0;
    await cache().get(other, bytes);
    expect(made).toBe(1);
  });

  it('no digest, no file', async () => {
    await expect(cache().get('../../etc/passwd', bytes)).rejects.toThrow('not a digest');
  });

  it('bundles that were cut do not parse', () => {
    const whole = encodeBundle(component);
    expect(decodeBundle(whole)).toEqual(component);
    for (let length = 0; length < whole.length; length += 1) {
      expect(() => decodeBundle(whole.subarray(0, length))).toThrow();
    }
  });
});
