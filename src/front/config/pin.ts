// Puts another key or another log into config.json, and leaves everything else in it as it stands.

import { readFile } from 'node:fs/promises';
import { applyEdits, modify } from 'jsonc-parser';
import { WarderError } from '../../base/errors/errors.ts';
import { writeDurably } from '../../trust/receipt/durable-file.ts';
import { type Config, type KeyPin, parseConfig } from './config.ts';

/**
 * Pins a key. After a power cut the file is the old one or the new one, whole.
 *
 * @param member `key` signs leases and checkpoints, `logKey` the log alone.
 * @throws WarderError `usage` when the file is no config; `unavailable` when it cannot be written.
 */
export async function pinKey(
  path: string,
  member: 'key' | 'logKey',
  { uri, kid }: KeyPin,
): Promise<void> {
  await put(path, [[[member], { uri, kid }]], (config) => {
    return config[member].uri === uri && config[member].kid === kid;
  });
}

/** Names another log; the same otherwise. */
export async function pinLog(
  path: string,
  { origin, memory }: Pick<Config['log'], 'origin' | 'memory'>,
): Promise<void> {
  const edits: readonly Edit[] = [
    [['log', 'origin'], origin],
    [['log', 'memory'], memory],
  ];
  await put(path, edits, ({ log }) => log.origin === origin && log.memory === memory);
}

type Edit = readonly [path: string[], value: unknown];

async function put(
  path: string,
  edits: readonly Edit[],
  says: (config: Config) => boolean,
): Promise<void> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw unwritable(path, cause);
  }
  parseConfig(text, path);
  const formattingOptions = { insertSpaces: true, tabSize: 2 };
  let next = text;
  for (const [member, value] of edits) {
    next = applyEdits(next, modify(next, member, value, { formattingOptions }));
  }
  if (!says(parseConfig(next, path))) {
    throw new WarderError('internal', 'the config does not say what was put into it');
  }
  try {
    await writeDurably(path, next);
  } catch (cause) {
    throw unwritable(path, cause);
  }
}

function unwritable(path: string, cause: unknown): WarderError {
  return new WarderError('unavailable', `cannot write \`${path}\``, {
    cause,
    hint: 'make it writable: the next start puts in what the store names',
  });
}
