// Grant flags from the command line to the grant they make: read, checked against the file system,
// applied.

import { resolveDirectories, resolveWhatIsThere } from './directories.ts';
import { parseGrantFlags, type GrantFlagContext } from './grant-flags.ts';
import { applyGrant, type GrantChange } from './grant.ts';
import type { Grant } from './installation.ts';

/**
 * The grant after the operator's words.
 *
 * @param words As on the command line: `['--allow-read', '/home/me/docs:/docs', '--allow-kv']`.
 * @param forbidden Directories no grant may reach, warder's home first.
 * @throws WarderError `usage`
 */
export async function changeGrant(
  grant: Grant,
  words: readonly string[],
  change: GrantChange,
  forbidden: readonly string[],
  environment?: GrantFlagContext['environment'],
): Promise<Grant> {
  const removing = change === 'remove';
  const flags = parseGrantFlags(words, { removing, ...(environment && { environment }) });
  const resolved = removing
    ? await resolveWhatIsThere(flags)
    : await resolveDirectories(flags, forbidden);
  return applyGrant(grant, resolved, change);
}
