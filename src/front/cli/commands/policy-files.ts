// Reading drafts of a policy where an operator names them.

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { WarderError } from '../../../base/errors/errors.ts';
import { isPolicyFile, type PolicyFile } from '../../../decide/policy/policy-source.ts';

/** What somebody meant to be a policy file and would be passed over. */
const NEARLY = /\.(?:cedar|rules(?:\.json[c5]?)?)$/i;

/**
 * The policy files of a directory, or one file.
 *
 * @throws WarderError `usage` when they cannot be read, or one is misnamed.
 */
export function readPolicyFiles(path: string): readonly PolicyFile[] {
  return namesOf(path).map((file) => ({ name: basename(file), text: read(file) }));
}

function namesOf(path: string): readonly string[] {
  let names: readonly string[];
  try {
    if (!statSync(path).isDirectory()) return [path];
    names = readdirSync(path);
  } catch (cause) {
    throw unreadable(path, cause);
  }
  const misnamed = names.find((name) => NEARLY.test(name) && !isPolicyFile(name));
  if (misnamed !== undefined) {
    throw new WarderError('usage', `\`${misnamed}\` would not be read as a policy`, {
      hint: 'name it `NAME.cedar` or `NAME.rules.json`, or take it out of the directory',
    });
  }
  return names
    .filter(isPolicyFile)
    .sort()
    .map((name) => join(path, name));
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw unreadable(file, cause);
  }
}

function unreadable(path: string, cause: unknown): WarderError {
  return new WarderError('usage', `cannot read policies from \`${path}\``, {
    cause,
    hint: 'name a `.cedar` or `.rules.json` file, or a directory that holds some',
  });
}
