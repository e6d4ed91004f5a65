// `warder setup --separated`: what root does to separate agents, daemon and signer. Each step looks whether
// it is done already. Root writes nothing below a directory that is not root's.

import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  type Stats,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { WarderError } from '../../base/errors/errors.ts';
import { Accounts } from './accounts.ts';
import {
  agentGroup,
  DAEMON_SIGNER_STATE,
  DAEMON_USER,
  HOME,
  installRecord,
  installRecordPath,
  isGroupName,
  operatorGroup,
  type Place,
  places,
  SIGNER_USER,
  type SignerPlace,
  socketPlaces,
} from './layout.ts';
import { weakPoint } from './safe-path.ts';
import {
  signerUnitPath,
  signerUnitText,
  tmpfilesPath,
  tmpfilesText,
  unitPath,
  unitText,
} from './unit.ts';
import { placeFault, treeWeakPoints } from './verify-separation.ts';

/** Who of the machine is which agent or operator. */
export interface Role {
  readonly name: string;
  readonly user: string;
}

export interface SetupWish {
  readonly agents: readonly Role[];
  /** `operator` or another name. */
  readonly operators: readonly Role[];
  /** Root directory of the system that is set up; `/` or an image's. */
  readonly root: string;
  /** Absolute path of the `warder` command's file. */
  readonly entry: string;
}

/** One thing to do. */
export interface Step {
  readonly text: string;
  isDone(): boolean;
  apply(): void;
}

export interface SetupPlan {
  readonly steps: readonly Step[];
  /** Those of the wish and those there were. */
  readonly agents: readonly string[];
  /** Besides the one called `operator`. */
  readonly operators: readonly string[];
  readonly signer: SignerPlace;
}

const ROLE = /^[a-z0-9][a-z0-9-]{0,31}$/;
const AGENT_PREFIX = 'warder-agent-';
const OPERATOR_PREFIX = 'warder-operator-';

/**
 * Plans the steps; does nothing yet.
 *
 * @throws WarderError `usage` when the wish cannot be, `unavailable` when the package lies where others than
 *   root can write.
 */
export function planSetup(wish: SetupWish): SetupPlan {
  const { root, entry } = wish;
  const read = (): Accounts => Accounts.read(root);
  const accounts = read();
  checkWish(wish, accounts);
  const agents = known(accounts, AGENT_PREFIX, wish.agents);
  const operators = known(accounts, OPERATOR_PREFIX, wish.operators).filter(
    (name) => name !== 'operator',
  );
  const group = (name: string): Step => ({
    text: `group ${name}`,
    isDone: () => read().group(name) !== undefined,
    apply: () => system('groupadd', [...prefix(root), '--system', name]),
  });
  const user = (name: string, home: string): Step => ({
    text: `user ${name}`,
    isDone: () => read().user(name) !== undefined,
    apply: () =>
      system('useradd', [
        ...prefix(root),
        ...words(`--system --no-create-home --shell /usr/sbin/nologin --home-dir ${home}`),
        ...words(`--gid ${name} ${name}`),
      ]),
  });
  const member = (of: string, name: string): Step => ({
    text: `${name} has group ${of}`,
    isDone: () => {
      const now = read();
      const found = now.group(of);
      return found !== undefined && now.membersOf(found).some((each) => each.name === name);
    },
    apply: () => system('usermod', [...prefix(root), '--append', '--groups', of, name]),
  });
  const file = (path: string, text: string): Step => ({
    text: `file ${path}`,
    isDone: () => readOrNothing(join(root, path)) === text,
    apply: () => writeRootFile(join(root, path), text),
  });
  const place = (one: Place): Step => {
    const at = { ...one, path: join(root, one.path) };
    return {
      text: `directory ${one.path} ${one.owner}:${one.group} ${one.mode.toString(8)}`,
      isDone: () => placeFault(at, read()) === undefined,
      apply: () => makePlace(at, read()),
    };
  };
  // An install from before the signer was a process goes on as it is: its keys are in its home.
  const signer = existsSync(join(root, DAEMON_SIGNER_STATE)) ? 'in-daemon' : 'process';
  const steps = [
    group(DAEMON_USER),
    user(DAEMON_USER, HOME),
    group(SIGNER_USER),
    user(SIGNER_USER, '/var/lib/warder-sign'),
    group(operatorGroup('operator')),
    ...agents.map((name) => group(agentGroup(name))),
    ...operators.map((name) => group(operatorGroup(name))),
    ...wish.agents.map(({ name, user }) => member(agentGroup(name), user)),
    ...wish.operators.map(({ name, user }) => member(operatorGroup(name), user)),
    ...places(agents, operators, signer).map(place),
    file(installRecordPath, `${JSON.stringify(installRecord)}\n`),
    file(tmpfilesPath, tmpfilesText(socketPlaces(agents, operators, signer))),
    file(unitPath, unitText(process.execPath, entry, signer)),
    ...(signer === 'process'
      ? [file(signerUnitPath, signerUnitText(process.execPath, entry))]
      : []),
  ];
  return { steps, agents, operators, signer };
}

function checkWish({ agents, operators, root }: SetupWish, accounts: Accounts): void {
  const problems: string[] = [];
  for (const { name, user } of [...agents, ...operators]) {
    const found = accounts.user(user);
    if (!ROLE.test(name)) problems.push(`\`${name}\` is no name: names are like \`my-agent\``);
    else if (!isGroupName(agentGroup(name)) || !isGroupName(operatorGroup(name)))
      problems.push(`\`${name}\` is too long for the name of a group (at most 16 characters)`);
    if (found === undefined) problems.push(`there is no user \`${user}\`: \`useradd -m ${user}\``);
    else if (found.uid === 0)
      problems.push(`\`${user}\` is root, who cannot be kept from anything`);
    if (user === DAEMON_USER || user === SIGNER_USER)
      problems.push(`\`${user}\` runs warder itself`);
  }
  for (const { user } of agents) {
    if (operators.some((operator) => operator.user === user))
      problems.push(`\`${user}\` cannot be an agent and an operator`);
  }
  if (problems.length > 0) {
    throw new WarderError('usage', problems.join('; '), {
      hint: '`warder setup --separated --agent NAME=USER --operator USER`',
      data: { problems },
    });
  }
  // What an image will hold is checked where it runs.
  const weak = root === '/' ? treeWeakPoints() : [];
  if (weak.length > 0) {
    throw new WarderError('unavailable', `this warder is not root's alone: ${weak.join('; ')}`, {
      hint: 'install it to a place of root, `docker/runtime/install.sh /opt/warder`, with a Node of the system, and run setup from there',
      data: { weak },
    });
  }
}

/** Names in the wish and those that have a group already. */
function known(accounts: Accounts, start: string, wished: readonly Role[]): readonly string[] {
  const there = accounts.groups
    .map(({ name }) => (name.startsWith(start) ? name.slice(start.length) : ''))
    .filter((name) => ROLE.test(name));
  return [...new Set([...there, ...wished.map(({ name }) => name)])];
}

/**
 * Makes a directory what it shall be. One that root or its owner made is put right; anything else in its
 * place is somebody's trick or mistake, and for a person to look at.
 */
function makePlace({ path, owner, group, mode }: Place, accounts: Accounts): void {
  const uid = accounts.user(owner)?.uid;
  const gid = accounts.group(group)?.gid;
  if (uid === undefined || gid === undefined) {
    throw new WarderError('unavailable', `there is no \`${owner}:${group}\``, {
      hint: 'was it made in this run? see the steps before',
    });
  }
  const above = dirname(path);
  if (!existsSync(above)) mkdirSync(above, { recursive: true, mode: 0o755 });
  const weak = weakPoint(above);
  if (weak !== undefined) throw refused(path, weak);
  const there = lookAt(path);
  if (there === undefined) mkdirSync(path, { mode: 0o700 });
  else if (!there.isDirectory()) throw refused(path, 'something else is in its place');
  else if (there.uid !== 0 && there.uid !== uid)
    throw refused(path, `user ${there.uid} made it already`);
  chownSync(path, uid, gid);
  chmodSync(path, mode);
}

function refused(path: string, why: string): WarderError {
  return new WarderError('conflict', `\`${path}\` is not made: ${why}`, {
    hint: 'see who made it and what for, move it away, and run setup again',
  });
}

function lookAt(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Whole or not at all; a link in its place is replaced, not followed. */
function writeRootFile(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  const weak = weakPoint(dirname(path));
  if (weak !== undefined) throw refused(path, weak);
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  const descriptor = openSync(draft, 'wx', 0o600);
  writeSync(descriptor, text);
  fsyncSync(descriptor);
  closeSync(descriptor);
  chmodSync(draft, 0o644);
  renameSync(draft, path);
}

function readOrNothing(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function words(text: string): readonly string[] {
  return text.split(' ');
}

function prefix(root: string): readonly string[] {
  return root === '/' ? [] : ['--prefix', root];
}

/** Runs a program of the system, with nothing of the caller's environment. */
function system(command: string, args: readonly string[]): void {
  const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' };
  const ran = spawnSync(command, args, { env, cwd: '/', encoding: 'utf8' });
  if (ran.status === 0) return;
  const why = ran.error?.message ?? ran.stderr.trim();
  throw new WarderError('unavailable', `\`${command} ${args.join(' ')}\`: ${why}`, {
    hint: 'users are made with useradd, groupadd and usermod (package `passwd` or `shadow`)',
  });
}
