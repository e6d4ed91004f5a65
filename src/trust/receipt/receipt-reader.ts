// Reading the log: lists, single receipts with their openings, export and follow.

import { WarderError } from '../../base/errors/errors.ts';
import type { Entry, EntryQuery, Store } from '../../base/store/store.ts';
import { parseLeaf, type ReceiptStatement } from '../verify/leaf.ts';
import { contactedHosts } from './contacted-hosts.ts';
import { openingTable, type Openings } from './openings.ts';
import { type ReceiptFilter, type ReceiptSummary, summarize, toQuery } from './receipt-filter.ts';
import { leafSequence, type ReceiptLog } from './receipt-log.ts';

/** One receipt with what its commitments stand for, as far as the openings are still kept. */
export interface ReceiptDetail extends ReceiptSummary {
  readonly statement: ReceiptStatement;
  readonly openings: Openings;
  /** Hosts the call contacted; absent when there were none, or their openings were erased. */
  readonly hosts?: readonly string[];
}

const NO_OPENINGS: Openings = { fields: {}, effects: [] };
const PAGE = 256;
const LISTED = 50;

/** Reads receipts; sees durable ones only. */
export class ReceiptReader {
  readonly #store: Store;
  readonly #log: ReceiptLog;

  constructor(store: Store, log: ReceiptLog) {
    this.#store = store;
    this.#log = log;
  }

  /** Newest first, 50 unless `last` says. @throws WarderError `usage` for an unknown filter. */
  list(filter: ReceiptFilter = {}): ReceiptSummary[] {
    const { from, ...query } = toQuery(filter);
    if (from !== undefined) {
      throw new WarderError('usage', 'a list begins with the newest: it knows no `after`', {
        hint: 'export them, or follow',
      });
    }
    return this.#entries({ limit: LISTED, ...query, reverse: true }).map(summarize);
  }

  /** @throws WarderError `not-found` when there is no such receipt, for this tenant if one is given. */
  show(id: string, tenant?: string): ReceiptDetail {
    return this.#detail(this.#find(id, tenant));
  }

  /** The leaf number of a receipt. @throws WarderError `not-found`. */
  indexOf(id: string, tenant?: string): number {
    return this.#find(id, tenant).index;
  }

  /** Oldest first, with openings; with `last` the newest so many. Ends at the head it began with. */
  *export(filter: ReceiptFilter = {}): Generator<ReceiptDetail> {
    const { limit, from: first = 0, ...query } = toQuery(filter);
    let from = first;
    if (limit !== undefined) {
      const oldest = this.#entries({ ...query, limit, reverse: true }).at(-1);
      if (oldest === undefined) return;
      from = Math.max(first, oldest.index);
    }
    const end = this.#log.size;
    for (;;) {
      const page = this.#entries({ ...query, from, limit: PAGE }).filter(
        ({ index }) => index < end,
      );
      for (const entry of page) yield this.#detail(entry);
      const last = page.at(-1);
      if (last === undefined || page.length < PAGE) return;
      from = last.index + 1;
    }
  }

  /** Receipts as they become durable, from now on or `after` a leaf; with `last` also the newest so many. */
  async *follow(filter: ReceiptFilter, signal: AbortSignal): AsyncGenerator<ReceiptSummary> {
    const { limit, from: first, ...query } = toQuery(filter);
    let from = first ?? this.#log.size;
    const before =
      limit === undefined || first !== undefined
        ? []
        : this.#entries({ ...query, limit, reverse: true }).toReversed();
    let grown = Promise.withResolvers<void>();
    const wake = (): void => grown.resolve();
    const unlisten = this.#log.onGrowth(wake);
    signal.addEventListener('abort', wake);
    try {
      yield* before.filter(({ index }) => index < from).map(summarize);
      while (!signal.aborted) {
        const end = this.#log.size;
        const page = this.#entries({ ...query, from, limit: PAGE });
        const seen = page.filter(({ index }) => index < end);
        for (const entry of seen) yield summarize(entry);
        from = page.length === PAGE ? (seen.at(-1)?.index ?? from - 1) + 1 : end;
        if (from < this.#log.size) continue;
        await grown.promise;
        grown = Promise.withResolvers();
      }
    } finally {
      unlisten();
      signal.removeEventListener('abort', wake);
    }
  }

  #entries(query: EntryQuery): Entry[] {
    return this.#store.read((reader) => reader.entries(leafSequence, query));
  }

  #find(id: string, tenant: string | undefined): Entry {
    const entry = this.#store.read((reader) => reader.entryById(leafSequence, id));
    if (entry !== undefined && (tenant === undefined || entry.tenant === tenant)) return entry;
    throw new WarderError('not-found', `there is no receipt \`${id.slice(0, 64)}\``, {
      hint: 'list what there is with `warder receipts list`',
    });
  }

  #detail(entry: Entry): ReceiptDetail {
    const openings =
      this.#store.read((reader) => reader.get(openingTable, entry.tenant, entry.id)) ?? NO_OPENINGS;
    const statement = parseLeaf(entry.bytes);
    const hosts = contactedHosts(statement, openings);
    return {
      ...summarize(entry),
      statement,
      openings,
      ...(hosts.length === 0 ? {} : { hosts }),
    };
  }
}
