// One accepted connection of an agent: who asks, request by request.

import type { Caller } from '../../gate/door.ts';
import type { ProofChallenge } from '../../trust/lease/lease-reception.ts';
import type { Credentials } from './credentials.ts';

/** Who looks at what there is. */
export interface Viewer {
  readonly caller: Caller;
  /** What a proof has to say, for whom every call needs one. */
  readonly challenge?: ProofChallenge;
}

export interface Connection {
  /** Takes credentials for all that follows. A second time, or unreadable ones, spoil the connection. */
  bind(credentials: Credentials): void;
  /**
   * Who makes a call. Never rejects: who cannot be made out gets no lease, so that the gate refuses the
   * call and its receipt says why.
   */
  caller(credentials: Credentials): Promise<Caller>;
  /**
   * Who looks, without a call.
   *
   * @throws WarderError when that cannot be made out; a receipt says so.
   */
  viewer(credentials: Credentials): Promise<Viewer>;
  /**
   * Who reads receipts of its own calls: the agent whose socket it is, or somebody an issuer knows. Who
   * would have to prove a key for each call is nobody here.
   *
   * @throws WarderError when that cannot be made out; a receipt says so.
   */
  reader(): Promise<Caller>;
  /** What the next proof has to say; `tool` is the digest of the package that is to run. */
  challenge(tool?: string): ProofChallenge;
  /** Calls back after leases were granted on it, or given back; returns the way to stop. */
  onLeasesChanged(listener: () => void): () => void;
  close(): void;
}
