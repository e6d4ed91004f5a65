// The leases of one connection: its own, and those granted to it; which one a call is made under.

import { coversTool } from '../../decide/policy/narrowing.ts';
import { covers } from '../../trust/lease/action.ts';
import type { ConnectionLease, ConnectionTerms } from '../../trust/lease/connection-lease.ts';
import type { LeaseBook } from '../../trust/lease/lease-book.ts';
import type { CheckedLease } from '../../trust/lease/lease.ts';
import type { VerifiedLease } from '../../trust/lease/verify-lease.ts';

/** What is to be called. */
export interface CallUnderLease {
  readonly tool: string;
  readonly arguments: Readonly<Record<string, unknown>>;
}

/** A lease that was granted to the connection; its text stays in this process. */
export interface GrantedLease {
  /** Id of the request. */
  readonly handle: string;
  readonly lease: CheckedLease;
  readonly verified: VerifiedLease;
}

/** Whose connection it is, and what it may do by itself. */
export interface HandTerms {
  readonly terms: ConnectionTerms;
  readonly own: ConnectionLease;
  /** Whether leases may be bound to the connection. */
  readonly bound: boolean;
}

export class LeaseInHand {
  readonly terms: ConnectionTerms;
  /** Whether leases may be bound to the connection; else every one needs a key. */
  readonly bound: boolean;
  readonly #own: ConnectionLease;
  readonly #world: { readonly book: LeaseBook; readonly now: () => number };
  readonly #ended: () => Promise<void>;
  /** In the order they were granted. */
  readonly #granted = new Map<string, GrantedLease>();
  /** Ids of requests that were granted, handed over or not. */
  readonly #handles = new Set<string>();
  readonly #listeners = new Set<() => void>();
  #over = false;

  /** @param ended gives back what the connection was granted; called once, when it ends. */
  constructor(
    { terms, own, bound }: HandTerms,
    world: { readonly book: LeaseBook; readonly now: () => number },
    ended: () => Promise<void>,
  ) {
    this.terms = terms;
    this.bound = bound;
    this.#own = own;
    this.#world = world;
    this.#ended = ended;
  }

  /** Whether the connection has ended. */
  get over(): boolean {
    return this.#over;
  }

  /** Ids of all that was granted to the connection. */
  get handles(): readonly string[] {
    return [...this.#handles];
  }

  get granted(): readonly GrantedLease[] {
    return [...this.#granted.values()];
  }

  find(handle: string): GrantedLease | undefined {
    return this.#granted.get(handle);
  }

  /**
   * The lease a call is made under: the newest granted one that covers it, else the connection's own.
   *
   * @throws as {@link ConnectionLease.current}.
   */
  async current(now: number, call: CallUnderLease): Promise<CheckedLease> {
    const action = { type: 'tool.call', ...call } as const;
    const fit = this.#live(now).findLast(({ lease }) =>
      covers(lease.claims.authorization_details, action, now),
    );
    return fit?.lease ?? this.#own.current(now);
  }

  /** Whether some lease of the connection covers an operation at all. */
  covers(tool: string): boolean {
    if (coversTool(this.terms.capabilities, tool)) return true;
    return this.#live(this.#world.now()).some(({ lease }) =>
      coversTool(lease.claims.authorization_details, tool),
    );
  }

  /** A lease was granted, and is still to be signed. */
  expect(handle: string): void {
    this.#handles.add(handle);
  }

  /** Puts a granted lease into the hand; from then on calls may be made under it. */
  take(granted: GrantedLease): void {
    this.#granted.set(granted.handle, granted);
    this.#changed();
  }

  drop(handle: string): void {
    if (this.#granted.delete(handle)) this.#changed();
  }

  /** Calls back after what the connection may do changed; returns the way to stop. */
  onChanged(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The connection is over. Never rejects. */
  async release(now: number): Promise<void> {
    if (this.#over) return;
    this.#over = true;
    this.#listeners.clear();
    await Promise.all([this.#own.release(now), this.#ended()]);
  }

  #live(now: number): readonly GrantedLease[] {
    return this.granted.filter(({ lease }) => this.#world.book.isLive(lease, now));
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}
