// Where everything of one home lies, and the checks a home must pass before it is used.

import { existsSync, lstatSync, mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { WarderError } from '../../base/errors/errors.ts';
import { runDirectoryOf } from './install-record.ts';

/** Longest path a Unix socket can have on Linux, bytes. */
const SOCKET_PATH_MAX = 107;

/** Paths of one home. */
export interface Home {
  readonly root: string;
  /** Where the sockets of a separated install are; undefined: in the home itself. */
  readonly run: string | undefined;
  readonly config: string;
  readonly policy: string;
  readonly keys: string;
  readonly state: string;
  readonly log: string;
  readonly tools: string;
  readonly cache: string;
  readonly logs: string;
  /** What verifiers fetch: the JWKS, revocation lists. */
  readonly public: string;
  readonly agentSocket: string;
  readonly agents: string;
  readonly operatorSocket: string;
  /** Sockets of named operators. */
  readonly operators: string;
  readonly lock: string;
  readonly daemonInfo: string;
}

/** The home a command works on: the flag, else `WARDER_HOME`, else `~/.warder`. */
export function locateHome(
  flag: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): Home {
  const fromEnv = env['WARDER_HOME'];
  const root = resolve(flag ?? (fromEnv ? fromEnv : join(homedir(), '.warder')));
  const run = runDirectoryOf(root, env);
  const operatorSocket = join(run === undefined ? root : join(run, 'operator'), 'operator.sock');
  if (Buffer.byteLength(operatorSocket) > SOCKET_PATH_MAX) {
    throw new WarderError(
      'usage',
      `the home \`${run ?? root}\` is too long for a socket path (${Buffer.byteLength(operatorSocket)} bytes, at most ${SOCKET_PATH_MAX})`,
      { hint: 'choose a shorter directory with `--home`' },
    );
  }
  return {
    root,
    run,
    config: join(root, 'config.json'),
    policy: join(root, 'policy'),
    keys: join(root, 'keys'),
    state: join(root, 'state.db'),
    log: join(root, 'log'),
    tools: join(root, 'tools'),
    cache: join(root, 'cache'),
    logs: join(root, 'logs'),
    public: join(root, 'public'),
    agentSocket:
      run === undefined ? join(root, 'agent.sock') : join(run, 'agents/default/agent.sock'),
    agents: join(run ?? root, 'agents'),
    operatorSocket,
    operators: join(run ?? root, 'operators'),
    lock: join(root, 'lock.db'),
    daemonInfo: join(root, 'daemon.json'),
  };
}

/** The socket of a named agent; `default` listens on `agent.sock` itself. */
export function agentSocketPath(home: Home, agent: string): string {
  if (!/^[a-z0-9][a-z0-9-]{0,31}$/.test(agent)) {
    throw new WarderError('usage', `\`${agent}\` is not the name of an agent`, {
      hint: 'names are like `my-agent`; see `agents` in config.json',
    });
  }
  if (agent === 'default') return short(home.agentSocket, 'agent');
  return short(join(home.agents, own(home, agent, 'agent.sock')), 'agent');
}

/** The socket of an operator; the one called `operator` listens on `operator.sock` itself. */
export function operatorSocketPath(home: Home, operator: string): string {
  if (!/^[a-z0-9][a-z0-9-]{0,31}$/.test(operator)) {
    throw new WarderError('usage', `\`${operator.slice(0, 64)}\` is not the name of an operator`, {
      hint: 'names are like `alice`; see `operators` in config.json',
    });
  }
  if (operator === 'operator') return home.operatorSocket;
  return short(join(home.operators, own(home, operator, 'operator.sock')), 'operator');
}

/** In a separated install each socket is in a directory of its own, which says who may reach it. */
function own(home: Home, name: string, socket: string): string {
  return home.run === undefined ? `${name}.sock` : join(name, socket);
}

function short(path: string, whose: 'agent' | 'operator'): string {
  if (Buffer.byteLength(path) <= SOCKET_PATH_MAX) return path;
  throw new WarderError('usage', `the socket path \`${path}\` is too long`, {
    hint: `choose a shorter home or ${whose} name`,
  });
}

/** Creates the directories of a home, 0700 each; those of a separated install's sockets are root's to make. */
export function createHome(home: Home): void {
  // A link or a file in its place is for the check to refuse, before anything is made behind it.
  if (!existsSync(home.root)) mkdirSync(home.root, { recursive: true, mode: 0o700 });
  checkHome(home);
  const directories = [home.policy, home.keys, home.log, home.tools, home.cache];
  const sockets = home.run === undefined ? [home.agents, home.operators] : [];
  for (const directory of [...directories, home.logs, ...sockets]) {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  }
}

/**
 * Refuses a home others can reach.
 *
 * @throws WarderError `unavailable` when it is missing, a link, not ours, or open to others.
 */
export function checkHome(home: Home): void {
  let stat;
  try {
    stat = lstatSync(home.root);
  } catch (cause) {
    throw new WarderError('unavailable', `there is no warder home at \`${home.root}\``, {
      cause,
      hint: 'run `warder init`, or name another with `--home`',
    });
  }
  const uid = process.getuid?.();
  if (!stat.isDirectory() || (uid !== undefined && stat.uid !== uid)) {
    throw new WarderError('unavailable', `\`${home.root}\` is not a directory of this user`, {
      hint: 'a home is a real directory owned by the user who runs the daemon',
    });
  }
  if ((stat.mode & 0o077) !== 0) {
    throw new WarderError('unavailable', `\`${home.root}\` is open to other users`, {
      hint: `run \`chmod 700 ${home.root}\``,
    });
  }
}
