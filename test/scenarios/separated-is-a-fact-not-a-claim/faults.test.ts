// A daemon whose config says `separated` looks whether it is, each time it starts. Whatever is open to others,
// or somebody else's, keeps it from starting; setup mends what may be mended without asking, and falls for
// nothing that was put in its way.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createMachine,
  type Machine,
  startSignerProcess,
  whyNoMachine,
} from '../../support/separated-machine.ts';

const why = whyNoMachine();
if (why !== undefined) console.error(`SKIPPED: no separated install can be tried here: ${why}`);

const SERVE =
  'timeout 20 setpriv --reuid warder --regid warder --init-groups warder --home /var/lib/warder --json serve';
const SETUP = 'warder setup --separated';

interface Fault {
  readonly name: string;
  readonly make: string;
  readonly says: string;
  /** Setup, where it may put it right. */
  readonly mend?: string;
}

const faults: readonly Fault[] = [
  {
    name: 'a home others can enter',
    make: 'chmod 755 /var/lib/warder',
    says: 'is open to other users',
  },
  {
    name: 'a home that its group can read',
    make: 'chmod 740 /var/lib/warder',
    says: 'is open to other users',
  },
  {
    name: "an agent's directory that everybody can enter",
    make: 'chmod 2755 /run/warder/agents/coder',
    says: '2755, not warder:warder-agent-coder 2750',
  },
  {
    name: "an agent's directory of another group",
    make: 'chgrp warder-agent-rival /run/warder/agents/coder; chmod 2750 /run/warder/agents/coder',
    says: 'not warder:warder-agent-coder 2750',
  },
  {
    name: 'a place for sockets that everybody can write',
    make: 'chmod 777 /run/warder/agents',
    says: '`/run/warder/agents` is 0:0 777',
  },
  {
    name: 'an operator directory that is gone',
    make: 'rm -r /run/warder/operator',
    says: '/run/warder/operator',
  },
  {
    name: "the signer's keys and memory in others' reach",
    make: 'chmod 755 /var/lib/warder-sign/signer',
    says: '/var/lib/warder-sign/signer',
  },
  {
    name: 'a way to the signer for everybody',
    make: 'chmod 2755 /run/warder/signer',
    says: '2755, not warder-sign:warder 2750',
  },
  {
    name: 'a package that others can write',
    make: 'chmod 666 /opt/lib/warder/dist/executor/executor.mjs',
    says: '`/opt/lib/warder/dist/executor/executor.mjs` can be written by others',
    mend: 'chmod 644 /opt/lib/warder/dist/executor/executor.mjs',
  },
  {
    name: 'a package of the daemon itself',
    make: 'chown warder /opt/lib/warder/node_modules/undici/index.js',
    says: '`/opt/lib/warder/node_modules/undici/index.js` belongs to user',
    mend: 'chown 0 /opt/lib/warder/node_modules/undici/index.js',
  },
  {
    name: 'a link in the package that leads to an agent',
    make: 'ln -s /home/coder /opt/lib/warder/dist/more',
    says: '`/home/coder` belongs to user',
    mend: 'rm /opt/lib/warder/dist/more',
  },
  {
    name: 'a directory above the package that others can write',
    make: 'chmod 777 /opt/lib',
    says: '`/opt/lib` can be written by others',
    mend: 'chmod 755 /opt/lib',
  },
  {
    name: 'a Node of an agent',
    make: 'chown coder /opt/bin/node',
    says: '`/opt/bin/node` belongs to user',
    mend: 'chown 0 /opt/bin/node',
  },
  {
    name: 'an agent who is an operator as well',
    make: 'gpasswd -a coder warder-operator',
    says: '`coder`, who is agent `coder`, is an operator as well',
    mend: 'gpasswd -d coder warder-operator',
  },
  {
    name: 'an agent who can make itself root',
    make: 'groupadd -f docker; gpasswd -a coder docker',
    says: '`coder`, who is agent `coder`, has the group `docker`',
    mend: 'gpasswd -d coder docker',
  },
  {
    name: "an agent with the daemon's group",
    make: 'gpasswd -a coder warder',
    says: 'has the group `warder`',
    mend: 'gpasswd -d coder warder',
  },
  {
    name: 'a daemon with the group of an agent',
    make: 'gpasswd -a warder warder-agent-coder',
    says: 'the daemon has groups besides its own',
    mend: 'gpasswd -d warder warder-agent-coder',
  },
  {
    name: 'a config that says nothing of it',
    make: `sed -i 's/"separated"/"personal"/' /var/lib/warder/config.json`,
    says: 'its config says nothing of `separated`',
  },
  {
    name: 'an agent in the config that setup did not make',
    make: `cp /var/lib/warder/config.json /run/kept; sed -i 's/"agents": {/"agents": { "ghost": {"capabilities":[{"type":"tool.call","tools":["*"]}]},/' /var/lib/warder/config.json`,
    says: 'there is no group `warder-agent-ghost`',
    mend: 'cat /run/kept > /var/lib/warder/config.json',
  },
  {
    name: 'an operator without a passphrase',
    make: 'rm /var/lib/warder/proofs/operator.json',
    says: 'operator `operator` has no passphrase',
    mend: `echo 'four words of alice' | ${SETUP}`,
  },
  {
    name: 'a record that others can write',
    make: 'chmod 666 /etc/warder/install.json',
    says: '`/etc/warder/install.json` does not name',
    mend: 'chmod 644 /etc/warder/install.json',
  },
];

describe.skipIf(why !== undefined)('a separated install', () => {
  let machine: Machine;

  beforeAll(async () => {
    machine = await createMachine(['coder', 'rival', 'alice']);
    await machine.ok(
      'root',
      `${SETUP} --agent coder=coder --agent rival=rival --operator alice`,
      'four words of alice\n',
    );
    await startSignerProcess(machine);
  }, 120_000);
  afterAll(() => machine.end());

  /** Whether the daemon comes up; one that does is ended. */
  const starts = async (): Promise<{ readonly ready: boolean; readonly said: string }> => {
    const script = `rm -f /run/out /run/err /run/pid; ${SERVE} > /run/out 2> /run/err & echo $! > /run/pid; for i in $(seq 150); do grep -q . /run/out 2> /dev/null && break; kill -0 $(cat /run/pid) 2> /dev/null || break; sleep 0.1; done; kill $(cat /run/pid) 2> /dev/null; wait; cat /run/out /run/err`;
    const { stdout } = await machine.run('root', script);
    return { ready: stdout.includes('"ready"'), said: stdout };
  };

  it('starts as setup left it', async () => {
    expect(await starts()).toMatchObject({ ready: true });
  }, 60_000);

  it.each(faults)(
    'does not start with $name',
    async ({ make, says, mend }) => {
      await machine.ok('root', make);
      const faulty = await starts();
      await machine.ok('root', mend ?? SETUP);
      expect(faulty.said).toContain(says);
      expect(faulty.ready).toBe(false);
    },
    60_000,
  );

  it('starts again once all of that is mended', async () => {
    expect(await starts()).toMatchObject({ ready: true });
  }, 60_000);

  it('does not run as root', async () => {
    const root = await machine.run('root', 'timeout 20 warder --home /var/lib/warder serve');
    expect(root).toMatchObject({ code: 7 });
  }, 60_000);

  it('is made over nothing that somebody else put there', async () => {
    const tricks = [
      ['a link', 'ln -s /home/coder /run/warder', 'something else is in its place'],
      ['a file', 'touch /run/warder', 'something else is in its place'],
      ['a directory of an agent', 'install -d -o coder /run/warder', 'made it already'],
    ] as const;
    for (const [what, trick, says] of tricks) {
      await machine.ok('root', `rm -rf /run/warder; ${trick}`);
      const before = await machine.ok('root', 'stat -c "%u %g %a" /home/coder');
      const setup = await machine.run('root', SETUP);
      expect([what, setup.code]).toEqual([what, 2]);
      expect(setup.stderr).toContain(says);
      expect(await machine.ok('root', 'stat -c "%u %g %a" /home/coder')).toBe(before);
    }
    await machine.ok('root', `rm -rf /run/warder; ${SETUP}`);
    await machine.ok(
      'root',
      'rm /etc/warder/install.json; ln -s /home/coder/mine /etc/warder/install.json',
    );
    await machine.ok('root', SETUP);
    expect((await machine.run('root', 'test -e /home/coder/mine')).code).toBe(1);
    // Its socket went with the directory.
    await startSignerProcess(machine);
    expect(await starts()).toMatchObject({ ready: true });
  }, 60_000);

  it('is not made of what others can write, nor with root or one person on both sides', async () => {
    const refusals = [
      ['chmod 777 /opt/lib', SETUP, 'is not root', 'chmod 755 /opt/lib'],
      ['true', `${SETUP} --agent boss=root`, 'is root', 'true'],
      ['true', `${SETUP} --agent a=alice --operator alice`, 'an agent and an operator', 'true'],
      ['true', `${SETUP} --agent a=nobody-of-here`, 'there is no user', 'true'],
      ['true', `${SETUP} --agent '../a=coder'`, 'is no name', 'true'],
    ] as const;
    for (const [before, setup, says, after] of refusals) {
      await machine.ok('root', before);
      const ended = await machine.run('root', setup);
      expect(ended.stderr).toContain(says);
      expect(ended.code).not.toBe(0);
      await machine.ok('root', after);
    }
    const coder = await machine.run('coder', `${SETUP} --agent coder=coder`);
    expect(coder).toMatchObject({ code: 2 });
  }, 60_000);

  it('is made in an image without its keys, and touches nothing else', async () => {
    const image = '/opt/image';
    const state =
      'cat /etc/passwd /etc/group; find /etc/warder /var/lib /run -printf "%p %u %g %m %T@\\n" | sort';
    await machine.ok(
      'root',
      `mkdir -p ${image}/etc; grep -v warder /etc/passwd > ${image}/etc/passwd; grep -v warder /etc/group > ${image}/etc/group; : > ${image}/etc/shadow; : > ${image}/etc/gshadow`,
    );
    const before = await machine.ok('root', state);
    const said = await machine.ok('root', `${SETUP} --root ${image} --agent coder=coder 2>&1`);
    expect(said).toContain('later    home /var/lib/warder');
    expect(said).toContain('later    signer /var/lib/warder-sign/signer');
    expect(await machine.ok('root', state)).toBe(before);
    const made = await machine.ok(
      'root',
      `cd ${image}; find etc/warder var run -type f -o -type d | sort`,
    );
    expect(made).toContain('run/warder/agents/coder');
    expect(made).toContain('etc/warder/install.json');
    const user = await machine.ok('root', `grep ^warder: ${image}/etc/passwd`);
    expect(user).toContain(':/var/lib/warder:/usr/sbin/nologin');
    expect(await machine.ok('root', `ls ${image}/var/lib/warder`)).toBe('');
  }, 60_000);

  it('is told before it is made, and made the same a second time', async () => {
    const list =
      'find /etc/warder /etc/tmpfiles.d /etc/passwd /etc/group /var/lib /run -printf "%p %u %g %m %T@\\n" | sort';
    const before = await machine.ok('root', list);
    const dry = await machine.ok('root', `${SETUP} --agent third=rival --dry-run 2>&1`);
    expect(dry).toContain('would    group warder-agent-third');
    expect(await machine.ok('root', list)).toBe(before);
    await machine.ok('root', SETUP);
    expect(await machine.ok('root', list)).toBe(before);
  }, 60_000);
});
