// The refusal of whatever needs the jail on a host that has none.

import { WarderError } from '../../base/errors/errors.ts';

export function withoutJail(): WarderError {
  return new WarderError('unavailable', 'this host has no jail, and without one no tool is run', {
    hint:
      '`warder doctor` names what to install, for example `apt install bubblewrap`; ' +
      'or grant `--unsafe-no-jail` to a tool you trust as you trust yourself',
  });
}
