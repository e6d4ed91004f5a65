// What an operator says of a rotation, and what is said of it when it is done.

export interface KeyRotationWish {
  readonly key?: string;
  readonly graceSeconds?: number;
  readonly compromised?: boolean;
  /** The key of the log instead of the one that signs leases. */
  readonly log?: boolean;
}

export interface KeyRotated {
  readonly old: string;
  readonly kid: string;
  readonly uri: string;
  /** ISO 8601. */
  readonly graceUntil: string;
  /** What the next start will finish. */
  readonly unfinished?: string;
}
