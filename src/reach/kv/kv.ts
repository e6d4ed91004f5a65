// The key/value store of one installation: what a call reads, and the writes it buffers until the
// gate commits them with the call's outcome, or drops them.

import { type Clock, systemClock } from '../../base/clock/clock.ts';
import { WarderError } from '../../base/errors/errors.ts';
import type { Reader, Store, Table, Tx } from '../../base/store/store.ts';
import { assertPermit, type Permit, type PermitTerms } from '../../decide/policy/permit.ts';

/**
 * One row. Keyed `INSTALLATION/DIGEST/KEY`, so that a re-added name or a new digest inherits nothing.
 * The row whose guest key is empty counts the others (`keys`, `bytes`); guest keys are never empty.
 */
export interface KvRow {
  readonly installation: string;
  readonly value?: Uint8Array;
  readonly keys?: number;
  /** Bytes of keys and values. */
  readonly bytes?: number;
}

export const kvTable: Table<KvRow> = {
  name: 'kv',
  indexes: { installation: (row) => row.installation },
};

/**
 * Ceilings of one installation (id and digest) in one tenant, and of its single keys and values, besides
 * the bytes its grant says (`limits.kvBytes`).
 */
export interface KvLimits {
  readonly keyBytes: number;
  readonly valueBytes: number;
  readonly keys: number;
  /** Keys one listing gives. */
  readonly listed: number;
}

export const kvLimits: KvLimits = Object.freeze({
  keyBytes: 512,
  valueBytes: 1 << 20,
  keys: 10_000,
  listed: 1000,
});

export type KvReply =
  | {
      readonly ok: true;
      readonly value:
        | { readonly found: boolean }
        | { readonly deleted: boolean }
        | { readonly keys: readonly string[] }
        | Readonly<Record<string, never>>;
      readonly bytes?: Uint8Array;
    }
  | {
      readonly ok: false;
      readonly code: 'denied' | 'limit' | 'invalid';
      readonly message: string;
    };

/** For the receipt. A write is `answered` when it was taken into the buffer. */
export interface KvEffect {
  readonly kind: 'kv';
  readonly state: 'refused' | 'answered';
  readonly count: 1;
  readonly target: string;
  readonly bytes: number;
}

export interface KvResult {
  readonly reply: KvReply;
  readonly effect: KvEffect;
}

/**
 * The store as one call sees it: what is committed, under its own writes. Calls that run at the
 * same time see each other's writes once committed; of two writes to a key the later commit wins.
 */
export interface KvSession {
  get(key: string): KvResult;
  set(key: string, value: Uint8Array): KvResult;
  delete(key: string): KvResult;
  /** Sorted by code point, at most `limits.listed`. */
  list(prefix: string): KvResult;
  /**
   * Writes the buffer in the transaction that writes the outcome; the session then ends.
   *
   * @throws WarderError `limit-reached`, with nothing written, when concurrent calls filled the
   *   store since this one's writes were taken.
   */
  apply(tx: Tx): void;
  /** Forgets the buffer; the session then ends. */
  discard(): void;
}

export interface KvOptions {
  readonly clock?: Clock;
  readonly limits?: KvLimits;
}

/**
 * Opens the view of one call. Nothing reaches the store before {@link KvSession.apply}.
 *
 * @throws TypeError when `permit` is not a permit of this process.
 */
export function openKvSession(permit: Permit, store: Store, options: KvOptions = {}): KvSession {
  assertPermit(permit);
  return new Session(permit.terms, store, options.clock ?? systemClock, options.limits ?? kvLimits);
}

/** A buffered write, and how many bytes its key and value took in the store when it was made. */
interface Write {
  readonly value: Uint8Array | undefined;
  readonly committed: number;
}

class Session implements KvSession {
  readonly #terms: PermitTerms;
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #limits: KvLimits;
  readonly #base: string;
  readonly #writes = new Map<string, Write>();
  /** What the buffer adds to what was committed when its writes were made. */
  #growth: Usage = { keys: 0, bytes: 0 };
  #ended = false;

  constructor(terms: PermitTerms, store: Store, clock: Clock, limits: KvLimits) {
    this.#terms = terms;
    this.#store = store;
    this.#clock = clock;
    this.#limits = limits;
    this.#base = `${terms.installation.id}/${terms.installation.digest}/`;
  }

  get(key: string): KvResult {
    const refusal = this.#refusal() ?? this.#keyFault(key);
    if (refusal !== undefined) return refused('get', key, refusal);
    const value = this.#current(key);
    if (value === undefined) return answered('get', key, { ok: true, value: { found: false } }, 0);
    const reply = { ok: true, value: { found: true }, bytes: value.slice() } as const;
    return answered('get', key, reply, value.length);
  }

  set(key: string, value: Uint8Array): KvResult {
    const refusal = this.#refusal() ?? this.#keyFault(key) ?? this.#valueFault(value);
    if (refusal !== undefined) return refused('set', key, refusal);
    const write = { value: value.slice(), committed: this.#committedSize(key) };
    const growth = sum(this.#growthWithout(key), growthOf(key, write));
    const before = this.#store.read((reader) => this.#usage(reader));
    const fault = this.#fullness(before, sum(before, growth));
    if (fault !== undefined) return refused('set', key, fault);
    this.#growth = growth;
    this.#writes.set(key, write);
    return answered('set', key, { ok: true, value: {} }, value.length);
  }

  delete(key: string): KvResult {
    const refusal = this.#refusal() ?? this.#keyFault(key);
    if (refusal !== undefined) return refused('delete', key, refusal);
    const deleted = this.#current(key) !== undefined;
    if (deleted) {
      const write = { value: undefined, committed: this.#committedSize(key) };
      this.#growth = sum(this.#growthWithout(key), growthOf(key, write));
      this.#writes.set(key, write);
    }
    return answered('delete', key, { ok: true, value: { deleted } }, 0);
  }

  list(prefix: string): KvResult {
    const refusal = this.#refusal() ?? (prefix === '' ? undefined : this.#keyFault(prefix));
    if (refusal !== undefined) return refused('list', prefix, refusal);
    const { listed } = this.#limits;
    const rows = this.#store.read((reader) =>
      reader.list(kvTable, this.#terms.tenant, {
        keyPrefix: this.#base + prefix,
        // Room for the counting row and for those this session has deleted.
        limit: listed + this.#writes.size + 1,
      }),
    );
    const found = new Set(rows.map((row) => row.key.slice(this.#base.length)));
    found.delete('');
    for (const [key, write] of this.#writes) {
      if (write.value === undefined) found.delete(key);
      else if (key.startsWith(prefix)) found.add(key);
    }
    const keys = [...found].sort(byCodePoint).slice(0, listed);
    return answered('list', prefix, { ok: true, value: { keys } }, 0);
  }

  apply(tx: Tx): void {
    if (this.#ended) throw new TypeError('a kv session was used after its call ended');
    this.#ended = true;
    const { id: installation } = this.#terms.installation;
    const { tenant } = this.#terms;
    const before = this.#usage(tx);
    let after = before;
    for (const [key, { value }] of this.#writes) {
      // Concurrent calls may have committed since the write was made.
      const committed = sizeOf(key, this.#committed(tx, key));
      after = sum(after, growthOf(key, { value, committed }));
    }
    const fault = this.#fullness(before, after);
    if (fault !== undefined) {
      throw new WarderError('limit-reached', fault.message, {
        hint: 'other calls filled the store meanwhile; free some room and call again',
      });
    }
    for (const [key, { value }] of this.#writes) {
      if (value === undefined) tx.delete(kvTable, tenant, this.#base + key);
      else tx.put(kvTable, tenant, this.#base + key, { installation, value });
    }
    if (this.#writes.size > 0) tx.put(kvTable, tenant, this.#base, { installation, ...after });
  }

  discard(): void {
    this.#ended = true;
    this.#writes.clear();
  }

  /** The value this call sees. */
  #current(key: string): Uint8Array | undefined {
    const write = this.#writes.get(key);
    if (write !== undefined) return write.value;
    return this.#store.read((reader) => this.#committed(reader, key));
  }

  #committed(reader: Reader, key: string): Uint8Array | undefined {
    return reader.get(kvTable, this.#terms.tenant, this.#base + key)?.value;
  }

  #committedSize(key: string): number {
    return this.#store.read((reader) => sizeOf(key, this.#committed(reader, key)));
  }

  #usage(reader: Reader): Usage {
    const row = reader.get(kvTable, this.#terms.tenant, this.#base);
    return { keys: row?.keys ?? 0, bytes: row?.bytes ?? 0 };
  }

  #growthWithout(key: string): Usage {
    const write = this.#writes.get(key);
    if (write === undefined) return this.#growth;
    const { keys, bytes } = growthOf(key, write);
    return sum(this.#growth, { keys: -keys, bytes: -bytes });
  }

  /** Only growth is refused: what is over a ceiling that was lowered can still shrink. */
  #fullness(before: Usage, after: Usage): Fault | undefined {
    const { keys } = this.#limits;
    const { kvBytes } = this.#terms.limits;
    if (after.bytes > kvBytes && after.bytes > before.bytes) {
      return limit(
        `keys and values of \`${this.#name}\` may take ${kvBytes} bytes together; delete some`,
      );
    }
    if (after.keys > keys && after.keys > before.keys) {
      return limit(`\`${this.#name}\` may keep ${keys} keys; delete some`);
    }
    return undefined;
  }

  get #name(): string {
    return this.#terms.installation.name;
  }

  #refusal(): Fault | undefined {
    if (this.#ended) return denied('the call has ended');
    if (this.#clock.wall() >= this.#terms.expiresAt) return denied("the call's permit has expired");
    if (this.#terms.kv) return undefined;
    return denied(
      `\`${this.#name}\` has no key/value store; the operator can allow it with ` +
        `\`warder tool grant ${this.#name} --allow-kv\``,
    );
  }

  #keyFault(key: string): Fault | undefined {
    const { keyBytes } = this.#limits;
    if (typeof key !== 'string' || key === '') return invalid('a key must not be empty');
    if (key.length > keyBytes || Buffer.byteLength(key) > keyBytes) {
      return limit(`a key may have ${keyBytes} bytes as UTF-8`);
    }
    // A lone surrogate has no UTF-8: two such keys would become one.
    if (!key.isWellFormed() || key.includes('\0')) {
      return invalid('a key must be whole characters without NUL');
    }
    return undefined;
  }

  #valueFault(value: Uint8Array): Fault | undefined {
    if (value.length <= this.#limits.valueBytes) return undefined;
    return limit(`a value may have ${this.#limits.valueBytes} bytes; split it over several keys`);
  }
}

interface Usage {
  readonly keys: number;
  readonly bytes: number;
}

function sum(left: Usage, right: Usage): Usage {
  return { keys: left.keys + right.keys, bytes: left.bytes + right.bytes };
}

/** Bytes a key and its value take; 0 when there is none. */
function sizeOf(key: string, value: Uint8Array | undefined): number {
  return value === undefined ? 0 : Buffer.byteLength(key) + value.length;
}

function growthOf(key: string, { value, committed }: Write): Usage {
  return {
    keys: (value === undefined ? 0 : 1) - (committed === 0 ? 0 : 1),
    bytes: sizeOf(key, value) - committed,
  };
}

type Fault = Extract<KvReply, { readonly ok: false }>;

function denied(message: string): Fault {
  return { ok: false, code: 'denied', message };
}

function invalid(message: string): Fault {
  return { ok: false, code: 'invalid', message };
}

function limit(message: string): Fault {
  return { ok: false, code: 'limit', message };
}

/** The key as the receipt commits to it; a hostile one is cut. */
function effect(op: string, key: unknown, state: KvEffect['state'], bytes: number): KvEffect {
  const shown = typeof key === 'string' ? key.slice(0, 512).toWellFormed() : '';
  return { kind: 'kv', state, count: 1, target: `${op} ${shown}`, bytes };
}

function refused(op: string, key: string, reply: Fault): KvResult {
  return { reply, effect: effect(op, key, 'refused', 0) };
}

function answered(op: string, key: string, reply: KvReply, bytes: number): KvResult {
  return { reply, effect: effect(op, key, 'answered', bytes) };
}

/** UTF-16 order differs from code point order beyond U+FFFF. */
function byCodePoint(left: string, right: string): number {
  return Buffer.compare(Buffer.from(left), Buffer.from(right));
}
