// Changes what signer.json says, and leaves everything else in it, comments too.

import { readFile } from 'node:fs/promises';
import { applyEdits, modify } from 'jsonc-parser';
import { writeDurably } from '../../trust/receipt/durable-file.ts';
import { parseSignerConfig } from './signer-config.ts';

/** A member and what it shall say. */
export type ConfigEdit = readonly [path: readonly (string | number)[], value: unknown];

/**
 * After a power cut the file is the old one or the new one, whole.
 *
 * @throws WarderError `usage` when it would be no config of a signer; `unavailable` when it cannot be written.
 */
export async function editSignerConfig(path: string, edits: readonly ConfigEdit[]): Promise<void> {
  const formattingOptions = { insertSpaces: true, tabSize: 2 };
  let text = await readFile(path, 'utf8');
  for (const [member, value] of edits) {
    text = applyEdits(text, modify(text, [...member], value, { formattingOptions }));
  }
  parseSignerConfig(text, path);
  await writeDurably(path, text);
}
