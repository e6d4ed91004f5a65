// What is done with receipts besides reading: disclosing to one reader, erasing. Each leaves a leaf.

import { createHash } from 'node:crypto';
import { canonicalBytes } from '../base/encoding/jcs.ts';
import { asWarderError, WarderError } from '../base/errors/errors.ts';
import {
  type Entry,
  isScrubbing,
  type Reader,
  type TenantId,
  type Tx,
} from '../base/store/store.ts';
import { discloseOpenings, fieldsOf, openingOf } from '../trust/receipt/disclose.ts';
import { eraseOpenings } from '../trust/receipt/erase.ts';
import { openingTable } from '../trust/receipt/openings.ts';
import { type ReceiptFilter, toQuery } from '../trust/receipt/receipt-filter.ts';
import { leafSequence } from '../trust/receipt/receipt-log.ts';
import type { ReceiptDetail } from '../trust/receipt/receipt-reader.ts';
import type { Receipts } from '../trust/receipt/receipts.ts';
import { type Disclosure, DISCLOSURE_TYPE } from '../trust/verify/disclosure.ts';
import { parseLeaf } from '../trust/verify/leaf.ts';
import type { Administration, Event } from './administer.ts';
import type { GateParts } from './parts.ts';

/** What is to be disclosed, to whom. */
export interface DisclosureRequest {
  readonly id: string;
  readonly tenant?: TenantId;
  /** Names of commitments, `effects` for all targets; all that is kept when absent. */
  readonly fields?: readonly string[];
  /** Whether each field has to be there; so when fields are given. */
  readonly asked?: boolean;
  /** Whom it is for, as the operator says. */
  readonly to?: string;
  /** The principal that asks; the operator when absent. */
  readonly by?: string;
}

/** What is to be erased. */
export interface ErasureRequest {
  /** One receipt; else those that fit the filter. */
  readonly id?: string;
  readonly filter?: ReceiptFilter;
  readonly fields?: readonly string[];
  readonly reason: string;
}

/** What was erased. */
export interface Erasure {
  readonly receipts: number;
  readonly openings: number;
  /** Approvals of erased calls that still wait or hold: they keep the arguments until they end. */
  readonly openApprovals: number;
  /** Backups in which erased values can still be read. */
  readonly backups: readonly string[];
}

/** Receipts changed in one transaction. */
const PER_COMMIT = 200;

type DeskParts = Pick<GateParts, 'store' | 'approvals'>;
type DeskReceipts = Pick<Receipts, 'log' | 'reader' | 'proof'>;

/** Discloses and erases. */
export class ReceiptDesk {
  readonly #parts: DeskParts;
  readonly #receipts: DeskReceipts;
  readonly #administration: Administration;

  constructor(parts: DeskParts, receipts: DeskReceipts, administration: Administration) {
    this.#parts = parts;
    this.#receipts = receipts;
    this.#administration = administration;
  }

  /** A receipt with its openings; undefined when there is none, for this tenant if one is given. */
  find(id: string, tenant?: TenantId): ReceiptDetail | undefined {
    try {
      return this.#receipts.reader.show(id, tenant);
    } catch (thrown) {
      if (asWarderError(thrown).code === 'not-found') return undefined;
      throw thrown;
    }
  }

  proof(id: string, tenant?: TenantId): Promise<string> {
    return this.#receipts.proof(id, tenant);
  }

  /**
   * Hands out a receipt with openings. The log says so before anyone sees them.
   *
   * @throws WarderError `not-found`, also for a field that was asked for and erased; `usage` for a field the
   *   receipt does not have; `unavailable` when it cannot be proven or recorded now.
   */
  async disclose(request: DisclosureRequest): Promise<Disclosure> {
    const { id, tenant, fields, asked = fields !== undefined } = request;
    const { statement } = this.#receipts.reader.show(id, tenant);
    const names = fieldsOf(statement, fields);
    const proof = await this.#receipts.proof(id, tenant);
    const { result } = await this.#administration.record((tx) => {
      const entry = entryOf(tx, id, tenant);
      const kept = tx.get(openingTable, entry.tenant, id) ?? { fields: {}, effects: [] };
      const openings = discloseOpenings(kept, names, asked);
      return [openings, disclosedEvent(entry, Object.keys(openings), request)];
    });
    return { _type: DISCLOSURE_TYPE, proof, openings: result };
  }

  /**
   * Erases openings, so that nobody learns any more what the receipts commit to; the receipts stay valid.
   *
   * @throws WarderError `not-found`; `usage`; `unavailable` when they are erased and yet may be read from the
   *   files of the store.
   */
  async erase(request: ErasureRequest): Promise<Erasure> {
    const { store } = this.#parts;
    const { id, reason } = request;
    const salts = new Set<string>();
    const count = { receipts: 0, openings: 0, openApprovals: 0 };
    for (const ids of id === undefined ? this.#pages(request.filter ?? {}) : [[id]]) {
      const held = ids.filter((one) => store.read((reader) => this.#isHeld(reader, one, request)));
      if (held.length === 0) continue;
      await this.#administration.record((tx, now) => {
        const done = held.map((one) => {
          const entry = entryOf(tx, one, request.filter?.tenant);
          const erased = eraseOpenings(tx, entry, namesOf(entry, request), now);
          for (const salt of erased.salts) salts.add(salt);
          count.openings += erased.names.length;
          if (erased.names.includes('arguments'))
            count.openApprovals += this.#forget(tx, entry, now);
          return { entry, names: erased.names };
        });
        count.receipts += done.length;
        return [undefined, erasedEvent(done, reason)];
      });
    }
    if (id !== undefined && count.receipts === 0) {
      throw new WarderError('not-found', `nothing of \`${id.slice(0, 64)}\` is kept to be erased`, {
        hint: 'see `warder receipts show`: it says what was erased, and when',
      });
    }
    const traces = { after: '"salt":"', texts: salts };
    const backups = isScrubbing(store) && salts.size > 0 ? await store.scrub(traces) : [];
    return { ...count, backups };
  }

  /** Whether anything of it is kept that the request erases. */
  #isHeld(reader: Reader, id: string, request: ErasureRequest): boolean {
    const entry = entryOf(reader, id, request.filter?.tenant);
    const openings = reader.get(openingTable, entry.tenant, id);
    return (
      openings !== undefined &&
      namesOf(entry, request).some((name) => {
        const kept = openingOf(openings, name);
        return kept !== undefined && !('erased' in kept);
      })
    );
  }

  *#pages(filter: ReceiptFilter): Generator<readonly string[]> {
    const { store } = this.#parts;
    const { limit: _, ...query } = toQuery(filter);
    const end = this.#receipts.log.size;
    for (let from = 0; from < end;) {
      const page = store.read((reader) =>
        reader.entries(leafSequence, { ...query, from, limit: PER_COMMIT }),
      );
      yield page.filter(({ index }) => index < end).map(({ id }) => id);
      from = page.length < PER_COMMIT ? end : (page.at(-1)?.index ?? end) + 1;
    }
  }

  /** Approvals keep arguments as well. */
  #forget(tx: Tx, { tenant, bytes }: Entry, now: number): number {
    const [{ digest }] = parseLeaf(bytes).subject;
    return this.#parts.approvals.forget(tx, tenant, digest.sha256, now);
  }
}

function entryOf(reader: Reader, id: string, tenant: TenantId | undefined): Entry {
  const entry = reader.entryById(leafSequence, id);
  if (entry !== undefined && (tenant === undefined || entry.tenant === tenant)) return entry;
  throw new WarderError('not-found', `there is no receipt \`${id.slice(0, 64)}\``, {
    hint: 'list what there is with `warder receipts list`',
  });
}

/** What of a receipt is erased; of many, each as far as it has such fields. */
function namesOf({ bytes }: Entry, { id, fields }: ErasureRequest): readonly string[] {
  const statement = parseLeaf(bytes);
  if (id !== undefined || fields === undefined) return fieldsOf(statement, fields);
  const [...all] = fieldsOf(statement, undefined);
  return all.filter((name) => fields.includes(name) || fields.includes(name.split('/')[0] ?? ''));
}

function disclosedEvent(
  { id, tenant }: Entry,
  names: readonly string[],
  { to, by }: Pick<DisclosureRequest, 'to' | 'by'>,
): Event {
  return {
    type: 'receipt',
    outcome: 'disclosed',
    tenant,
    subject: { name: 'receipt', sha256: digestOf(id) },
    detail: { receipt: id, fields: shownNames(names) },
    ...(to === undefined ? {} : { arguments: { for: to } }),
    ...(by === undefined ? {} : { principal: by }),
  };
}

interface ErasedReceipt {
  readonly entry: Entry;
  readonly names: readonly string[];
}

function erasedEvent(erased: readonly ErasedReceipt[], reason: string): Event {
  const [first, ...more] = erased;
  if (first === undefined) throw new WarderError('internal', 'nothing was erased');
  const ids = erased.map(({ entry }) => entry.id);
  const tenants = new Set(erased.map(({ entry }) => entry.tenant));
  return {
    type: 'receipt',
    outcome: 'erased',
    tenant: tenants.size === 1 ? first.entry.tenant : 'default',
    subject: { name: 'receipts', sha256: digestOf(ids) },
    reason,
    arguments: { receipts: ids },
    detail:
      more.length === 0
        ? { receipt: first.entry.id, fields: shownNames(first.names) }
        : {
            receipts: ids.length,
            openings: erased.reduce((sum, { names }) => sum + names.length, 0),
          },
  };
}

/** Targets of effects are many: together they have one name. */
function shownNames(names: readonly string[]): readonly string[] {
  return [...new Set(names.map((name) => name.split('/')[0] ?? name))];
}

function digestOf(value: unknown): string {
  return createHash('sha256').update(canonicalBytes(value)).digest('hex');
}
