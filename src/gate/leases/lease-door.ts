// What the agent's front asks about leases, and what it is told. Nothing told here holds a token but `token` and `refresh`.

import type { Json } from '../../base/encoding/json.ts';
import type { Capability } from '../../trust/lease/lease.ts';
import type { RequestState } from '../../trust/lease/lease-request.ts';
import type { Caller, Preview } from '../door.ts';

/** What leases of an agent may say, and where its requests stand. */
export interface LeaseDescription {
  readonly agent: string;
  readonly principal: string;
  readonly tenant: string;
  /** What leases are bound to here when no key is given; with `key`, a key has to be given. */
  readonly holder: 'connection' | 'key';
  /** Without asking anybody, unless policy wants a person. */
  readonly free: LeaseBounds;
  /** At all. */
  readonly most: LeaseBounds;
  /** Installed operations within what is free. */
  readonly tools: readonly string[];
  /** Installed operations it may ask for besides. */
  readonly askable_tools: readonly string[];
  /** Newest first. */
  readonly requests: readonly LeaseStanding[];
}

export interface LeaseBounds {
  readonly capabilities: readonly Capability[];
  readonly ttl_seconds: number;
}

/** Where a request stands. Its id is the handle of the lease. */
export interface LeaseStanding {
  readonly id: string;
  readonly state: RequestState;
  readonly task: string;
  readonly holder: 'connection' | 'key';
  /** What was granted; what was asked while nothing was. */
  readonly capabilities: readonly Capability[];
  readonly ttl_seconds: number;
  /** Why it waits, was denied, or ended. */
  readonly reason?: string;
  /** ISO 8601: to when it waits for a decision, or the lease holds. */
  readonly until: string;
  /** Calls made under it, and how many there may be. */
  readonly uses?: number;
  readonly max_uses?: number;
}

/** The desk at which agents ask for leases. What is refused throws; a refusal of a request is on a receipt. */
export interface LeaseDoor {
  describe(caller: Caller): LeaseDescription;
  /** Writes and spends nothing but a line in the daemon's log. @throws WarderError `limit-reached`, `malformed`. */
  preview(caller: Caller, terms: Json): Preview;
  /** @throws WarderError `malformed`, `limit-reached`, `lease-refused`, `unavailable`. */
  request(caller: Caller, terms: Json): Promise<LeaseStanding>;
  /** @param wait waits for a decision until it aborts. @throws WarderError `not-found`. */
  poll(caller: Caller, id: string, wait?: AbortSignal): Promise<LeaseStanding>;
  /** Gives back, or takes back what still waits; a second time it says the same. @throws WarderError `not-found`. */
  release(caller: Caller, id: string): Promise<LeaseStanding>;
  /** A narrower lease for the holder of a key. @throws WarderError `lease-refused` when it would be wider. */
  delegate(caller: Caller, parent: string, terms: Json): Promise<LeaseStanding>;
  /** The text of an active lease that is bound to a key: worth nothing without that key. */
  token(caller: Caller, id: string): Promise<string>;
  /** A lease its holder proves to hold, signed anew. */
  refresh(caller: Caller, held: { readonly text: string; readonly proof: string }): Promise<string>;
}
