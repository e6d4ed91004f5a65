// `warder receipts`: what happened, and proving it.

import type { Command } from 'commander';
import { systemClock } from '../../../base/clock/clock.ts';
import { WarderError } from '../../../base/errors/errors.ts';
import type { ReceiptLine } from '../../mcp/receipt-line.ts';
import type { ReceiptFilter, ReceiptSummary } from '../../../trust/receipt/receipt-filter.ts';
import type { TaskReport } from '../../../trust/receipt/task-report.ts';
import { agentSocketPath } from '../../config/home.ts';
import { askAgent } from '../agent-lines.ts';
import type { Context } from '../context.ts';
import { plain, table } from '../output.ts';
import { addNewLogCommand } from './new-log.ts';
import type { Run } from '../program.ts';
import { type FilterOptions, readFilter, withFilters } from './receipt-filters.ts';
import { readSeconds } from './read-seconds.ts';
import { addGivingCommands } from './receipts-give.ts';
import { addVerifyCommand } from './receipts-verify.ts';
import { stopOnSignal } from './stop-on-signal.ts';

/** How many receipts `list` gives when `--last` does not say. */
const LISTED = 50;
const LISTED_JSON = 10_000;
/** How long `follow` waits before it asks again for a daemon that went away, milliseconds. */
const GONE_MS = 500;

/** Adds `receipts list|show|proof|verify|export|disclose|erase|report|follow|checkpoint|new-log`. */
export function addReceiptCommands(program: Command, run: Run): void {
  const receipts = program.command('receipts').description('what happened, and proofs of it');
  withFilters(receipts.command('list'))
    .description('receipts, newest first')
    .action((options: FilterOptions) =>
      run(async ({ operator, out }) => {
        // Programs want them all, people the latest.
        const filter = {
          last: out.json ? LISTED_JSON : LISTED,
          ...readFilter(options, systemClock.wall()),
        };
        const rows = await (await operator()).call('receipts.list', filter);
        const cells = rows.map((row) => [
          String(row.index),
          row.id,
          row.time,
          row.type,
          row.outcome,
          row.tool ?? '',
          row.principal ?? '',
        ]);
        const header = ['LEAF', 'ID', 'TIME', 'TYPE', 'OUTCOME', 'TOOL', 'PRINCIPAL'];
        out.result(rows, table(header, cells));
      }),
    );
  receipts
    .command('show')
    .argument('<id>')
    .option('--tenant <tenant>', 'only when it is of this tenant')
    .description('one receipt, with what its commitments stand for')
    .action((id: string, options: TenantOption) =>
      run(async ({ operator, out }) => {
        const receipt = await (await operator()).call('receipts.show', { id, ...options });
        out.result(receipt, JSON.stringify(receipt, null, 2).split('\n').map(plain));
      }),
    );
  receipts
    .command('proof')
    .argument('<id>')
    .option('--tenant <tenant>', 'only when it is of this tenant')
    .option('--agent <name>', 'as that agent, of a call of its own')
    .option('--timeout <duration>', 'with --agent: how long to wait for the checkpoint')
    .description('the tlog-proof of one receipt; waits for the covering checkpoint')
    .action((id: string, options: ProofOptions) =>
      run(async (context) => {
        const { proof } = await proofOf(context, id, options);
        context.out.result({ id, proof }, proof.trimEnd());
      }),
    );
  addVerifyCommand(receipts, run);
  addGivingCommands(receipts, run);
  addNewLogCommand(receipts, run);
  withFilters(receipts.command('report'))
    .option('--by-task', 'one entry for each task: the only kind of report there is')
    .description('what was done under each task: calls, effects, hosts, spend, approvals, leases')
    .action((options: FilterOptions) =>
      run(async ({ operator, out }) => {
        const client = await operator();
        const { tasks } = await client.call(
          'receipts.report',
          readFilter(options, systemClock.wall()),
        );
        out.result(tasks, tasks.flatMap(reportLines));
      }),
    );
  withFilters(receipts.command('follow'))
    .description('receipts as they are written; goes on when the daemon is started anew')
    .action((options: FilterOptions) =>
      run((context) => follow(context, readFilter(options, systemClock.wall()))),
    );
  receipts
    .command('checkpoint')
    .description('sign the current head and print the note')
    .action(() =>
      run(async ({ operator, out }) => {
        const { note } = await (await operator()).call('receipts.checkpoint', {});
        out.result({ note }, note.trimEnd());
      }),
    );
}

interface TenantOption {
  readonly tenant?: string;
}

interface ProofOptions extends TenantOption {
  readonly agent?: string;
  readonly timeout?: string;
}

async function proofOf(
  context: Context,
  id: string,
  { agent, timeout, tenant }: ProofOptions,
): Promise<{ readonly proof: string }> {
  if (agent === undefined) {
    if (timeout !== undefined) {
      throw new WarderError('usage', '`--timeout` goes with `--agent`', { hint: 'leave it out' });
    }
    return (await context.operator()).call('receipts.proof', {
      id,
      ...(tenant === undefined ? {} : { tenant }),
    });
  }
  await context.daemon();
  const path = agentSocketPath(context.home, agent);
  const wait = timeout === undefined ? {} : { wait_seconds: readSeconds(timeout, '--timeout') };
  return askAgent<Extract<ReceiptLine, { proof: string }>>(path, agent, 'receipt', {
    op: 'proof',
    id,
    ...wait,
  });
}

/** A daemon that stops for a while loses nothing: what was written meanwhile follows. */
async function follow(
  { operator, operatorIfRunning, out }: Context,
  filter: ReceiptFilter,
): Promise<void> {
  const stop = stopOnSignal();
  let asked = filter;
  let client: Awaited<ReturnType<Context['operatorIfRunning']>> = await operator();
  for (;;) {
    try {
      const items = client?.stream('receipts.follow', asked, stop) ?? [];
      for await (const item of items) {
        const { index, id, time, type, outcome, tool = '' } = item as ReceiptSummary;
        out.item(item, [index, id, time, type, outcome, tool].map(String).map(plain).join('  '));
        asked = { ...filter, after: index };
      }
    } catch (error) {
      if (!(error instanceof WarderError) || error.code !== 'unavailable') throw error;
    }
    if (stop.aborted) return;
    if (client !== undefined) out.note('the daemon went away; waiting for the next');
    await new Promise((resolve) => setTimeout(resolve, GONE_MS));
    client = await operatorIfRunning();
  }
}

function reportLines(report: TaskReport): readonly string[] {
  const { task, first, last, calls, outcomes, effects, hosts, spend } = report;
  const counted = (counts: Readonly<Record<string, number>>): string =>
    Object.entries(counts)
      .map(([name, times]) => `${name} ${times}`)
      .join(', ');
  const lines = [
    `${task ?? '(no task)'}  ${first} to ${last}`,
    `  ${calls} calls${calls === 0 ? '' : `: ${counted(outcomes)}`}`,
    ...Object.entries(effects).map(
      ([name, { count, bytes }]) => `  ${name}: ${count}, ${bytes} bytes`,
    ),
    ...(hosts.length === 0 ? [] : [`  hosts: ${hosts.join(', ')}`]),
    ...(Object.keys(spend).length === 0 ? [] : [`  spend: ${counted(spend)}`]),
    ...(report.approvals.length === 0 ? [] : [`  approvals: ${report.approvals.join(', ')}`]),
    ...(report.leases.length === 0 ? [] : [`  leases: ${report.leases.length}`]),
    ...(report.erased === 0 ? [] : [`  calls whose hosts or spend were erased: ${report.erased}`]),
  ];
  return lines.map(plain);
}
