// What the level of an install is worth, said plainly.

import { statSync } from 'node:fs';
import type { Config } from '../config/config.ts';
import type { Home } from '../config/home.ts';
import type { Finding } from '../console/operations.ts';
import { findFaults, ptraceScope, signerPlace } from '../separation/verify-separation.ts';

/** What a level does not promise, in a line; on `ready` and `status`. */
export const notPromised: Readonly<Record<Config['assurance'], string>> = {
  personal: 'an agent with a shell of this user can do what the operator can',
  separated: 'root, operators and the kernel are trusted; so is who has an operator’s passphrase',
};

/** The level, what it does not promise, and what is not as the level has it. */
export function assuranceFindings(home: Home, config: Config | undefined): readonly Finding[] {
  // Without a config nothing is promised that takes one.
  if (config === undefined) return [personal];
  if (config.assurance === 'personal' && home.run === undefined) return [personal];
  const faults = findFaults(home, config, {
    uid: process.getuid?.() ?? 0,
    gids: [process.getgid?.() ?? 0, ...(process.getgroups?.() ?? [])],
  });
  if (faults.length > 0) {
    return faults.map(({ text, remedy }) => ({
      subject: 'assurance',
      state: 'problem',
      text: `not separated: ${text}`,
      remedy,
    }));
  }
  const scope = ptraceScope();
  return [
    {
      subject: 'assurance',
      state: 'ok',
      text:
        'separated: an agent with a shell cannot approve, change policy, read a key or signal the ' +
        'daemon. Not promised: against root, the kernel, or who has an operator and the passphrase',
    },
    signerPlace(config) === 'process'
      ? {
          subject: 'signer',
          state: 'ok',
          text: 'a process of its own, of user warder-sign: a daemon that is taken over reads no key',
        }
      : {
          subject: 'signer',
          state: 'note',
          text: 'runs within the daemon, which holds the key file',
          remedy: 'new installs have a signer process (docs/design/separated.md)',
        },
    {
      subject: 'ptrace',
      state: 'note',
      text:
        scope === undefined
          ? 'the kernel has no Yama; users are kept apart by their numbers'
          : `kernel.yama.ptrace_scope is ${scope}; users are kept apart by their numbers`,
    },
  ];
}

const personal: Finding = {
  subject: 'assurance',
  state: 'note',
  text:
    'personal: daemon, operator and agent share a user. Tools and remote agents are contained; an ' +
    'agent with a shell of this user can open the operator socket, read the store and use the keys',
  remedy:
    'run agents without a shell of this user, or `warder setup --separated` (docs/operations.md)',
};

/** Whether the home can be looked at by this process: that of a separated install is its daemon's alone. */
export function isOwn(home: Home): boolean {
  if (home.run === undefined) return true;
  try {
    return statSync(home.root).uid === process.getuid?.();
  } catch {
    return true;
  }
}

/** Instead of what is in the home. */
export function othersFinding(home: Home): Finding {
  return {
    subject: 'home',
    state: 'note',
    text: `${home.root} is its daemon's alone; what is in it the daemon tells operators`,
  };
}

/** What starts a daemon that does not run. */
export function starter(home: Home): string {
  return home.run === undefined ? 'any command starts it' : 'systemctl start warder';
}
