// `warder setup --separated`: makes the separated install, as root; prints each step.

import { spawn, spawnSync } from 'node:child_process';
import { existsSync, realpathSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { buffer as readBytes, text as readAll } from 'node:stream/consumers';
import type { Command } from 'commander';
import { scrubEnvironment } from '../../../base/process/scrub-environment.ts';
import { WarderError } from '../../../base/errors/errors.ts';
import { locateHome } from '../../config/home.ts';
import {
  DAEMON_SIGNER_STATE,
  DAEMON_USER,
  HOME,
  SIGNER_HOME,
  SIGNER_SOCKET,
  SIGNER_USER,
} from '../../separation/layout.ts';
import type { Furnishing } from '../../separation/furnish-home.ts';
import type { Role, SetupPlan } from '../../separation/setup.ts';
import type { Context } from '../context.ts';
import type { Run } from '../program.ts';

interface SetupOptions {
  readonly separated?: true;
  readonly agent: readonly string[];
  readonly operator: readonly string[];
  readonly newPassphrase: readonly string[];
  readonly root: string;
  readonly dryRun?: true;
  readonly inHome?: true;
}

/** Adds `setup`. */
export function addSetupCommand(program: Command, run: Run): void {
  const list = (value: string, before: readonly string[]): readonly string[] => [...before, value];
  program
    .command('setup')
    .option('--separated', 'users, groups, directories and units of the separated level')
    .option('--agent <name=user>', 'the user who is that agent', list, [])
    .option('--operator <[name=]user>', 'the user who is an operator', list, [])
    .option('--new-passphrase <operator>', 'ask for another passphrase of that operator', list, [])
    .option('--root <dir>', 'set up the image below DIR: all but the home', '/')
    .option('--dry-run', 'say what would be done; do nothing')
    .option('--in-home', 'the part that runs as the daemon; setup starts it itself')
    .description('set this machine up, as root; may be repeated')
    .action((options: SetupOptions) =>
      run(async (context) => {
        if (options.inHome === true) return furnish();
        if (options.separated === true) return setUp(context, options);
        throw new WarderError('usage', 'say what to set up', {
          hint: '`warder setup --separated`',
        });
      }),
    );
}

async function setUp({ out }: Context, options: SetupOptions): Promise<void> {
  if (process.getuid?.() !== 0 && options.dryRun !== true) {
    throw new WarderError('usage', 'only root can make users and give directories away', {
      hint: 'run it with sudo, or look with `--dry-run` what it would do',
    });
  }
  const { planSetup } = await import('../../separation/setup.ts');
  const root = resolve(options.root);
  const entry = realpathSync(process.argv[1] ?? '');
  const agents = options.agent.map((text) => role(text, undefined));
  const operators = options.operator.map((text) => role(text, 'operator'));
  const plan = planSetup({ agents, operators, root, entry });
  const done: { readonly step: string; readonly state: string }[] = [];
  const report = (step: string, state: string): void => {
    done.push({ step, state });
    if (!out.json) out.note(`${state.padEnd(8)} ${step}`);
  };
  for (const step of plan.steps) {
    if (step.isDone()) report(step.text, 'is there');
    else if (options.dryRun === true) report(step.text, 'would');
    else {
      step.apply();
      report(step.text, 'made');
    }
  }
  const parts = [
    ...(plan.signer === 'process' ? [`signer ${SIGNER_HOME}: keys, memory`] : []),
    `home ${HOME}: config, passphrases${plan.signer === 'process' ? '' : ', keys'}`,
  ];
  // Keys and passphrases do not belong into an image.
  if (root !== '/') for (const part of parts) report(part, 'later');
  else if (options.dryRun === true) for (const part of parts) report(part, 'would');
  else {
    await furnishAsDaemon(plan, options.newPassphrase, entry);
    for (const part of parts) report(part, 'seen to');
  }
  out.result({ steps: done, agents: plan.agents, operators: plan.operators }, nextLines(plan));
}

function role(text: string, fallback: string | undefined): Role {
  const [first = '', second, ...more] = text.split('=');
  const name = second === undefined ? fallback : first;
  if (name !== undefined && more.length === 0) return { name, user: second ?? first };
  throw new WarderError('usage', `\`${text}\` is not NAME=USER`, {
    hint: '`--agent coder=alice` makes user alice the agent called coder',
  });
}

/** Root does nothing below a directory of the daemon: it starts this program again as the daemon. */
async function furnishAsDaemon(
  { agents, operators, signer }: SetupPlan,
  renewed: readonly string[],
  entry: string,
): Promise<void> {
  const all = ['operator', ...operators];
  const unknown = renewed.filter((name) => !all.includes(name));
  if (unknown.length > 0) {
    throw new WarderError('usage', `there is no operator \`${unknown.join('`, `')}\``, {
      hint: `one of ${all.join(', ')}`,
    });
  }
  const lacking = all.filter((name) => !existsSync(join(HOME, 'proofs', `${name}.json`)));
  const passphrases = await askFor([...new Set([...lacking, ...renewed])]);
  const apart = signer === 'process';
  const wish: Furnishing = {
    agents,
    operators,
    passphrases,
    ...(apart ? { key: `unix:${SIGNER_SOCKET}` } : {}),
  };
  const { uid, gid } = statSync(HOME);
  if (apart) makeSigner(entry);
  // A new home asks the signer for its keys.
  const running =
    apart && !existsSync(join(HOME, 'config.json')) ? await runSigner(entry) : undefined;
  const ran = spawnSync(
    process.execPath,
    ['--disable-sigusr1', '--no-warnings', entry, '--home', HOME, 'setup', '--in-home'],
    {
      uid,
      gid,
      cwd: '/',
      input: JSON.stringify(wish),
      encoding: 'utf8',
      // `init` puts the signer's memory below it.
      env: { ...scrubEnvironment({}), HOME, XDG_STATE_HOME: DAEMON_SIGNER_STATE },
    },
  );
  await running?.();
  if (ran.status === 0) return;
  const why = ran.error?.message ?? ran.stderr.trim();
  throw new WarderError('unavailable', `the home was not made: ${why}`, {
    hint: `it is made by \`${DAEMON_USER}\`, who has to be able to read ${entry}`,
  });
}

/** The user of the signer makes its keys: root does nothing in its directory. */
function makeSigner(entry: string): void {
  if (existsSync(join(SIGNER_HOME, 'signer.json'))) return;
  const { uid, gid } = statSync(SIGNER_HOME);
  const init = ['signer', 'init', '--state', SIGNER_HOME, '--listen', `unix:${SIGNER_SOCKET}`];
  const ran = spawnSync(process.execPath, ['--disable-sigusr1', '--no-warnings', entry, ...init], {
    uid,
    gid,
    cwd: '/',
    encoding: 'utf8',
    env: scrubEnvironment({ HOME: SIGNER_HOME }),
  });
  if (ran.status === 0) return;
  const why = ran.error?.message ?? ran.stderr.trim();
  throw new WarderError('unavailable', `the signer was not made: ${why}`, {
    hint: `it is made by \`${SIGNER_USER}\`, who has to be able to read ${entry}`,
  });
}

/** Runs the signer while the home is made, unless it runs already; returns how to end it. */
async function runSigner(entry: string): Promise<() => Promise<void>> {
  const { daemonAnswers } = await import('../start-daemon.ts');
  if (await daemonAnswers(SIGNER_SOCKET)) return () => Promise.resolve();
  const { uid, gid } = statSync(SIGNER_HOME);
  const serve = ['signer', 'serve', '--state', SIGNER_HOME, '--listen', `unix:${SIGNER_SOCKET}`];
  const child = spawn(process.execPath, ['--disable-sigusr1', '--no-warnings', entry, ...serve], {
    uid,
    gid,
    cwd: '/',
    stdio: ['ignore', 'pipe', 'inherit'],
    env: scrubEnvironment({ HOME: SIGNER_HOME }),
  });
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  await Promise.race([ended, new Promise((resolve) => child.stdout.once('data', resolve))]);
  return () => {
    child.kill('SIGTERM');
    return ended;
  };
}

/** One line each, in this order, where stdin is no terminal. */
async function askFor(operators: readonly string[]): Promise<Readonly<Record<string, string>>> {
  const given: Record<string, string> = {};
  if (operators.length === 0) return given;
  if (process.stdin.isTTY) {
    const { askHidden } = await import('../hidden-answer.ts');
    const hint = 'or pipe them in, one line each';
    for (const name of operators) {
      const first = await askHidden(`new passphrase of operator ${name} (not shown): `, hint);
      const second = await askHidden('once more: ', hint);
      if (first !== second) throw new WarderError('usage', 'those are two', { hint });
      given[name] = first;
    }
    return given;
  }
  const lines = (await readAll(process.stdin)).split('\n');
  for (const [at, name] of operators.entries()) given[name] = lines[at] ?? '';
  return given;
}

async function furnish(): Promise<void> {
  const { initHome } = await import('../../daemon/init.ts');
  const { furnishHome, parseFurnishing } = await import('../../separation/furnish-home.ts');
  process.umask(0o077);
  const home = locateHome(HOME, {});
  const wish = parseFurnishing(await readBytes(process.stdin));
  const { created } = await initHome(home, existsSync(home.config) ? undefined : wish.key);
  await furnishHome(home, wish, created);
}

function nextLines({ agents, signer }: SetupPlan): readonly string[] {
  return [
    'separated. New groups count from the next log-in of their users.',
    `start it:   systemctl daemon-reload && systemctl enable --now ${signer === 'process' ? 'warder-sign warder' : 'warder'}`,
    `an agent:   warder --home ${HOME} mcp --agent ${agents[0] ?? 'NAME'}`,
    `look at it: warder --home ${HOME} doctor`,
  ];
}
