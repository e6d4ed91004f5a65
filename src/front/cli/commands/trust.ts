// `warder trust`: how far principals are trusted, as policies see it.

import type { Command } from 'commander';
import { WarderError } from '../../../base/errors/errors.ts';
import type { TrustSummary } from '../../console/trust-summary.ts';
import { collect } from '../collect.ts';
import { plain, table } from '../output.ts';
import type { Run } from '../program.ts';

interface SetOptions {
  readonly level: string;
  readonly capability?: readonly string[];
  readonly expires?: string;
  readonly note?: string;
  readonly tenant?: string;
}
type TenantOption = Pick<SetOptions, 'tenant'>;

const TENANT = ['--tenant <tenant>', 'whose principal it is; else `default`'] as const;

/** Adds `trust set|list|show|remove`. */
export function addTrustCommands(program: Command, run: Run): void {
  const trust = program
    .command('trust')
    .description('how far principals are trusted; who is not named has no trust');
  trust
    .command('set')
    .argument('<principal>')
    .requiredOption('--level <n>', '0 to 100')
    .option('--capability <name>', 'what it is trusted with, repeatable', collect)
    .option('--expires <when>', 'a duration like 12h, or a time; else it holds until it is removed')
    .option('--note <text>', 'why, for people')
    .option(...TENANT)
    .description('say how far a principal is trusted, in the place of what was said before')
    .action((principal: string, options: SetOptions) =>
      run(async ({ operator, out }) => {
        const { level, capability = [], expires, note, tenant } = options;
        const entry = await (
          await operator()
        ).call('trust.set', {
          principal,
          level: readLevel(level),
          capabilities: capability,
          ...(expires === undefined ? {} : { expires }),
          ...(note === undefined ? {} : { note }),
          ...(tenant === undefined ? {} : { tenant }),
        });
        out.result(entry, describe(entry));
      }),
    );
  trust
    .command('list')
    .option(...TENANT)
    .description('whom the table names')
    .action((options: TenantOption) =>
      run(async ({ operator, out }) => {
        const { entries } = await (await operator()).call('trust.list', { ...options });
        const rows = entries.map(({ principal, level, capabilities, state, expires, note }) => [
          principal,
          String(level),
          capabilities.join(' '),
          state === 'ended' ? `ended ${expires ?? ''}` : (expires ?? 'no end'),
          note ?? '',
        ]);
        const header = ['PRINCIPAL', 'LEVEL', 'CAPABILITIES', 'UNTIL', 'NOTE'];
        out.result(entries, table(header, rows));
      }),
    );
  trust
    .command('show')
    .argument('<principal>')
    .option(...TENANT)
    .description('what is said of one principal')
    .action((principal: string, options: TenantOption) =>
      run(async ({ operator, out }) => {
        const entry = await (await operator()).call('trust.show', { principal, ...options });
        out.result(entry, describe(entry));
      }),
    );
  trust
    .command('remove')
    .argument('<principal>')
    .option(...TENANT)
    .description('trust a principal no longer, from the next question on')
    .action((principal: string, options: TenantOption) =>
      run(async ({ operator, out }) => {
        const entry = await (await operator()).call('trust.remove', { principal, ...options });
        out.result(entry, `${plain(entry.principal)} has no trust any more`);
      }),
    );
}

function readLevel(text: string): number {
  if (/^\d{1,3}$/.test(text)) return Number(text);
  throw new WarderError('usage', `\`--level ${text.slice(0, 20)}\` is no level`, {
    hint: 'a whole number from 0 to 100',
  });
}

function describe(entry: TrustSummary): readonly string[] {
  const { principal, tenant, level, capabilities, state, expires, note } = entry;
  return [
    `${plain(principal)} of tenant ${tenant}`,
    `  level    ${level} of 100${state === 'ended' ? ', ended: it counts as unknown' : ''}`,
    ...(capabilities.length === 0 ? [] : [`  for      ${capabilities.join(', ')}`]),
    ...(expires === undefined ? [] : [`  until    ${expires}`]),
    ...(note === undefined ? [] : [`  note     ${plain(note)}`]),
  ];
}
