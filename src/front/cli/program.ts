// The command tree. Each family of commands lives in its own file under commands/.

import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { addApprovalCommands } from './commands/approvals.ts';
import { addCallCommand } from './commands/call.ts';
import { addClientCommands } from './commands/client.ts';
import { addDaemonCommands } from './commands/daemon.ts';
import { addKeyCommands } from './commands/keys.ts';
import { addLeaseCommands } from './commands/lease.ts';
import { addPolicyCommands } from './commands/policy.ts';
import { addReceiptCommands } from './commands/receipts.ts';
import { addBudgetCommands } from './commands/budget.ts';
import { addSetupCommand } from './commands/setup.ts';
import { addSecretCommands } from './commands/secret.ts';
import { addSignerCommands } from './commands/signer.ts';
import { addToolCommands } from './commands/tool.ts';
import { addTrustCommands } from './commands/trust.ts';
import { type Context, createContext } from './context.ts';
import { reportError } from './output.ts';

/** Runs one command line; returns the exit code. */
export async function runProgram(argv: readonly string[]): Promise<number> {
  // The global flags may stand before or after the command.
  const { rest, home, json, operator, proof } = takeGlobalFlags(argv);
  let context: Context | undefined;
  let exitCode = 0;
  const program = new Command('warder')
    .description('a sandboxed tool-execution runtime for AI agents')
    .version(packageVersion(), '-V, --version')
    .option('--home DIR', 'the home to work on (else WARDER_HOME, else ~/.warder)')
    .option('--operator NAME', 'whose operator channel to use (else the one called operator)')
    .option('--proof fd:N', 'where the passphrase of the operator comes from (else the terminal)')
    .option('--json', 'print exactly one JSON document')
    // `setup --operator` is not the global flag.
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
    .showSuggestionAfterError();
  const run = (action: (context: Context) => Promise<number | void>): Promise<void> => {
    context ??= createContext(home, json, operator, proof);
    return action(context).then((code) => {
      exitCode = code ?? 0;
    });
  };
  addDaemonCommands(program, run);
  addSetupCommand(program, run);
  addCallCommand(program, run);
  addToolCommands(program, run);
  addBudgetCommands(program, run);
  addTrustCommands(program, run);
  addSecretCommands(program, run);
  addLeaseCommands(program, run);
  addApprovalCommands(program, run);
  addPolicyCommands(program, run);
  addReceiptCommands(program, run);
  addKeyCommands(program, run);
  addSignerCommands(program, run);
  addClientCommands(program, run);
  try {
    if (rest.length === 0) {
      program.outputHelp();
      return 0;
    }
    await program.parseAsync(['node', 'warder', ...rest]);
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return reportUsage(error, json);
    return reportError(error, json);
  }
}

/** What a family of commands is given to run an action with. */
export type Run = (action: (context: Context) => Promise<number | void>) => Promise<void>;

interface GlobalFlags {
  readonly rest: readonly string[];
  readonly home: string | undefined;
  readonly json: boolean;
  readonly operator: string | undefined;
  readonly proof: string | undefined;
}

function takeGlobalFlags(argv: readonly string[]): GlobalFlags {
  const rest: string[] = [];
  let home: string | undefined;
  let json = false;
  let operator: string | undefined;
  let proof: string | undefined;
  for (let at = 0; at < argv.length; at += 1) {
    const word = argv[at] ?? '';
    if (word === '--') {
      rest.push(...argv.slice(at));
      break;
    }
    if (word === '--json') json = true;
    else if (word === '--home' && at + 1 < argv.length) home = argv[(at += 1)];
    else if (word.startsWith('--home=')) home = word.slice('--home='.length);
    // Whom `setup --operator` names becomes one.
    else if (rest[0] === 'setup') rest.push(word);
    else if (word === '--operator' && at + 1 < argv.length) operator = argv[(at += 1)];
    else if (word.startsWith('--operator=')) operator = word.slice('--operator='.length);
    // `--proof @FILE` is somebody else's: of a lease, or of a receipt.
    else if (word === '--proof' && argv[at + 1]?.startsWith('fd:') === true)
      proof = argv[(at += 1)];
    else if (word.startsWith('--proof=fd:')) proof = word.slice('--proof='.length);
    else rest.push(word);
  }
  return { rest, home, json, operator, proof };
}

function reportUsage(error: CommanderError, json: boolean): number {
  const informational = ['commander.help', 'commander.helpDisplayed', 'commander.version'];
  if (informational.includes(error.code)) return error.exitCode === 0 ? 0 : 2;
  const [message = '', ...more] = error.message.replace(/^error: /, '').split('\n');
  const suggestion = more.join(' ').trim().replace(/[()]/g, '');
  const hint = suggestion === '' ? 'see `warder --help`' : suggestion;
  process.stderr.write(`error[usage]: ${message}\nhint: ${hint}\n`);
  if (json)
    process.stdout.write(`${JSON.stringify({ error: { code: 'usage', message, hint } })}\n`);
  return 2;
}

/** The version of this package. */
export function packageVersion(): string {
  for (const up of ['../', '../../', '../../../']) {
    try {
      const text = readFileSync(new URL(`${up}package.json`, import.meta.url), 'utf8');
      const { name, version } = JSON.parse(text) as { name?: string; version?: string };
      if (name === 'warder' && version !== undefined) return version;
    } catch {
      // not at this level
    }
  }
  return '0.0.0';
}
