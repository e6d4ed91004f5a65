// The command line that starts a program in a jail: who becomes whose parent, in which namespaces.
//
//   unshare            outside, our child: ends when everything inside has ended
//     └ init           pid 1 inside, trusted: the shell that built the root, or bubblewrap
//         └ node       untrusted, in a user namespace below init's: it can neither trace nor end init
//
// The kernel ends a pid namespace with its init and lets init be reaped only when all of it is gone:
// the end of `unshare`, after init was killed, is the death of every process inside.

import type { Jailing } from './jail-plan.ts';
import { sharedLibraries } from './shared-libraries.ts';
import { buildRoot, quote, ROOT } from './jail-root.ts';

/** The user and group `nobody`, by number: the host's names are not asked. */
const NOBODY = '65534';

export interface Command {
  readonly command: string;
  readonly args: readonly string[];
}

/** Who reaches files of other users, and nothing else of root's. */
const FILE_CAPABILITIES = '-all,+chown,+dac_override,+dac_read_search,+fowner,+fsetid';

/**
 * The command that runs `node` with `args` in a jail.
 *
 * @param entry the file it runs, which the jail then holds.
 */
export function jailCommand(
  jailing: Jailing,
  node: string,
  args: readonly string[],
  entry: string,
): Command {
  const { tools } = jailing.jail;
  const inside = [tools.prlimit, ...limitFlags(jailing), '--', node, ...args];
  const script = [
    ...buildRoot(tools, jailing.filesystem, [
      node,
      tools.prlimit,
      ...libraries(jailing, node),
      entry,
    ]),
    ...run(jailing, inside),
  ];
  return {
    command: tools.setpriv,
    args: [
      ...words('--pdeathsig KILL --'),
      tools.unshare,
      ...(tools.asRoot ? [] : ['--user', '--map-root-user']),
      ...words('--mount --propagation private --pid --fork --kill-child=SIGKILL'),
      ...(isBubblewrapped(jailing) ? [] : namespaces(jailing)),
      '--',
      tools.shell,
      '-c',
      script.join('\n'),
    ],
  };
}

/** Whether bubblewrap closes the jail: it does for processes that keep nothing of the host. */
export function isBubblewrapped({ jail, filesystem }: Jailing): boolean {
  return jail.kind === 'bubblewrap' && filesystem.kind === 'minimal';
}

function libraries({ jail }: Jailing, node: string): readonly string[] {
  return [...sharedLibraries(node), ...sharedLibraries(jail.tools.prlimit)];
}

function namespaces({ network }: Jailing): readonly string[] {
  return ['--ipc', '--uts', '--cgroup', ...(network === 'none' ? ['--net'] : [])];
}

/** The script's last lines: init becomes bubblewrap, or stays the shell and waits. */
function run(jailing: Jailing, inside: readonly string[]): readonly string[] {
  const { unshare, bwrap } = jailing.jail.tools;
  if (isBubblewrapped(jailing) && bwrap !== undefined) {
    const closed = [...drop(jailing), bwrap, ...bubblewrapFlags(jailing), '--', ...inside];
    return [`exec ${quote(closed)}`];
  }
  const chroot = [`--root=${ROOT}`, '--wd=/', '--'];
  const nobody = ['--user', `--map-user=${NOBODY}`, `--map-group=${NOBODY}`];
  // A process whose root is not its mount namespace's can make no user namespace: the change of root
  // closes that way.
  const closed = keepsRoot(jailing)
    ? [unshare, ...chroot, ...drop(jailing), ...inside]
    : [...drop(jailing), unshare, ...nobody, ...chroot, ...inside];
  // Not the last command, lest the shell gives its place as init away.
  return [quote(closed), 'exit $?'];
}

/** Root's files are reached by root alone. */
function keepsRoot({ jail, filesystem }: Jailing): boolean {
  return jail.tools.asRoot && filesystem.kind === 'host';
}

/** Gives up what root has. A change of user forgets who ends it with its parent: it is said again. */
function drop(jailing: Jailing): readonly string[] {
  const { setpriv, asRoot } = jailing.jail.tools;
  const nobody = words(`--reuid ${NOBODY} --regid ${NOBODY} --clear-groups`);
  const less = keepsRoot(jailing) ? ['--bounding-set', FILE_CAPABILITIES] : nobody;
  return [setpriv, ...(asRoot ? less : []), ...words('--no-new-privs --pdeathsig KILL --')];
}

function bubblewrapFlags({ network }: Jailing): readonly string[] {
  return [
    ...words(`--unshare-user --uid ${NOBODY} --gid ${NOBODY} --disable-userns`),
    ...words('--unshare-ipc --unshare-uts --unshare-cgroup-try'),
    ...(network === 'none' ? ['--unshare-net'] : []),
    ...words('--die-with-parent --cap-drop ALL --hostname jail'),
    ...words(`--ro-bind ${ROOT} / --chdir /`),
  ];
}

function limitFlags({ jail, limits }: Jailing): readonly string[] {
  const { dataBytes, openFiles, processes, fileBytes } = limits;
  const flags = ['--core=0', '--msgqueue=0', '--memlock=0'];
  if (dataBytes !== undefined) flags.push(`--data=${dataBytes}`);
  if (openFiles !== undefined) flags.push(`--nofile=${openFiles}`);
  if (fileBytes !== undefined) flags.push(`--fsize=${fileBytes}`);
  if (processes !== undefined && jail.tools.countsPerJail) flags.push(`--nproc=${processes}`);
  return flags;
}

function words(text: string): readonly string[] {
  return text.split(' ');
}
