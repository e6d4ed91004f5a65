// Whether an install is what `separated` promises: looked at each time the daemon starts, never believed.

import { lstatSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { asWarderError, WarderError } from '../../base/errors/errors.ts';
import type { Config } from '../config/config.ts';
import type { Home } from '../config/home.ts';
import { readInstallRecord } from '../config/install-record.ts';
import { signerProcessOf } from '../signing/remote-keys.ts';
import { Accounts, type User } from './accounts.ts';
import {
  agentGroup,
  DAEMON_USER,
  HOME,
  installRecord,
  installRecordPath,
  operatorGroup,
  type Place,
  places,
  SIGNER_USER,
  type SignerPlace,
} from './layout.ts';
import { openPassphrase } from './operator-passphrase.ts';
import { weakPoint, weakPointBelow } from './safe-path.ts';

/** Groups whose members are root, or can make themselves root, or read every disk. */
const POWERFUL_GROUPS: ReadonlySet<string> = new Set(
  'root sudo wheel admin docker podman lxd libvirt disk shadow kmem'.split(' '),
);

/** Whose files are behind them. */
const OWN_GROUPS: readonly string[] = [DAEMON_USER, SIGNER_USER];

/** Whose process asks. */
export interface Self {
  readonly uid: number;
  /** All of them. */
  readonly gids: readonly number[];
}

/** Something that is not as it has to be. */
export interface Fault {
  readonly text: string;
  readonly remedy: string;
}

const SETUP = 'as root: `warder setup --separated`, with the agents and operators there are';

/** The package and the Node this process runs. */
const installTree = fileURLToPath(new URL('../../../', import.meta.url));

/**
 * Refuses to go on with an install that is not what it shall be, in either direction.
 *
 * @throws WarderError `unavailable` with every fault and its remedy.
 */
export function requireSeparation(home: Home, config: Config): void {
  const faults = findFaults(home, config, {
    uid: process.getuid?.() ?? 0,
    gids: [process.getgid?.() ?? 0, ...(process.getgroups?.() ?? [])],
  });
  if (faults.length === 0) return;
  const texts = faults.map(({ text }) => text);
  throw new WarderError('unavailable', `the install is not separated: ${texts.join('; ')}`, {
    hint: [...new Set(faults.map(({ remedy }) => remedy))].join('; '),
    data: { faults: texts },
  });
}

/** Everything that keeps an install from being what its config says; none: it is that. */
export function findFaults(
  home: Home,
  config: Config,
  self: Self,
  accounts: Accounts = Accounts.read(),
): readonly Fault[] {
  if (config.assurance === 'personal') {
    if (home.run === undefined) return [];
    const text = 'its config says nothing of `separated`, its place does';
    return [{ text, remedy: SETUP }];
  }
  if (home.run !== installRecord.run || home.root !== HOME || !isRecorded()) {
    const text = `\`${installRecordPath}\` does not name \`${home.root}\``;
    return [{ text, remedy: SETUP }];
  }
  const agents = Object.keys(config.agents);
  return [
    ...selfFaults(self, accounts),
    ...placeFaults(places(agents, config.operators, signerPlace(config)), accounts),
    ...treeFaults(),
    ...peopleFaults(agents, ['operator', ...config.operators], self, accounts),
    ...proofFaults(home, ['operator', ...config.operators]),
  ];
}

/** Where the keys of a home are. */
export function signerPlace({ logKey }: Config): SignerPlace {
  return signerProcessOf(logKey) === undefined ? 'in-daemon' : 'process';
}

function isRecorded(): boolean {
  if (weakPoint(installRecordPath) !== undefined) return false;
  const { home, run } = readInstallRecord() ?? {};
  return home === installRecord.home && run === installRecord.run;
}

function* selfFaults({ uid, gids }: Self, accounts: Accounts): Generator<Fault> {
  if (uid === 0 || uid !== accounts.user(DAEMON_USER)?.uid) {
    const text = `the daemon runs as user ${uid}, not as \`${DAEMON_USER}\``;
    yield { text, remedy: 'start it with `systemctl start warder`' };
  }
  const own = accounts.user(DAEMON_USER)?.gid;
  const others = [...new Set(gids)].filter((gid) => gid !== own);
  if (others.length > 0) {
    const text = `the daemon has groups besides its own: ${others.join(', ')}`;
    yield { text, remedy: `take \`${DAEMON_USER}\` out of them` };
  }
}

function* placeFaults(expected: readonly Place[], accounts: Accounts): Generator<Fault> {
  for (const place of expected) {
    const text = placeFault(place, accounts);
    if (text !== undefined) yield { text, remedy: SETUP };
  }
}

/** Why a directory is not what it shall be, or is in reach of somebody else. */
export function placeFault(place: Place, accounts: Accounts): string | undefined {
  const { path, owner, group, mode } = place;
  const [user, its] = [accounts.user(owner), accounts.group(group)];
  if (user === undefined) return `there is no user \`${owner}\``;
  if (its === undefined) return `there is no group \`${group}\``;
  let stats;
  try {
    stats = lstatSync(path);
  } catch (thrown) {
    return `\`${path}\`: ${asWarderError(thrown).message}`;
  }
  if (!stats.isDirectory()) return `\`${path}\` is not a directory`;
  const found = stats.mode & 0o7777;
  if (stats.uid !== user.uid || stats.gid !== its.gid || found !== mode) {
    const is = `${stats.uid}:${stats.gid} ${found.toString(8)}`;
    return `\`${path}\` is ${is}, not ${owner}:${group} ${mode.toString(8)}`;
  }
  return weakPoint(dirname(path));
}

/** Who can write what the daemon runs is the daemon. */
function* treeFaults(): Generator<Fault> {
  const remedy = 'install to a place of root: `docker/runtime/install.sh /opt/warder`, then setup';
  for (const text of treeWeakPoints()) yield { text, remedy };
}

/** What of the package and of Node others than root could change. */
export function treeWeakPoints(): readonly string[] {
  const parts = ['package.json', 'dist', 'node_modules'].map((name) => join(installTree, name));
  const [description = '', ...trees] = parts;
  return [
    weakPoint(process.execPath),
    weakPoint(description),
    ...trees.map((tree) => weakPointBelow(tree)),
  ].filter((weak) => weak !== undefined);
}

function* peopleFaults(
  agents: readonly string[],
  operators: readonly string[],
  self: Self,
  accounts: Accounts,
): Generator<Fault> {
  const members = (name: string): readonly User[] => {
    const group = accounts.group(name);
    return group === undefined ? [] : accounts.membersOf(group);
  };
  const ofOperators = new Set(operators.flatMap((name) => members(operatorGroup(name))));
  for (const agent of agents) {
    for (const user of members(agentGroup(agent))) {
      const powers = accounts
        .groupsOf(user)
        .filter((name) => POWERFUL_GROUPS.has(name) || OWN_GROUPS.includes(name));
      const why =
        user.uid === 0
          ? 'is root'
          : user.uid === self.uid
            ? 'is the user of the daemon'
            : ofOperators.has(user)
              ? 'is an operator as well'
              : powers.length > 0
                ? `has the group \`${powers.join('`, `')}\``
                : undefined;
      if (why === undefined) continue;
      const text = `\`${user.name}\`, who is agent \`${agent}\`, ${why}`;
      yield { text, remedy: `take \`${user.name}\` out of one of the groups: \`gpasswd -d\`` };
    }
  }
}

function* proofFaults(home: Home, operators: readonly string[]): Generator<Fault> {
  for (const operator of operators) {
    try {
      openPassphrase(home, operator);
    } catch (thrown) {
      const text = `operator \`${operator}\` has no passphrase: ${asWarderError(thrown).message}`;
      yield { text, remedy: SETUP };
    }
  }
}

/** What `kernel.yama.ptrace_scope` says; undefined where there is no Yama. */
export function ptraceScope(): string | undefined {
  try {
    return readFileSync('/proc/sys/kernel/yama/ptrace_scope', 'utf8').trim();
  } catch {
    return undefined;
  }
}
