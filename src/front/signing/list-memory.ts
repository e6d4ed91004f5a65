// What the signer remembers of revocation lists: the last number per tenant. Beside its memory of the log.

import { readFile } from 'node:fs/promises';
import { isJsonObject } from '../../base/encoding/json.ts';
import { parseJson } from '../../base/encoding/parse-json.ts';
import { WarderError } from '../../base/errors/errors.ts';
import type { ListMemory } from '../../trust/lease/revocation-admitter.ts';
import { writeDurably } from '../../trust/receipt/durable-file.ts';

const VERSION = 1;
const BYTES_MAX = 1024 * 1024;
/** With more of them it would not be read again. */
const TENANTS_MAX = 10_000;

const pathBeside = (logMemory: string): string =>
  `${logMemory.replace(/\.json$/, '')}.revocations.json`;

/** Makes the memory of a log that no list was signed for. The caller knows that there is none yet. */
export async function createListMemory(logMemory: string, origin: string): Promise<void> {
  await writeDurably(pathBeside(logMemory), format(origin, {}));
}

/**
 * Opens the memory that belongs to a log.
 *
 * @param logMemory the signer's memory of that log; without it nothing is signed at all.
 * @param missing what it means that there is none: `none` of a home that was made before there were lists, else
 *   that somebody took it away.
 * @throws WarderError `unavailable` when it is damaged or another log's, or missing where it must not be.
 */
export async function openListMemory(
  logMemory: string,
  origin: string,
  missing: 'none' | 'lost' = 'none',
): Promise<ListMemory> {
  const path = pathBeside(logMemory);
  const signed = await read(path, origin, missing);
  return {
    last: (tenant) => signed.get(tenant) ?? 0,
    remember: async (tenant, seq) => {
      if (!signed.has(tenant) && signed.size >= TENANTS_MAX) {
        throw new WarderError('limit-reached', `lists of ${TENANTS_MAX} tenants were signed`, {
          hint: 'make another home for further tenants',
        });
      }
      const next = Object.fromEntries([...signed, [tenant, seq]]);
      await writeDurably(path, format(origin, next));
      signed.set(tenant, seq);
    },
  };
}

function format(origin: string, signed: Readonly<Record<string, number>>): string {
  return `${JSON.stringify({ version: VERSION, origin, signed })}\n`;
}

async function read(
  path: string,
  origin: string,
  missing: 'none' | 'lost',
): Promise<Map<string, number>> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    if (missing === 'none' && (cause as NodeJS.ErrnoException).code === 'ENOENT') return new Map();
    throw unusable(path, cause);
  }
  try {
    const json = parseJson(text, { maxBytes: BYTES_MAX, maxDepth: 3 });
    if (!isJsonObject(json) || json['version'] !== VERSION) throw new TypeError('another version');
    if (json['origin'] !== origin) throw new TypeError('another log');
    const { signed } = json;
    if (!isJsonObject(signed)) throw new TypeError('no numbers');
    return new Map(
      Object.entries(signed).map(([tenant, seq]) => {
        if (!Number.isSafeInteger(seq) || (seq as number) < 1) throw new TypeError('no number');
        return [tenant, seq as number];
      }),
    );
  } catch (cause) {
    throw unusable(path, cause);
  }
}

function unusable(path: string, cause: unknown): WarderError {
  return new WarderError('unavailable', `the signer's memory \`${path}\` cannot be used`, {
    cause,
    hint: 'restore it from a backup; without it no revocation list is signed',
  });
}
