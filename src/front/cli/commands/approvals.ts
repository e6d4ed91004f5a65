// `warder approvals`: what waits for a person, and the decisions.

import type { Command } from 'commander';
import type { ApprovalSummary } from '../../console/approval-summary.ts';
import type { Operations } from '../../console/operations.ts';
import { plain, table } from '../output.ts';
import { readArguments } from './call.ts';
import { approvalLines, stateOf } from './approval-lines.ts';
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
        const cells = rows.map((row) => [
          row.id,
          row.kind,
          stateOf(row),
          row.kind === 'call' ? row.tool : `a lease for ${row.task}`,
          row.principal,
          row.reason,
        ]);
        const header = ['ID', 'KIND', 'STATE', 'WHAT', 'PRINCIPAL', 'REASON'];
        out.result(rows, table(header, cells));
      }),
    );
  approvals
    .command('show')
    .argument('<id>')
    .description('one approval with the real arguments and effects')
    .action((id: string) =>
      run(async ({ operator, out }) => {
        const approval = await (await operator()).call('approvals.show', { id });
        out.result(approval, approvalLines(approval));
      }),
    );
  approvals
    .command('approve')
    .argument('<id>')
    .description(
      'allow that exact call once, or grant that lease; with options, less than was asked',
    )
    .option(
      '--capabilities <json>',
      'the only network, files and secrets it may use: JSON or @FILE',
    )
    .option('--deny-net', 'without the network')
    .option('--deny-write', 'without writing files')
    .option('--deny-kv', 'without its own store')
    .option('--deny-secrets', 'without secrets')
    .option('--max-output <size>', 'with a smaller answer than its grant allows')
    .option('--max-net <size>', 'with fewer bytes over the network')
    .option('--max-requests <count>', 'with fewer requests')
    .option('--max-write <size>', 'with fewer bytes written to files')
    .option('--timeout <time>', 'with less time')
    .option('--within <seconds>', 'only if it starts within so many seconds')
    .option('--ttl <seconds>', 'of a lease: for a shorter time')
    .action((id: string, options: ApproveOptions) =>
      run(async ({ operator, out }) => {
        const input = await yes(id, options);
        const approved = await (await operator()).call('approvals.approve', input);
        out.result(approved, approvedLines(approved));
      }),
    );
  approvals
    .command('deny')
    .argument('<id>')
    .option('--reason <text>', 'shown to the agent')
    .description('refuse that call, or that lease')
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
          out.item(item, approvalLines(item as ApprovalSummary).join('\n'));
        }
      }),
    );
}

interface ApproveOptions {
  readonly capabilities?: string;
  readonly denyNet?: true;
  readonly denyWrite?: true;
  readonly denyKv?: true;
  readonly denySecrets?: true;
  readonly maxOutput?: string;
  readonly maxNet?: string;
  readonly maxRequests?: string;
  readonly maxWrite?: string;
  readonly timeout?: string;
  readonly within?: string;
  readonly ttl?: string;
}

/** The yes as the daemon reads it. */
async function yes(
  id: string,
  options: ApproveOptions,
): Promise<Operations['approvals.approve']['input']> {
  const { capabilities, denyNet, denyWrite, denyKv, denySecrets, within, ttl } = options;
  const without = [
    ...(denyNet ? ['net'] : []),
    ...(denyWrite ? ['write'] : []),
    ...(denyKv ? ['kv'] : []),
    ...(denySecrets ? ['secrets'] : []),
  ];
  const lowered: readonly (readonly [flag: string, value: string | undefined])[] = [
    ['--max-output', options.maxOutput],
    ['--max-net', options.maxNet],
    ['--max-requests', options.maxRequests],
    ['--max-write', options.maxWrite],
    ['--timeout', options.timeout],
  ];
  const limits = lowered.flatMap(([flag, value]) => (value === undefined ? [] : [flag, value]));
  return {
    id,
    ...(capabilities === undefined
      ? {}
      : { capabilities: await readArguments(capabilities, '--capabilities') }),
    ...(without.length === 0 ? {} : { without }),
    ...(limits.length === 0 ? {} : { limits }),
    ...(within === undefined ? {} : { within: Number(within) }),
    ...(ttl === undefined ? {} : { ttl: Number(ttl) }),
  };
}

function approvedLines(approved: ApprovalSummary): readonly string[] {
  const { id, needed, given, obstacle } = approved;
  if (approved.state === 'pending') {
    return [
      `your yes to ${id} is the ${given}. of ${needed}: another operator has to say yes too`,
      ...(obstacle === undefined ? [] : [plain(obstacle)]),
    ];
  }
  if (approved.kind === 'lease') {
    return [`granted ${id}: a lease for ${approved.ttlSeconds} s`, `lease ${approved.lease ?? ''}`];
  }
  const { expires, effects, askedEffects } = approved;
  return [
    `approved ${id}: the same call, made again, runs once`,
    ...(askedEffects === undefined
      ? []
      : [
          'it could',
          ...(effects.length === 0 ? ['only compute'] : effects).map((e) => `  ${plain(e)}`),
        ]),
    `until ${expires}`,
  ];
}
