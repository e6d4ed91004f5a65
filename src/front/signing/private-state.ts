// The state directory of a signer is its user's alone.

import { statSync } from 'node:fs';
import { WarderError } from '../../base/errors/errors.ts';

/** Keys, PINs and memory are in it. @throws WarderError `unavailable` when others could have been there. */
export function checkPrivate(root: string): void {
  let stats;
  try {
    stats = statSync(root);
  } catch (cause) {
    throw new WarderError('unavailable', `there is no signer in \`${root}\``, {
      cause,
      hint: 'make one: `warder signer init --state DIR`',
    });
  }
  if (stats.uid === process.getuid?.() && (stats.mode & 0o077) === 0) return;
  throw new WarderError('unavailable', `\`${root}\` is open to other users, or another user’s`, {
    hint: 'it has to be of the signer’s own user, mode 700; see who had access to it',
  });
}
