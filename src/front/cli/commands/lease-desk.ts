// `warder lease preview|request|poll|release|refresh`, and `delegate` by the daemon: an agent at the desk for leases.

import type { Command } from 'commander';
import type { JsonObject } from '../../../base/encoding/json.ts';
import { parseJson } from '../../../base/encoding/parse-json.ts';
import { errorFromJson, WarderError } from '../../../base/errors/errors.ts';
import { agentSocketPath } from '../../config/home.ts';
import type { LeaseLine, LeaseReply } from '../../mcp/lease-line.ts';
import { readGivenText } from '../given-files.ts';
import { askDesk } from '../agent-lines.ts';
import type { Context } from '../context.ts';
import { plain, reportError } from '../output.ts';
import type { Run } from '../program.ts';
import { readArguments } from './call.ts';

/** Options that say what is asked for. */
export interface TermOptions {
  readonly agent: string;
  readonly capabilities?: string;
  readonly ttl?: string;
  readonly task?: string;
  readonly reason?: string;
  readonly holderKey?: string;
  readonly maxUses?: string;
  readonly maxBytes?: string;
  readonly rate?: string;
  readonly maxExp?: string;
  readonly maxDepth?: string;
  readonly delegatable?: boolean;
}

type PreviewLine = Extract<LeaseLine, { readonly preview: object }>;
type StandingLine = Extract<LeaseLine, { readonly standing: object }>;

interface WaitOptions {
  readonly wait?: string | true;
  readonly out?: string;
}

/** One wait at the daemon, seconds; longer ones are several. */
const WAIT_STEP = 60;
/** Longest `--wait`, seconds: as long as a request waits for a decision. */
const WAIT_MAX = 600;

/** Adds them to `warder lease`. */
export function addLeaseDeskCommands(lease: Command, run: Run): void {
  terms(lease.command('preview'))
    .description('what would become of a request; writes nothing')
    .action((options: TermOptions) => run((context) => preview(context, options)));
  waiting(terms(lease.command('request')))
    .description('ask for a lease for the holder of a key; 4 while it waits for a person')
    .action((options: TermOptions & WaitOptions) =>
      run(async (context) => {
        const line = { op: 'request', terms: await readTerms(options) };
        return settle(context, options, await standing(context, options.agent, line));
      }),
    );
  waiting(agentOption(lease.command('poll').argument('<id>', 'the request, `lreq_…`')))
    .description('where a request stands; its lease once it is granted')
    .action((id: string, options: { agent: string } & WaitOptions) =>
      run(async (context) => {
        const line = { op: 'poll', id };
        return settle(context, options, await standing(context, options.agent, line));
      }),
    );
  agentOption(lease.command('release').argument('<id>', 'the request, `lreq_…`'))
    .description('give a lease back, or take back a request that waits')
    .action((id: string, { agent }: { agent: string }) =>
      run(async (context) => {
        const told = await standing(context, agent, { op: 'release', id });
        context.out.result(told, sentence(told));
      }),
    );
  agentOption(lease.command('refresh').argument('<file>', 'the lease; `-` for standard input'))
    .requiredOption('--key-file <file>', 'private key the lease is bound to')
    .option('--out <file>', 'where the lease goes; printed when absent')
    .description('have a lease signed anew, with a later end')
    .action((file: string, options: { agent: string; keyFile: string; out?: string }) =>
      run((context) => refresh(context, file, options)),
    );
}

/** A narrower lease that the daemon makes from a granted one. */
export async function delegateAtDesk(
  context: Context,
  id: string,
  options: TermOptions & WaitOptions,
): Promise<number> {
  const line = { op: 'delegate', id, terms: await readTerms(options) };
  return settle(context, options, await standing(context, options.agent, line));
}

function agentOption(command: Command): Command {
  return command.option('--agent <name>', 'whose socket to ask through', 'default');
}

function terms(command: Command): Command {
  return agentOption(command)
    .option('--task <text>', 'what it is for; stands on receipts')
    .option('--capabilities <json>', 'a list, see docs/leases.md: JSON, @FILE or - for stdin')
    .option('--ttl <seconds>')
    .option('--reason <text>', 'why, for whoever decides')
    .option('--holder-key <file>', 'public key (JWK) the lease is to be bound to')
    .option('--max-uses <n>')
    .option('--max-bytes <n>')
    .option('--rate <uses/seconds>', 'e.g. 10/60')
    .option('--max-exp <seconds>', 'since 1970: its latest end when it is signed anew')
    .option('--max-depth <n>', 'levels of narrower leases below it')
    .option('--no-delegatable', 'no lease may be made from it');
}

function waiting(command: Command): Command {
  return command
    .option('--wait [seconds]', `wait for a decision, at most ${WAIT_MAX} s`)
    .option('--out <file>', 'where the lease goes; printed when absent');
}

async function preview(context: Context, options: TermOptions): Promise<number> {
  const line = { op: 'preview', terms: await readTerms(options) };
  const { preview: told } = await ask<PreviewLine>(context, options.agent, line);
  const { verdict, reason, error } = told;
  const why = error?.message ?? reason ?? '';
  context.out.result(told, `${verdict}${why === '' ? '' : `: ${plain(why)}`}`);
  if (verdict === 'auto_approve') return 0;
  return error === undefined ? 4 : errorFromJson(error).exitCode;
}

async function refresh(
  context: Context,
  file: string,
  options: { readonly agent: string; readonly keyFile: string; readonly out?: string },
): Promise<void> {
  const { readPrivateFile } = await import('../../../trust/signer/file/private-file.ts');
  const { importHolderKey } = await import('../../../trust/holder/holder-key.ts');
  const { agentSocketRefresher } = await import('../../../trust/holder/socket-refresher.ts');
  const { systemClock } = await import('../../../base/clock/clock.ts');
  await context.daemon();
  const bytes = readPrivateFile(options.keyFile, 'the key', KEY_BYTES_MAX);
  const key = await importHolderKey(parseJson(bytes));
  const path = agentSocketPath(context.home, options.agent);
  const refresher = agentSocketRefresher(path, key, () => systemClock.wall());
  const lease = await refresher.refresh(readGivenText(file).trim());
  await deliver(context, { lease }, lease, options.out);
}

const KEY_BYTES_MAX = 4096;

/** Waits if that was asked for, tells where it stands, and hands the lease over. */
async function settle(
  context: Context,
  options: { readonly agent: string } & WaitOptions,
  first: LeaseReply,
): Promise<number> {
  let told = first;
  for (let left = waitOf(options.wait); told.state === 'pending' && left > 0; left -= WAIT_STEP) {
    if (!context.out.json) context.out.note(`${sentence(told)}; waiting`);
    const line = { op: 'poll', id: told.id, wait_seconds: Math.min(left, WAIT_STEP) };
    told = await standing(context, options.agent, line);
  }
  switch (told.state) {
    case 'active':
      await deliver(context, told, told.lease, options.out);
      return 0;
    case 'pending':
      context.out.result(told, sentence(told));
      return 4;
    default:
      return reportError(
        new WarderError('lease-refused', sentence(told), {
          hint: '`warder lease preview` says what would be granted',
          data: { id: told.id, state: told.state },
        }),
        context.out.json,
        { standing: told },
      );
  }
}

/** With `--out` the text goes into a file of its own and nowhere else. */
async function deliver(
  context: Context,
  told: Partial<LeaseReply>,
  text: string | undefined,
  out: string | undefined,
): Promise<void> {
  if (text === undefined || out === undefined) {
    context.out.result(told, text ?? 'active');
    return;
  }
  const { writePrivateFile } = await import('../../../trust/signer/file/private-file.ts');
  writePrivateFile(out, 'the lease', new TextEncoder().encode(`${text}\n`));
  const { lease: _, ...rest } = told;
  context.out.result({ ...rest, out }, `the lease is in ${out}`);
}

function sentence({ id, state, reason, until }: LeaseReply): string {
  const end = state === 'pending' || state === 'active' ? ` to ${until}` : '';
  return `${id} is ${state}${end}${reason === undefined ? '' : `: ${plain(reason)}`}`;
}

async function standing(context: Context, agent: string, line: object): Promise<LeaseReply> {
  return (await ask<StandingLine>(context, agent, line)).standing;
}

async function ask<Line extends LeaseLine>(
  context: Context,
  agent: string,
  line: object,
): Promise<Line> {
  await context.daemon();
  return askDesk(agentSocketPath(context.home, agent), agent, line);
}

async function readTerms(options: TermOptions): Promise<JsonObject> {
  const { task, reason, capabilities, holderKey, rate, delegatable } = options;
  const counts = {
    ttl_seconds: count('--ttl', options.ttl),
    max_uses: count('--max-uses', options.maxUses),
    max_bytes: count('--max-bytes', options.maxBytes),
    max_exp: count('--max-exp', options.maxExp),
    max_depth: count('--max-depth', options.maxDepth),
  };
  const given = {
    task,
    reason,
    ...counts,
    rate: rate === undefined ? undefined : rateOf(rate),
    delegatable: delegatable === false ? false : undefined,
    capabilities:
      capabilities === undefined
        ? undefined
        : parseJson(await readArguments(capabilities, '--capabilities')),
    holder_key: holderKey === undefined ? undefined : parseJson(readGivenText(holderKey)),
  };
  return Object.fromEntries(
    Object.entries(given).filter(([, value]) => value !== undefined),
  ) as JsonObject;
}

function rateOf(text: string): JsonObject {
  const [, uses, seconds] = /^(\d{1,15})\/(\d{1,6})$/.exec(text) ?? [];
  if (uses === undefined) usage('`--rate` is like `10/60`: uses within seconds');
  return { uses: Number(uses), seconds: Number(seconds) };
}

function waitOf(wait: string | true | undefined): number {
  if (wait === undefined) return 0;
  const seconds = wait === true ? WAIT_MAX : count('--wait', wait);
  return seconds !== undefined && seconds <= WAIT_MAX
    ? seconds
    : usage(`\`--wait\` is at most ${WAIT_MAX} s`);
}

function count(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  return /^\d{1,15}$/.test(text) ? Number(text) : usage(`\`${flag}\` takes a whole number`);
}

function usage(message: string): never {
  throw new WarderError('usage', message, { hint: '`--help` shows what it takes' });
}
