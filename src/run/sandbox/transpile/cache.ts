// Transpiled components on disk, so that a start need not make them again. Each file carries a MAC
// over its key and content: code that did not come from our transpiler is never run.

import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { chmod, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { WarderError } from '../../../base/errors/errors.ts';
import type { Jail } from '../../../base/process/jail-plan.ts';
import { decodeBundle, encodeBundle, type TranspiledComponent } from './bundle.ts';

const MAC_BYTES = 32;
/**
 * What is asked of the generator, and checked before it: raised when either changes, so that nothing
 * made under older rules is taken.
 */
const RULES = 2;

/** Where transpiled components are kept, and how they are made when they are not there. */
export interface TranspileCacheParts {
  /** HOME/cache. */
  readonly folder: string;
  /** At least 32 secret random bytes of this home. */
  readonly key: Uint8Array;
  /** Version of the generator: its output is another when it changes. */
  readonly generator: string;
  readonly transpile: (
    component: Uint8Array,
    jail: Jail | undefined,
  ) => Promise<TranspiledComponent>;
}

export class TranspileCache {
  readonly #parts: TranspileCacheParts;
  readonly #underWay = new Map<string, Promise<TranspiledComponent>>();

  constructor(parts: TranspileCacheParts) {
    if (parts.key.length < 32) throw new WarderError('internal', 'the cache key is too short');
    this.#parts = parts;
  }

  /**
   * The transpiled form of a component, from disk when it is there whole and untouched, else made now.
   *
   * @param digest SHA-256 of the component's bytes, hex.
   * @param component Reads the bytes; called only when they are needed.
   * @param jail of the transpiler, should it be needed.
   * @throws WarderError `not-admitted` from the transpiler
   */
  async get(
    digest: string,
    component: () => Promise<Uint8Array>,
    jail?: Jail,
  ): Promise<TranspiledComponent> {
    if (!/^[0-9a-f]{64}$/.test(digest)) throw new WarderError('internal', 'not a digest');
    const running = this.#underWay.get(digest);
    if (running !== undefined) return running;
    const work = this.#find(digest, component, jail).finally(() => this.#underWay.delete(digest));
    this.#underWay.set(digest, work);
    return work;
  }

  async #find(
    digest: string,
    component: () => Promise<Uint8Array>,
    jail: Jail | undefined,
  ): Promise<TranspiledComponent> {
    const kept = await this.#read(digest);
    if (kept !== undefined) return kept;
    const made = await this.#parts.transpile(await component(), jail);
    await this.#write(digest, encodeBundle(made));
    return made;
  }

  #path(digest: string): string {
    const version = this.#parts.generator.replaceAll(/[^0-9A-Za-z.-]/g, '_');
    return join(this.#parts.folder, `${digest}-${version}-${String(RULES)}.transpiled`);
  }

  #mac(digest: string, content: Uint8Array): Buffer {
    return createHmac('sha256', this.#parts.key)
      .update(`warder transpiled component ${String(RULES)}\0${digest}\0${this.#parts.generator}\0`)
      .update(content)
      .digest();
  }

  async #read(digest: string): Promise<TranspiledComponent | undefined> {
    let bytes: Uint8Array;
    try {
      bytes = new Uint8Array(await readFile(this.#path(digest)));
    } catch {
      return undefined;
    }
    if (bytes.length <= MAC_BYTES) return undefined;
    const content = bytes.subarray(MAC_BYTES);
    if (!timingSafeEqual(bytes.subarray(0, MAC_BYTES), this.#mac(digest, content)))
      return undefined;
    return decodeBundle(content);
  }

  async #write(digest: string, content: Uint8Array): Promise<void> {
    const { folder } = this.#parts;
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await chmod(folder, 0o700);
    const temporary = join(folder, `.${randomBytes(8).toString('hex')}.part`);
    try {
      const file = await open(temporary, 'wx', 0o600);
      try {
        await file.writeFile(this.#mac(digest, content));
        await file.writeFile(content);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, this.#path(digest));
    } finally {
      await rm(temporary, { force: true });
    }
  }
}
