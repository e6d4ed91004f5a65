// `warder approvals`: what waits for a person, and the decisions.

import type { Command } from 'commander';
import type { ApprovalSummary } from '../../console/operations.ts';
import { plain, table } from '../output.ts';
import type { Run } from '../program.ts';

/** Adds `approvals list|show|approve|deny|watch`. */
export function addApprovalCommands(program: Command, run: Run): void {
  const approvals = program.command('approvals').description('decisions that wait for a person');
  approvals
    .command('list')
    .description('approvals, pending ones unless --state says otherwise')
    .option('--state <state>', 'pending, approved, denied, consumed, expired or all', 'pending')
    .action((options: { state: string }) =>
      run(async ({ operator, out }) => {
        const filter = options.state === 'all' ? {} : { state: options.state };
        const { approvals: rows } = await (await operator()).call('approvals.list', filter);
        const cells = rows.map((row) => [row.id, row.state, row.tool, row.principal, row.reason]);
        out.result(rows, table(['ID', 'STATE', 'TOOL', 'PRINCIPAL', 'REASON'], cells));
      }),
    );
  approvals
    .command('show')
    .argument('<id>')
    .description('one approval with the real arguments and effects')
    .action((id: string) =>
      run(async ({ operator, out }) => {
        const approval = await (await operator()).call('approvals.show', { id });
        out.result(approval, describe(approval));
      }),
    );
  approvals
    .command('approve')
    .argument('<id>')
    .description('allow that exact call, once')
    .action((id: string) =>
      run(async ({ operator, out }) => {
        const approval = await (await operator()).call('approvals.approve', { id });
        out.result(approval, [
          `approved ${approval.id}: the same call, made again, runs once`,
          `until ${approval.expires}`,
        ]);
      }),
    );
  approvals
    .command('deny')
    .argument('<id>')
    .option('--reason <text>', 'shown to the agent')
    .description('refuse that call')
    .action((id: string, options: { reason?: string }) =>
      run(async ({ operator, out }) => {
        const approval = await (await operator()).call('approvals.deny', { id, ...options });
        out.result(approval, `denied ${approval.id}`);
      }),
    );
  approvals
    .command('watch')
    .description('print approvals as they are asked for')
    .action(() =>
      run(async ({ operator, out }) => {
        const client = await operator();
        const stop = new AbortController();
        process.once('SIGINT', () => stop.abort());
        for await (const item of client.stream('approvals.watch', {}, stop.signal)) {
          out.item(item, describe(item as ApprovalSummary).join('\n'));
        }
      }),
    );
}

function describe(approval: ApprovalSummary): readonly string[] {
  return [
    `approval   ${approval.id} (${approval.state})`,
    `tool       ${plain(approval.tool)}`,
    `principal  ${plain(approval.principal)} (tenant ${approval.tenant})`,
    `reason     ${plain(approval.reason)}`,
    `asked      ${approval.asked}, expires ${approval.expires}`,
    'arguments',
    ...approval.arguments.split('\n').map((line) => `  ${line}`),
    'it could',
    ...(approval.effects.length === 0 ? ['  only compute'] : approval.effects.map((e) => `  ${e}`)),
  ];
}
