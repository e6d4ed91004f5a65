// What the signer remembers of a log: the last head it let be signed. Kept outside what it guards.

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { decodeBase64, encodeBase64 } from '../../base/encoding/base64.ts';
import { isJsonObject } from '../../base/encoding/json.ts';
import { parseJson } from '../../base/encoding/parse-json.ts';
import { WarderError } from '../../base/errors/errors.ts';
import type { Head } from '../verify/checkpoint.ts';
import { emptyRoot, HASH_SIZE } from '../verify/merkle.ts';
import { writeDurably } from './durable-file.ts';

const VERSION = 1;

/**
 * Makes the memory of a new, empty log. Never over an existing one: who could reset the memory could
 * have a second history signed.
 *
 * @returns whether it was made; false when there was one.
 */
export async function createCheckpointMemory(path: string, origin: string): Promise<boolean> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  try {
    const head = { origin, size: 0, root: emptyRoot() };
    await writeFile(path, format(head), { flag: 'wx', mode: 0o600, flush: true });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/**
 * Reads the memory of a log.
 *
 * @throws WarderError `unavailable` when it is missing (which never means an empty log), damaged, or
 *   another log's.
 */
export async function readCheckpointMemory(path: string, origin: string): Promise<Head> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw unusable(path, 'cannot be read', cause);
  }
  try {
    const json = parseJson(text, { maxBytes: 4096, maxDepth: 2 });
    if (!isJsonObject(json) || json['version'] !== VERSION) throw new TypeError('another version');
    const { size, root } = json;
    if (!Number.isSafeInteger(size) || (size as number) < 0) throw new TypeError('no size');
    const hash = typeof root === 'string' ? decodeBase64(root) : new Uint8Array();
    if (hash.length !== HASH_SIZE) throw new TypeError('no root');
    if (json['origin'] !== origin) throw new TypeError('another log');
    return { origin, size: size as number, root: hash };
  } catch (cause) {
    throw unusable(path, 'is damaged or of another log', cause);
  }
}

/** Durable before it returns. */
export async function writeCheckpointMemory(path: string, head: Head): Promise<void> {
  try {
    await writeDurably(path, format(head));
  } catch (cause) {
    throw unusable(path, 'cannot be written', cause);
  }
}

function format({ origin, size, root }: Head): string {
  return `${JSON.stringify({ version: VERSION, epoch: 1, origin, size, root: encodeBase64(root) })}\n`;
}

function unusable(path: string, why: string, cause: unknown): WarderError {
  return new WarderError('unavailable', `the signer's memory \`${path}\` ${why}`, {
    hint: 'restore it from a backup; without it no checkpoint is signed',
    cause,
  });
}
