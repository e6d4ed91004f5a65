// Which receipts: the filters of `receipts list`, `export` and `follow`, as store queries.

import { WarderError } from '../../base/errors/errors.ts';
import type { Entry, EntryQuery } from '../../base/store/store.ts';
import { hashLeaf } from './digest.ts';
import { leafSequence } from './receipt-log.ts';

/** Selects receipts; all of it must fit. */
export interface ReceiptFilter {
  readonly tenant?: string;
  readonly type?: string;
  readonly tool?: string;
  readonly outcome?: string;
  readonly principal?: string;
  readonly lease?: string;
  readonly task?: string;
  readonly approval?: string;
  /** Wall milliseconds, inclusive. */
  readonly since?: number;
  /** Wall milliseconds, exclusive. */
  readonly until?: number;
  /** The newest so many. */
  readonly last?: number;
  /** Leaves after this one; in the order they came alone. */
  readonly after?: number;
}

/** A receipt as lists show it. */
export interface ReceiptSummary {
  readonly id: string;
  readonly index: number;
  /** Hex. */
  readonly leafHash: string;
  /** ISO 8601. */
  readonly time: string;
  readonly tenant: string;
  readonly type: string;
  readonly outcome: string;
  readonly tool?: string;
  readonly principal?: string;
  readonly lease?: string;
  readonly task?: string;
  readonly approval?: string;
}

const NUMBERS = ['since', 'until', 'last', 'after'];

/** A store query of a filter. @throws WarderError `usage` for an unknown member or a bad number. */
export function toQuery(filter: ReceiptFilter): EntryQuery {
  const where: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const [name, value] of Object.entries(filter) as [string, unknown][]) {
    if (value === undefined) continue;
    if (NUMBERS.includes(name)) {
      if (!Number.isSafeInteger(value) || (value as number) < 0) {
        throw new WarderError('usage', `the filter \`${name}\` is not a whole number`);
      }
    } else if (typeof value !== 'string' || !['tenant', ...leafSequence.facets].includes(name)) {
      throw new WarderError('usage', `there is no filter \`${name.slice(0, 64)}\``, {
        hint: `filters are tenant, ${leafSequence.facets.join(', ')}, ${NUMBERS.join(', ')}`,
      });
    } else if (name !== 'tenant') {
      where[name] = value;
    }
  }
  const { tenant, since, until, last, after } = filter;
  return {
    where,
    ...(tenant === undefined ? {} : { tenant }),
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until }),
    ...(last === undefined ? {} : { limit: last }),
    ...(after === undefined ? {} : { from: after + 1 }),
  };
}

/** What lists show of an entry. */
export function summarize(entry: Entry): ReceiptSummary {
  const { facets } = entry;
  const optional = ['tool', 'principal', 'lease', 'task', 'approval'].flatMap((name) =>
    facets[name] === undefined ? [] : [[name, facets[name]] as const],
  );
  return {
    id: entry.id,
    index: entry.index,
    leafHash: Buffer.from(hashLeaf(entry.bytes)).toString('hex'),
    time: new Date(entry.time).toISOString(),
    tenant: entry.tenant,
    type: facets['type'] ?? '',
    outcome: facets['outcome'] ?? '',
    ...Object.fromEntries(optional),
  };
}
