// Where the signer remembers what it signed: outside the home, so that a restored home cannot fork the log.

import { createHash } from 'node:crypto';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** The memory file of one log: `$XDG_STATE_HOME/warder-signer/…`, else below `~/.local/state`. */
export function signerMemoryPath(
  origin: string,
  env: Readonly<Record<string, string | undefined>> = process.env,
): string {
  const stated = env['XDG_STATE_HOME'];
  const base = stated === undefined || stated === '' ? join(homedir(), '.local', 'state') : stated;
  const name = createHash('sha256').update(origin).digest('hex').slice(0, 32);
  return join(base, 'warder-signer', `${name}.json`);
}
