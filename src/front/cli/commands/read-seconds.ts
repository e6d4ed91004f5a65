// How long a command waits for a proof, as people write it.

import { WarderError } from '../../../base/errors/errors.ts';
import { parseDuration } from '../../../catalog/measures.ts';

/** Whole seconds of a duration. @throws WarderError `usage`. */
export function readSeconds(text: string, option: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined && ms <= 600_000) return Math.ceil(ms / 1000);
  throw new WarderError('usage', `\`${option} ${text}\` is no duration of at most 10 minutes`, {
    hint: 'e.g. 30s',
  });
}
