// The separated install as data: which directory is where, whose it is, and who may enter it. What setup
// makes and what the daemon compares at its start are the same lines.

import { installRecordPath, type InstallRecord } from '../config/install-record.ts';

/** Runs the daemon. */
export const DAEMON_USER = 'warder';
/** Runs the signer. */
export const SIGNER_USER = 'warder-sign';
export const HOME = '/var/lib/warder';
const RUN = '/run/warder';
/** What is the signer's; no grant reaches it. */
export const SIGNER_STATE = '/var/lib/warder-sign';
/** State of the signer process: keys, PINs, memory. */
export const SIGNER_HOME: string = `${SIGNER_STATE}/signer`;
/** What the signer remembers where it is a part of the daemon: in installs from before it was a process. */
export const DAEMON_SIGNER_STATE: string = `${SIGNER_STATE}/in-daemon`;
const SIGNER_RUN = `${RUN}/signer`;
/** Where the daemon reaches the signer process. */
export const SIGNER_SOCKET: string = `${SIGNER_RUN}/signer.sock`;

/** Where keys are: in a process of their own, or in the daemon. */
export type SignerPlace = 'process' | 'in-daemon';

/** Longest name of a group, characters. */
const GROUP_MAX = 32;

/** A directory of the install. */
export interface Place {
  readonly path: string;
  readonly owner: string;
  readonly group: string;
  readonly mode: number;
}

/** Who may open the socket of an agent. */
export function agentGroup(agent: string): string {
  return `warder-agent-${agent}`;
}

/** Who may open the socket of an operator. */
export function operatorGroup(operator: string): string {
  return operator === 'operator' ? 'warder-operator' : `warder-operator-${operator}`;
}

/** Whether the system takes a group of that name. */
export function isGroupName(name: string): boolean {
  return name.length <= GROUP_MAX;
}

/**
 * Every directory, parents first. A directory of a socket belongs to the daemon, which makes the socket in
 * it, and to the group that may use it; new files take the group over from it (set-group-ID).
 *
 * @param operators besides the one called `operator`.
 */
export function places(
  agents: readonly string[],
  operators: readonly string[],
  signer: SignerPlace,
): readonly Place[] {
  const inDaemon = {
    path: DAEMON_SIGNER_STATE,
    owner: DAEMON_USER,
    group: DAEMON_USER,
    mode: 0o700,
  };
  return [
    rootOwned('/etc/warder'),
    { path: HOME, owner: DAEMON_USER, group: DAEMON_USER, mode: 0o700 },
    rootOwned(SIGNER_STATE),
    ...(signer === 'in-daemon' ? [inDaemon] : []),
    { path: SIGNER_HOME, owner: SIGNER_USER, group: SIGNER_USER, mode: 0o700 },
    ...socketPlaces(agents, operators, signer),
  ];
}

/** Those of them that are gone after a boot. */
export function socketPlaces(
  agents: readonly string[],
  operators: readonly string[],
  signer: SignerPlace,
): readonly Place[] {
  // The signer makes its socket there, and of all others the daemon alone may pass.
  const toSigner = { path: SIGNER_RUN, owner: SIGNER_USER, group: DAEMON_USER, mode: 0o2750 };
  return [
    rootOwned(RUN),
    ...(signer === 'process' ? [toSigner] : []),
    rootOwned(`${RUN}/agents`),
    rootOwned(`${RUN}/operators`),
    socketPlace(`${RUN}/operator`, operatorGroup('operator')),
    ...agents.map((name) => socketPlace(`${RUN}/agents/${name}`, agentGroup(name))),
    ...operators.map((name) => socketPlace(`${RUN}/operators/${name}`, operatorGroup(name))),
  ];
}

export const installRecord: InstallRecord = { version: 1, home: HOME, run: RUN };
export { installRecordPath };

function rootOwned(path: string): Place {
  return { path, owner: 'root', group: 'root', mode: 0o755 };
}

function socketPlace(path: string, group: string): Place {
  return { path, owner: DAEMON_USER, group, mode: 0o2750 };
}
