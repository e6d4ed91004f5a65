// At `separated` an agent that has a shell of its own user gets nowhere with it. The same attempts are made
// at `personal`, where each succeeds: that is what the level says, and shows that the attempts are real.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createMachine,
  type Machine,
  startSignerProcess,
  whyNoMachine,
} from '../../support/separated-machine.ts';
import { attacks, type Target } from './attacks.ts';

const why = whyNoMachine();
if (why !== undefined) console.error(`SKIPPED: no separated install can be tried here: ${why}`);

const HOME = '/var/lib/warder';
const PASSPHRASE = 'four words of alice';
const NOTE = `call note_add --args '{"title":"a","text":"b"}'`;
let machine: Machine;

/** Started in the background, as whom the shell belongs to. */
const serve = (home: string, command = 'warder'): string =>
  `rm -f ~/ready; setsid ${command} --home ${home} --json serve > ~/ready 2> ~/serve.log < /dev/null & for i in $(seq 300); do grep -q ready ~/ready && exit 0; sleep 0.1; done; cat ~/serve.log >&2; exit 1`;

const pidOf = (ready: string): string => String(/"pid":(\d+)/.exec(ready)?.[1]);
const approvalOf = (stdout: string): string =>
  String(
    /"approval":\{[^}]*"id":"([^"]+)"/.exec(stdout)?.[1] ??
      /"approval":"([^"]+)"/.exec(stdout)?.[1],
  );

/** As an operator who types the passphrase. */
const proven = (words: string): string =>
  `warder --home ${HOME} --proof fd:3 ${words} 3< ~/passphrase`;

describe.skipIf(why !== undefined)('an agent with a shell', () => {
  beforeAll(async () => {
    machine = await createMachine(['coder', 'rival', 'alice', 'bob']);
  }, 120_000);
  afterAll(() => machine.end());

  it('gets everything at `personal`: the attempts are real', async () => {
    const own = '/home/coder/warder';
    await machine.ok(
      'coder',
      `mkdir ${own}; cp -r /opt/lib/warder/dist /opt/lib/warder/package.json ${own}; ln -s /opt/lib/warder/node_modules ${own}/node_modules`,
    );
    const warder = `node --disable-sigusr1 ${own}/dist/bin/main.js`;
    await machine.ok(
      'coder',
      `${warder} init; sed -i 's/"agents": {/"agents": { "rival": {"capabilities":[{"type":"tool.call","tools":["*"]}]},/' ~/.warder/config.json`,
    );
    const home = '/home/coder/.warder';
    await machine.ok('coder', serve(home, warder));
    await machine.ok('coder', `${warder} tool add /opt/lib/warder/tools/text`);
    await machine.ok('coder', `${warder} tool add /opt/lib/warder/tools/notes --allow-kv`);
    const asked = await machine.run('coder', `${warder} --json ${NOTE}`);
    expect(asked.code).toBe(4);
    await machine.ok('coder', `${warder} receipts checkpoint`);
    const target: Target = {
      home,
      run: home,
      pid: pidOf(await machine.ok('coder', 'cat ~/ready')),
      operatorSocket: `${home}/operator.sock`,
      ownSocket: `${home}/agent.sock`,
      rivalSocket: `${home}/agents/rival.sock`,
      dist: `${own}/dist`,
      signer: '/home/coder/.local/state/warder-signer',
      approval: approvalOf(asked.stdout),
      warder,
    };
    expect(await outcomes(target)).toEqual(allEnd('succeeded'));
  }, 240_000);

  it('gets nowhere at `separated`', async () => {
    await machine.ok(
      'root',
      'warder setup --separated --agent coder=coder --agent rival=rival --operator alice --operator bob=bob',
      `${PASSPHRASE}\nfour words of bob\n`,
    );
    await startSignerProcess(machine);
    await machine.ok('alice', `umask 077; echo '${PASSPHRASE}' > ~/passphrase`);
    await machine.ok(
      'root',
      `install -d -o warder -g warder /home/warder; export HOME=/home/warder; setpriv --reuid warder --regid warder --init-groups sh -c '${serve(HOME)}'`,
    );
    await machine.ok('alice', proven('tool add /opt/lib/warder/tools/text'));
    await machine.ok('alice', proven('tool add /opt/lib/warder/tools/notes --allow-kv'));
    const warder = `warder --home ${HOME}`;
    const asked = await machine.run('coder', `${warder} --json ${NOTE} --agent coder`);
    expect(asked.code).toBe(4);
    await machine.ok('alice', `${warder} receipts checkpoint`);
    const target: Target = {
      home: HOME,
      run: '/run/warder',
      pid: pidOf(await machine.ok('root', 'cat /home/warder/ready')),
      operatorSocket: '/run/warder/operator/operator.sock',
      ownSocket: '/run/warder/agents/coder/agent.sock',
      rivalSocket: '/run/warder/agents/rival/agent.sock',
      dist: '/opt/lib/warder/dist',
      signer: '/var/lib/warder-sign/signer',
      approval: approvalOf(asked.stdout),
      warder,
    };
    expect(target.approval).toMatch(/^\w{10,}$/);
    expect(await outcomes(target)).toEqual(allEnd('failed'));

    // Nothing of it has changed anything: the daemon is the same, and the call still waits.
    const shown = await machine.ok('alice', `${warder} --json approvals show ${target.approval}`);
    expect(JSON.parse(shown)).toMatchObject({ state: 'pending' });
    const status = await machine.ok('alice', `${warder} --json status`);
    expect(JSON.parse(status)).toMatchObject({ pid: Number(target.pid), assurance: 'separated' });
  }, 240_000);

  it('has its own socket, and its receipts say what they are worth', async () => {
    const call = `call text_echo --agent coder --args '{"text":"hello"}'`;
    const reply = await machine.ok('coder', `warder --home ${HOME} --json ${call}`);
    const { receipt } = JSON.parse(reply) as { readonly receipt: { readonly id: string } };
    const shown = await machine.ok(
      'alice',
      `warder --home ${HOME} --json receipts show ${receipt.id}`,
    );
    expect(shown).toContain('"assurance":"separated"');
    const tools = await machine.ok(
      'coder',
      `warder --home ${HOME} mcp --agent coder`,
      [
        '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}',
        '{"jsonrpc":"2.0","method":"notifications/initialized"}',
        '{"jsonrpc":"2.0","id":2,"method":"tools/list"}',
        '',
      ].join('\n'),
    );
    expect(tools).toContain('text_echo');
  }, 60_000);

  it('gets no tool granted that shows it what is kept from it', async () => {
    for (const place of [
      '/run/warder',
      '/run',
      '/run/warder/operator',
      HOME,
      '/var/lib/warder-sign',
    ]) {
      const granted = await machine.run('alice', proven(`tool grant text --allow-read ${place}`));
      expect([place, granted.code]).toEqual([place, 2]);
      expect(granted.stderr).toContain("warder's own files");
    }
    // Another place is not refused.
    await machine.ok('alice', proven('tool grant text --allow-read /etc/warder'));
    await machine.ok('alice', proven('tool grant text --reset'));
  }, 60_000);

  it('makes itself nobody else, and nothing root set up another', async () => {
    const scripts = [
      'sg warder-operator -c true',
      'setpriv --groups warder-operator true',
      'setpriv --reuid warder true',
      'usermod -aG warder-operator coder',
      'gpasswd -a coder warder-operator',
      `head -c 1 ${HOME}/proofs/operator.json`,
      'echo >> /etc/warder/install.json',
      'mv /etc/warder /etc/warder.old && mv /etc/warder.old /etc/warder',
      'echo "# mine" >> /etc/systemd/system/warder.service',
      'echo "# mine" >> /etc/tmpfiles.d/warder.conf',
      'ln -s /tmp /run/warder.planted && rm /run/warder.planted',
    ];
    const of = async (user: string): Promise<Record<string, boolean>> => {
      const ends: Record<string, boolean> = {};
      for (const script of scripts) ends[script] = (await machine.run(user, script)).code === 0;
      return ends;
    };
    expect(await of('coder')).toEqual(Object.fromEntries(scripts.map((each) => [each, false])));
    expect(await of('root')).toEqual(Object.fromEntries(scripts.map((each) => [each, true])));
    await machine.ok('root', 'gpasswd -d coder warder-operator; warder setup --separated');
  }, 60_000);

  it('starts no daemon of its own in the name of `separated`', async () => {
    const there = await machine.run('coder', `warder --home ${HOME} serve`);
    expect(there).toMatchObject({ code: 7 });
    await machine.ok(
      'coder',
      `mkdir -p ~/claim && warder --home ~/claim/.warder init && sed -i 's/"version": 1,/"version": 1, "assurance": "separated",/' ~/claim/.warder/config.json`,
    );
    const claim = await machine.run('coder', 'warder --home ~/claim/.warder serve');
    expect(claim.code).toBe(7);
    expect(claim.stderr).toContain('the install is not separated');
  }, 60_000);

  it('finds an operator who has to prove it, each time and not for ever', async () => {
    const list = await machine.run('alice', `warder --home ${HOME} approvals list`);
    expect(list.code).toBe(0);
    const unproven = await machine.run(
      'alice',
      `setsid warder --home ${HOME} tool disable text < /dev/null`,
    );
    expect(unproven).toMatchObject({ code: 2 });
    expect(unproven.stderr).toContain('no terminal to ask on');
    const raw = await machine.run(
      'alice',
      `node -e 'const r = require("http").request({socketPath: "/run/warder/operator/operator.sock", method: "POST", path: "/v1/tool.disable"}, (a) => { a.pipe(process.stdout) }); r.end(JSON.stringify({name: "text"}))'`,
    );
    expect(raw.stdout).toContain('proof-required');
    const wrong = await machine.run(
      'alice',
      `echo 'four words of bob' > ~/wrong; warder --home ${HOME} --proof fd:3 tool disable text 3< ~/wrong`,
    );
    expect(wrong).toMatchObject({ code: 3 });
    expect(wrong.stderr).toContain('not the passphrase');
    await machine.ok('alice', proven('tool disable text'));
    await machine.ok('alice', proven('tool enable text'));
    const bob = `warder --home ${HOME} --operator bob --proof fd:3 tool disable text 3<`;
    await machine.ok(
      'bob',
      `umask 077; echo 'four words of bob' > ~/passphrase; ${bob} ~/passphrase`,
    );
    await machine.ok('alice', proven('tool enable text'));
    const byAnother = await machine.run('alice', `${bob} ~/passphrase`);
    expect(byAnother.stderr).toContain('this user may not open');
    await machine.ok('bob', `echo '${PASSPHRASE}' > ~/of-alice`);
    expect(await machine.run('bob', `${bob} ~/of-alice`)).toMatchObject({ code: 3 });
    const receipts = await machine.ok('alice', `warder --home ${HOME} --json receipts list`);
    expect(receipts).toContain('"type":"authentication"');
  }, 60_000);
});

async function outcomes(target: Target): Promise<Record<string, string>> {
  const ends: Record<string, string> = {};
  for (const { name, script } of attacks) {
    const { code } = await machine.run('coder', script(target));
    ends[name] = code === 0 ? 'succeeded' : 'failed';
  }
  return ends;
}

function allEnd(how: string): Record<string, string> {
  return Object.fromEntries(attacks.map(({ name }) => [name, how]));
}
