// Reads one output path: a JSON pointer (RFC 6901) in which `*` stands for any member or index.

import { WarderError } from '../base/errors/errors.ts';
import { showText } from './names.ts';

const LONGEST = 512;
const DEEPEST = 32;

/**
 * The segments of a path; undefined for `*`.
 *
 * @throws WarderError `usage`.
 */
export function readOutputPath(path: string): readonly (string | undefined)[] {
  const segments = path.split('/').slice(1);
  const fits =
    path.startsWith('/') && path.length <= LONGEST && segments.length <= DEEPEST && isPlain(path);
  if (!fits || segments.includes('') || /~(?![01])/.test(path)) {
    throw new WarderError('usage', `\`${showText(path)}\` is not an output path`, {
      hint: "a JSON pointer into the structured answer, `*` for any member: `--output-path '/items/*/name'`",
    });
  }
  return segments.map((segment) =>
    segment === '*' ? undefined : segment.replaceAll('~1', '/').replaceAll('~0', '~'),
  );
}

function isPlain(path: string): boolean {
  return path.isWellFormed() && showText(path, LONGEST) === path;
}
