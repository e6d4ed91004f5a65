// Puts another signing key into config.json, and leaves everything else in it as it stands.

import { readFile } from 'node:fs/promises';
import { applyEdits, modify } from 'jsonc-parser';
import { WarderError } from '../../base/errors/errors.ts';
import { writeDurably } from '../../trust/receipt/durable-file.ts';
import { type KeyPin, parseConfig } from './config.ts';

/**
 * Pins the signing key. After a power cut the file is the old one or the new one, whole.
 *
 * @throws WarderError `usage` when the file is no config; `unavailable` when it cannot be written.
 */
export async function pinSigningKey(path: string, pin: KeyPin): Promise<void> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw unwritable(path, cause);
  }
  parseConfig(text, path);
  const formattingOptions = { insertSpaces: true, tabSize: 2 };
  const value = { uri: pin.uri, kid: pin.kid };
  const next = applyEdits(text, modify(text, ['key'], value, { formattingOptions }));
  const { key } = parseConfig(next, path);
  if (key.uri !== pin.uri || key.kid !== pin.kid) {
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
    hint: 'make it writable: the next start puts the key in that the store names',
  });
}
