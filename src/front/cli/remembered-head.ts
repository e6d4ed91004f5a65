// The head an auditor saw last: a checkpoint in a file of the auditor's own, replaced by later ones only.

import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { WarderError } from '../../base/errors/errors.ts';
import { type Head, parseHead } from '../../trust/verify/checkpoint.ts';
import { parseNote } from '../../trust/verify/note.ts';

/**
 * The head in the file; undefined when there is none yet.
 *
 * @throws WarderError `malformed` for a file that holds anything else: what was seen must not be forgotten.
 */
export function readRemembered(path: string): Head | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new WarderError('usage', `cannot read \`${path}\``, { cause });
  }
  try {
    return parseHead(parseNote(text).text);
  } catch (cause) {
    throw new WarderError('malformed', `\`${path}\` holds no checkpoint`, {
      cause,
      hint: 'restore it; without it nobody notices that the log was cut back',
    });
  }
}

/** Replaces the file, durably, as a whole. */
export function writeRemembered(path: string, checkpoint: string): void {
  const draft = `${path}.${process.pid}.part`;
  try {
    const file = openSync(draft, 'wx', 0o600);
    writeSync(file, checkpoint);
    fsyncSync(file);
    closeSync(file);
    renameSync(draft, path);
  } catch (cause) {
    throw new WarderError('usage', `cannot write \`${path}\``, {
      cause,
      hint: 'the log was verified, but the next audit will not know it',
    });
  }
}
