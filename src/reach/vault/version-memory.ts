// Which version of each secret was set last, beside the key and outside the database: so that an old
// row put back into the database is not taken for the present one.

import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, openSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { encodeHex } from '../../base/encoding/hex.ts';
import { isJsonObject } from '../../base/encoding/json.ts';
import { parseJson } from '../../base/encoding/parse-json.ts';
import { WarderError } from '../../base/errors/errors.ts';
import { readPrivateFile } from '../../trust/signer/file/private-file.ts';

const MOST_BYTES = 1 << 20;

/** The lowest version that may still be used, by secret. It only ever rises. */
export class VersionMemory {
  readonly #path: string;
  readonly #lowest: Map<string, number>;

  /** @throws WarderError `unavailable` when the file is there and cannot be believed. */
  constructor(path: string) {
    this.#path = path;
    this.#lowest = existsSync(path) ? read(path) : new Map();
  }

  lowest(tenant: string, name: string): number {
    return this.#lowest.get(`${tenant}/${name}`) ?? 1;
  }

  /** Remembers versions, durably when one is new. */
  raise(versions: Iterable<{ tenant: string; name: string; version: number }>): void {
    let raised = false;
    for (const { tenant, name, version } of versions) {
      if (version <= (this.#lowest.get(`${tenant}/${name}`) ?? 0)) continue;
      this.#lowest.set(`${tenant}/${name}`, version);
      raised = true;
    }
    if (raised) replace(this.#path, JSON.stringify(Object.fromEntries(this.#lowest)));
  }
}

function read(path: string): Map<string, number> {
  const bytes = readPrivateFile(path, 'file of secret versions', MOST_BYTES);
  try {
    const json = parseJson(bytes, { maxBytes: MOST_BYTES, maxDepth: 2 });
    if (!isJsonObject(json)) throw new TypeError('not an object');
    return new Map(
      Object.entries(json).map(([secret, version]) => {
        if (!Number.isSafeInteger(version)) throw new TypeError('not a version');
        return [secret, version as number];
      }),
    );
  } catch (cause) {
    throw new WarderError('unavailable', `\`${path}\` is not the vault's file of versions`, {
      cause,
      hint: 'restore it from the backup of this home',
    });
  }
}

function replace(path: string, text: string): void {
  try {
    const draft = `${path}.new-${encodeHex(randomBytes(8))}`;
    const descriptor = openSync(draft, 'wx', 0o600);
    try {
      writeSync(descriptor, text);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(draft, path);
    const directory = openSync(dirname(path), 'r');
    fsyncSync(directory);
    closeSync(directory);
  } catch (cause) {
    throw new WarderError('unavailable', `cannot write \`${path}\``, {
      cause,
      hint: 'make room on the disk and check that the home is yours',
    });
  }
}
