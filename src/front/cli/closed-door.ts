// Why a socket of a separated install does not let this user in: nothing starts its daemon but the system.

import { accessSync, constants } from 'node:fs';
import { dirname } from 'node:path';
import { WarderError } from '../../base/errors/errors.ts';

/** The error to end with when nothing answers on the socket at `path`. */
export function closed(path: string, whose: 'agent' | 'operator'): WarderError {
  if (!isOpen(dirname(path)) || (isThere(path) && !isOpen(path))) {
    return new WarderError('unavailable', `this user may not open \`${path}\``, {
      hint:
        whose === 'agent'
          ? 'an agent is a member of the group `warder-agent-NAME` and says `--agent NAME`'
          : 'an operator is a member of the group `warder-operator`; agents are not',
    });
  }
  return new WarderError('unavailable', 'the daemon of this separated install does not run', {
    hint: 'as root: `systemctl start warder`; commands do not start it',
  });
}

function isThere(path: string): boolean {
  return can(path, constants.F_OK);
}

/** To connect takes the right to write, to enter a directory that to search it. */
function isOpen(path: string): boolean {
  return can(path, path.endsWith('.sock') ? constants.W_OK : constants.X_OK);
}

function can(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}
