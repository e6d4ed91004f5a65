// Where executors' packages come from: the bytes kept by digest, components in their transpiled form.

import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { WarderError } from '../../base/errors/errors.ts';
import type { Jail } from '../../base/process/jail-plan.ts';
import { admit } from '../../catalog/admit.ts';
import type { Engine } from '../../catalog/installation.ts';
import type { PackageFiles } from '../../catalog/package-files.ts';
import type { Package } from '../../run/sandbox/executor/engine.ts';
import type { PackageSource } from '../../run/sandbox/sandbox.ts';
import { TranspileCache } from '../../run/sandbox/transpile/cache.ts';
import { generatorVersion, transpile } from '../../run/sandbox/transpile/transpile.ts';
import type { Home } from '../config/home.ts';

const KEY_BYTES = 32;

/** A source over HOME/tools and HOME/cache. */
export function createPackageSource(home: Home, files: PackageFiles): PackageSource {
  let cache: TranspileCache | undefined;
  const transpiled = async (
    digest: string,
    component: Uint8Array,
    jail: Jail | undefined,
  ): Promise<Package> => {
    cache ??= new TranspileCache({
      folder: home.cache,
      key: cacheKey(join(home.keys, 'cache.key')),
      generator: generatorVersion(),
      transpile: (bytes, within) => transpile(bytes, {}, within),
    });
    const { glue, cores, shape } = await cache.get(digest, () => Promise.resolve(component), jail);
    return { engine: 'component', glue, cores, shape, maxMemoryBytes: 0 };
  };
  const engines = new Map<string, Engine>();
  /** Once more in this process: an older version of warder may have let in what this one knows. */
  const engineOf = (digest: string, wasm: Uint8Array): Engine => {
    const engine = engines.get(digest) ?? admit(wasm).engine;
    engines.set(digest, engine);
    return engine;
  };
  return {
    load: async (digest, jail) => {
      const wasm = await files.read(digest);
      if (engineOf(digest, wasm) === 'extism') return { engine: 'extism', wasm, maxMemoryBytes: 0 };
      return transpiled(digest, wasm, jail);
    },
    prepare: async (wasm, _engine, jail) => {
      const { engine, digest } = admit(wasm);
      if (engine === 'extism') return { engine, wasm, maxMemoryBytes: 0 };
      return transpiled(digest, wasm, jail);
    },
  };
}

/** The key the cache's MACs are made with: this home's own, made once. */
function cacheKey(path: string): Uint8Array {
  try {
    const key = readFileSync(path);
    if (key.length === KEY_BYTES) return key;
    throw new WarderError('unavailable', `\`${path}\` is not a cache key`, {
      hint: 'remove it: components are then transpiled again',
    });
  } catch (error) {
    if (error instanceof WarderError) throw error;
  }
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  const descriptor = openSync(draft, 'wx', 0o600);
  writeSync(descriptor, randomBytes(KEY_BYTES));
  fsyncSync(descriptor);
  closeSync(descriptor);
  try {
    linkSync(draft, path);
  } catch {
    // Another process was first; its key counts.
  }
  unlinkSync(draft);
  return readFileSync(path);
}
