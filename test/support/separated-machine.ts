// A machine of its own to install warder on: mount and process namespaces with private copies of /etc, /opt,
// /var/lib, /run, /home and /tmp. Nothing of it is left when it ends. Needs root.

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { childrenOf } from './processes.ts';
import { repository } from './warder.ts';

/** What a command on the machine ended with. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Machine {
  /** Runs a shell script as a user with that user's groups; never throws for an exit code. */
  run(user: string, script: string, input?: string): Promise<Ended>;
  /** {@link run} that expects exit code 0 and gives stdout. */
  ok(user: string, script: string, input?: string): Promise<string>;
  /** Ends everything on it. */
  end(): Promise<void>;
}

/** The command as it is installed on the machine. */
export const installed = '/opt/bin/warder';

const PATH = '/opt/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const SYSTEM_PROGRAMS = [
  'unshare',
  'nsenter',
  'setpriv',
  'mount',
  'useradd',
  'groupadd',
  'usermod',
];

/** Why no machine can be made here; undefined when one can. */
export function whyNoMachine(): string | undefined {
  if (process.getuid?.() !== 0) return 'only root can make users';
  const folders = PATH.split(':');
  const missing = SYSTEM_PROGRAMS.filter(
    (name) => !folders.some((folder) => existsSync(join(folder, name))),
  );
  return missing.length === 0 ? undefined : `there is no ${missing.join(', ')}`;
}

/** Makes a machine with these users, and warder installed below /opt as root's. */
export async function createMachine(users: readonly string[]): Promise<Machine> {
  const outer = spawn(
    'unshare',
    [
      ...words('--mount --propagation private --pid --fork --mount-proc'),
      ...words('--kill-child=SIGKILL -- sh -c'),
      stage(users),
    ],
    { stdio: ['pipe', 'pipe', 'pipe'], env: { PATH }, cwd: '/' },
  );
  await staged(outer);
  const [init] = childrenOf(outer.pid ?? 0);
  if (init === undefined) throw new Error('the machine has no first process');
  const run: Machine['run'] = (user, script, input = '') =>
    new Promise((resolve, reject) => {
      const child = spawn(
        'nsenter',
        [
          ...words(`--target ${init} --mount --pid -- setpriv`),
          ...words(`--reuid ${user} --regid ${user} --init-groups sh -c`),
          `cd /tmp; ${script}`,
        ],
        { stdio: ['pipe', 'pipe', 'pipe'], env: { PATH, HOME: `/home/${user}`, LC_ALL: 'C' } },
      );
      let [stdout, stderr] = ['', ''];
      child.stdout.on('data', (part: Buffer) => (stdout += part.toString()));
      child.stderr.on('data', (part: Buffer) => (stderr += part.toString()));
      child.once('error', reject);
      child.stdin.on('error', () => {});
      child.stdin.end(input);
      // Not `close`: what it leaves in the background may keep the pipes.
      child.once('exit', (code) => {
        setImmediate(() => resolve({ code: code ?? 128, stdout, stderr }));
      });
    });
  return {
    run,
    ok: async (user, script, input) => {
      const { code, stdout, stderr } = await run(user, script, input);
      if (code !== 0) throw new Error(`${user}: ${script}: exit ${code}\n${stderr}${stdout}`);
      return stdout;
    },
    end: () =>
      new Promise((resolve) => {
        outer.once('exit', () => resolve());
        // The end of the first process is the end of all of them, and of every mount.
        process.kill(init, 'SIGKILL');
      }),
  };
}

/** Runs the signer process as its own user, in the place of one that runs; resolves once it listens. */
export async function startSignerProcess(machine: Machine): Promise<void> {
  const serve =
    'warder signer serve --state /var/lib/warder-sign/signer --listen unix:/run/warder/signer/signer.sock';
  await machine.ok(
    'root',
    `if [ -f /tmp/signer.pid ]; then kill $(cat /tmp/signer.pid); while kill -0 $(cat /tmp/signer.pid); do sleep 0.1; done 2> /dev/null; fi; rm -f /tmp/signer.out; setpriv --reuid warder-sign --regid warder-sign --init-groups env HOME=/ ${serve} > /tmp/signer.out 2>&1 & echo $! > /tmp/signer.pid; for i in $(seq 100); do grep -q ready /tmp/signer.out && exit 0; sleep 0.1; done; cat /tmp/signer.out; exit 1`,
  );
}

/** Resolves once the stage is built. */
function staged(outer: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let errors = '';
    outer.stderr?.on('data', (part: Buffer) => (errors += part.toString()));
    outer.stdout?.once('data', () => resolve());
    outer.once('exit', () => reject(new Error(`the machine did not start: ${errors}`)));
  });
}

function stage(users: readonly string[]): string {
  const node = realpathSync(process.execPath);
  const to = '/mnt/opt/lib/warder';
  return `set -eu
mount -t tmpfs -o mode=755 stage /mnt
mkdir -p /mnt/etc /mnt/opt/bin ${to}
cp -a /etc/. /mnt/etc/
cp ${word(node)} /mnt/opt/bin/node
cd ${word(repository)}
cp -r dist package.json tools ${to}/
for package in ${runtimePackages().map(word).join(' ')}; do
  mkdir -p ${to}/"$package"
  cp -r "$package"/. ${to}/"$package"/
done
printf '#!/bin/sh\\nexec /opt/bin/node --disable-sigusr1 /opt/lib/warder/dist/bin/main.js "$@"\\n' > /mnt/opt/bin/warder
chown -R 0:0 /mnt/opt
chmod -R u=rwX,go=rX /mnt/opt
chmod 755 /mnt/opt/bin/node /mnt/opt/bin/warder
mount --bind /mnt/etc /etc
mount --bind /mnt/opt /opt
for place in /var/lib /run /home; do mount -t tmpfs -o mode=755 machine $place; done
mount -t tmpfs -o mode=1777 machine /tmp
cd /
for user in ${users.map(word).join(' ')}; do useradd --user-group --create-home "$user"; done
echo staged
cat
`;
}

/** Folders of the packages that run, without those that only build and test. */
function runtimePackages(): readonly string[] {
  const lock = JSON.parse(readFileSync(join(repository, 'package-lock.json'), 'utf8')) as {
    readonly packages: Readonly<
      Record<string, { readonly dev?: true; readonly devOptional?: true }>
    >;
  };
  return Object.entries(lock.packages)
    .filter(([path, { dev, devOptional }]) => path !== '' && !(dev ?? devOptional ?? false))
    .map(([path]) => path)
    .filter((path) => existsSync(join(repository, path)));
}

function words(text: string): readonly string[] {
  return text.split(' ');
}

function word(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
