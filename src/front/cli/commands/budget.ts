// `warder budget`: how much of something calls may use in each period.

import { type Command, Option } from 'commander';
import type { BudgetState } from '../../../decide/limits/budget-book.ts';
import { plain, table } from '../output.ts';
import type { Run } from '../program.ts';

const SCOPE = ['tool', 'installation', 'category', 'agent', 'principal', 'lease'] as const;

type SetOptions = Readonly<Partial<Record<(typeof SCOPE)[number] | 'zone' | 'each', string>>> & {
  readonly measure: string;
  readonly limit: string;
  readonly per: string;
  readonly tenant?: string;
};

const TENANT = ['--tenant <tenant>', 'whose calls it covers; else those of `default`'] as const;

/** Adds `budget list|set|remove`. */
export function addBudgetCommands(program: Command, run: Run): void {
  const budget = program.command('budget').description('how much calls may use in each period');
  budget
    .command('list')
    .option(...TENANT)
    .description('budgets, and what is taken of them in this period')
    .action((options: { tenant?: string }) =>
      run(async ({ operator, out }) => {
        const { budgets } = await (await operator()).call('budget.list', { ...options });
        out.result(
          budgets,
          table(['NAME', 'LIMIT', 'PER', 'COVERS', 'TAKEN', 'LEFT'], budgets.flatMap(rowsOf)),
        );
      }),
    );
  const set = budget
    .command('set')
    .argument('<name>')
    .description('add a budget, or replace the one of that name')
    .requiredOption('--limit <n>', 'how much: whole, money in the smallest unit of its currency')
    .requiredOption('--per <period>', 'minute, hour, day, month or ever')
    .option('--measure <what>', 'calls, requests, net-bytes, cpu-ms, or a currency', 'calls')
    .option('--zone <zone>', 'time zone of the period, e.g. Europe/Berlin; else UTC')
    .option('--each <facts>', 'who has the whole amount for himself: agent,category,lease,...')
    .option(...TENANT);
  for (const field of SCOPE) {
    set.addOption(new Option(`--${field} <glob>`, `only calls of this ${field}`));
  }
  set.action((name: string, options: SetOptions) =>
    run(async ({ operator, out }) => {
      const client = await operator();
      const { tenant } = options;
      const done = await client.call('budget.set', {
        budget: JSON.stringify(read(name, options)),
        ...(tenant === undefined ? {} : { tenant }),
      });
      out.result(done, `budget ${plain(done.name)} is in force`);
    }),
  );
  budget
    .command('remove')
    .argument('<name>')
    .option(...TENANT)
    .description('take a budget away')
    .action((name: string, options: { tenant?: string }) =>
      run(async ({ operator, out }) => {
        const done = await (await operator()).call('budget.remove', { name, ...options });
        out.result(done, `removed ${plain(done.name)}`);
      }),
    );
}

/** The budget that options describe; the daemon checks it. */
function read(name: string, options: SetOptions): object {
  const { measure, limit, per, zone, each } = options;
  const scope = SCOPE.flatMap((field) => {
    const glob = options[field];
    return glob === undefined ? [] : [[field, glob] as const];
  });
  return {
    name,
    measure: /^[A-Z]+$/.test(measure) ? { currency: measure } : measure,
    limit: /^\d{1,16}$/.test(limit) ? Number(limit) : limit,
    period: per,
    ...(zone === undefined ? {} : { zone }),
    scope: Object.fromEntries(scope),
    ...(each === undefined ? {} : { each: each.split(',') }),
  };
}

function rowsOf({ budget, uses }: BudgetState): readonly (readonly string[])[] {
  const { measure, limit, period, scope, zone } = budget;
  const unit = typeof measure === 'string' ? measure : measure.currency;
  const covers = Object.entries(scope).map(([field, glob]) => `${field} ${glob}`);
  const start = [
    budget.name,
    `${limit} ${unit}`,
    zone === undefined ? period : `${period} (${zone})`,
    covers.join(', ') || 'every call',
  ];
  if (uses.length === 0) return [[...start, '0', String(limit)]];
  return uses.map(({ who, taken, left }) => {
    const whose = Object.entries(who)
      .map(([field, value]) => (value === '' ? `no ${field}` : value))
      .join(', ');
    const taker = whose === '' ? String(taken) : `${taken} by ${plain(whose)}`;
    return [...start, taker, String(left)];
  });
}
