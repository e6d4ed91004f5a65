// The exact bytes of installed packages, in HOME/tools/<sha256>.wasm: written whole or not at all,
// and checked against their name each time they are read.

import { createHash, randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { WarderError } from '../base/errors/errors.ts';

export class PackageFiles {
  readonly #folder: string;

  /** @param folder HOME/tools */
  constructor(folder: string) {
    this.#folder = folder;
  }

  #path(digest: string): string {
    if (!/^[0-9a-f]{64}$/.test(digest)) throw new WarderError('internal', 'not a digest');
    return join(this.#folder, `${digest}.wasm`);
  }

  /** Keeps bytes durably under their digest, which is the answer. Keeping them again changes nothing. */
  async write(bytes: Uint8Array): Promise<string> {
    const digest = sha256(bytes);
    const path = this.#path(digest);
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const temporary = join(this.#folder, `.${randomBytes(8).toString('hex')}.part`);
    try {
      const file = await open(temporary, 'wx', 0o600);
      try {
        await file.writeFile(bytes);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, path);
      await syncFolder(dirname(path));
    } finally {
      await rm(temporary, { force: true });
    }
    return digest;
  }

  /**
   * The bytes with this digest.
   *
   * @throws WarderError `unavailable` when they are gone, `verification-failed` when they changed.
   */
  async read(digest: string): Promise<Uint8Array> {
    let bytes: Uint8Array;
    try {
      bytes = new Uint8Array(await readFile(this.#path(digest)));
    } catch (cause) {
      if (cause instanceof WarderError) throw cause;
      throw new WarderError('unavailable', `the package file \`${digest}.wasm\` cannot be read`, {
        hint: 'remove the tool and add it again',
        cause,
      });
    }
    if (sha256(bytes) !== digest) {
      throw new WarderError(
        'verification-failed',
        `the package file \`${digest}.wasm\` was changed`,
        {
          hint: 'somebody wrote to HOME/tools; remove the tool and add it again from its source',
        },
      );
    }
    return bytes;
  }

  /** Forgets bytes no installation uses. */
  async remove(digest: string): Promise<void> {
    await rm(this.#path(digest), { force: true });
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
