// The text of a config file that people edit: JSON with comments, read whole, and every bad path named at once.

import { readFileSync } from 'node:fs';
import { type ParseError, parse, printParseErrorCode } from 'jsonc-parser';
import { WarderError } from '../../base/errors/errors.ts';
import type { Checker } from './checker.ts';

/** Narrows the JSON of one kind of config file. */
export interface ConfigChecker<Config> extends Checker {
  /** What is returned counts only when there are no problems. */
  config(json: unknown): Config;
}

/**
 * Reads a config file.
 *
 * @param remedy hint for when there is none.
 * @throws WarderError `unavailable` when it cannot be read.
 */
export function readConfigText(path: string, remedy: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new WarderError('unavailable', `cannot read \`${path}\``, { cause, hint: remedy });
  }
}

/**
 * Parses and checks the text of a config file.
 *
 * @param source `path` and `noun` (`a warder config`) are for messages; `remedy` is the hint for what is wrong in it.
 * @throws WarderError `usage` that lists every bad path.
 */
export function checkConfigText<Config>(
  text: string,
  checker: ConfigChecker<Config>,
  source: { readonly path: string; readonly noun: string; readonly remedy: string },
): Config {
  const { path, noun, remedy } = source;
  const errors: ParseError[] = [];
  const json: unknown = parse(text, errors, { allowTrailingComma: true });
  const first = errors[0];
  if (first !== undefined) {
    const line = text.slice(0, first.offset).split('\n').length;
    throw new WarderError(
      'usage',
      `\`${path}\` line ${line}: ${printParseErrorCode(first.error)}`,
      { hint: 'the file is JSON with comments; mend it or restore a copy' },
    );
  }
  const config = checker.config(json);
  const { problems } = checker;
  if (problems.length === 0) return config;
  throw new WarderError('usage', `\`${path}\` is not ${noun}: ${problems.join('; ')}`, {
    hint: remedy,
    data: { problems },
  });
}
