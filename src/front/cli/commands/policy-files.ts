// Reading drafts of a policy where an operator names them.

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { WarderError } from '../../../base/errors/errors.ts';
import { isPolicyFile, type PolicyFile } from '../../../decide/policy/policy-source.ts';

/** The policy files of a directory, or one file. @throws WarderError `usage`. */
export function readPolicyFiles(path: string): readonly PolicyFile[] {
  try {
    const paths = statSync(path).isDirectory()
      ? readdirSync(path)
          .filter(isPolicyFile)
          .sort()
          .map((name) => join(path, name))
      : [path];
    return paths.map((file) => ({ name: basename(file), text: readFileSync(file, 'utf8') }));
  } catch (cause) {
    throw new WarderError('usage', `cannot read policies from \`${path}\``, {
      cause,
      hint: 'name a `.cedar` or `.rules.json` file, or a directory that holds some',
    });
  }
}
