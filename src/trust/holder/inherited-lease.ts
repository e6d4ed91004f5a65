// A lease over an inherited descriptor: the environment carries only its number, never the token.

import { closeSync, readSync } from 'node:fs';
import { isJsonObject } from '../../base/encoding/json.ts';
import { parseJson } from '../../base/encoding/parse-json.ts';
import { WarderError } from '../../base/errors/errors.ts';
import { CHAIN_MAX } from '../lease/chain.ts';
import { type HolderKey, importHolderKey } from './holder-key.ts';

/** Variable that names the descriptor. */
export const DESCRIPTOR_VARIABLE = 'WARDER_LEASE_FD';
const BYTES_MAX = CHAIN_MAX + 4096;

/** What a process was given by its parent. */
export interface InheritedLease {
  readonly lease: string;
  readonly key: HolderKey;
}

/** What to write to the descriptor of a subprocess, for {@link inheritedLease} there. */
export function formatInheritance({ lease, key }: InheritedLease): string {
  return JSON.stringify({ lease, key: key.exportPrivate() });
}

/**
 * Reads the lease of this process from the descriptor its parent left open, to its end, and closes it.
 *
 * @param environment where the number of the descriptor is.
 * @throws WarderError `not-found` without the variable; `malformed` for what is no lease with its key.
 */
export async function inheritedLease(
  environment: Readonly<Record<string, string | undefined>>,
): Promise<InheritedLease> {
  const number = environment[DESCRIPTOR_VARIABLE];
  if (number === undefined) {
    throw new WarderError('not-found', `\`${DESCRIPTOR_VARIABLE}\` is not set`, {
      hint: 'start the process with a lease, or give the lease as text',
    });
  }
  if (!/^(?:[3-9]|[1-9]\d{1,3})$/.test(number)) malformed('is no number of a descriptor');
  const json = parseJson(readAll(Number(number)), { maxBytes: BYTES_MAX, maxDepth: 4 });
  if (!isJsonObject(json) || typeof json['lease'] !== 'string') malformed('holds no lease');
  return { lease: json['lease'], key: await importHolderKey(json['key']) };
}

function readAll(descriptor: number): Uint8Array {
  const bytes = new Uint8Array(BYTES_MAX + 1);
  let length = 0;
  try {
    for (let read = -1; read !== 0 && length < bytes.length; length += read) {
      read = readSync(descriptor, bytes, length, bytes.length - length, null);
    }
    closeSync(descriptor);
  } catch (cause) {
    malformed('cannot be read', cause);
  }
  return bytes.subarray(0, length);
}

function malformed(what: string, cause?: unknown): never {
  throw new WarderError('malformed', `the descriptor in \`${DESCRIPTOR_VARIABLE}\` ${what}`, {
    hint: 'it is set by whoever starts the process: leave it as it is',
    ...(cause === undefined ? {} : { cause }),
  });
}
