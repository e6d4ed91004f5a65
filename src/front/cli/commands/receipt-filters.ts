// The filters every command over many receipts takes.

import type { Command } from 'commander';
import { WarderError } from '../../../base/errors/errors.ts';
import { parseDuration } from '../../../catalog/measures.ts';
import type { ReceiptFilter } from '../../../trust/receipt/receipt-filter.ts';

/** What {@link withFilters} reads. */
export interface FilterOptions {
  readonly lease?: string;
  readonly task?: string;
  readonly approval?: string;
  readonly principal?: string;
  readonly tool?: string;
  readonly outcome?: string;
  readonly type?: string;
  readonly tenant?: string;
  readonly since?: string;
  readonly until?: string;
  readonly olderThan?: string;
  readonly last?: string;
}

/** Adds the filters to a command. */
export function withFilters(command: Command): Command {
  return command
    .option('--lease <state-key>')
    .option('--task <id>')
    .option('--approval <id>', 'every step of what a person was asked about')
    .option('--principal <name>')
    .option('--tool <name>')
    .option('--outcome <outcome>')
    .option('--type <type>')
    .option('--tenant <id>')
    .option('--since <time>', 'ISO 8601, inclusive')
    .option('--until <time>', 'ISO 8601, exclusive')
    .option('--older-than <duration>', 'in the place of --until: e.g. 90d')
    .option('--last <n>', 'at most this many');
}

/**
 * @param now wall milliseconds.
 * @throws WarderError `usage`.
 */
export function readFilter(options: FilterOptions, now: number): ReceiptFilter {
  const { lease, task, approval, principal, tool, outcome, type, tenant } = options;
  const { since, until, olderThan, last } = options;
  const texts = { lease, task, approval, principal, tool, outcome, type, tenant };
  const filter: Record<string, string | number> = {};
  for (const [name, text] of Object.entries(texts)) if (text !== undefined) filter[name] = text;
  if (since !== undefined) filter['since'] = readTime(since);
  if (until !== undefined) filter['until'] = readTime(until);
  if (olderThan !== undefined) {
    if (until !== undefined) {
      throw new WarderError('usage', '`--until` and `--older-than` say the same', {
        hint: 'give one of them',
      });
    }
    filter['until'] = now - readAge(olderThan);
  }
  if (last !== undefined) {
    if (!/^[1-9]\d{0,6}$/.test(last)) {
      throw new WarderError('usage', `\`--last ${last}\` is not a count`, { hint: 'e.g. 20' });
    }
    filter['last'] = Number(last);
  }
  return filter;
}

/** Whether anything is filtered by. */
export function isFiltered(filter: ReceiptFilter): boolean {
  return Object.keys(filter).length > 0;
}

function readTime(text: string): number {
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) {
    throw new WarderError('usage', `\`${text}\` is not a time`, {
      hint: 'e.g. 2026-11-21T09:00:00Z',
    });
  }
  return ms;
}

function readAge(text: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined) return ms;
  throw new WarderError('usage', `\`${text}\` is not a duration`, { hint: 'e.g. 90d or 12h' });
}
