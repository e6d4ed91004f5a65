// What operators are told of the trust in a principal.

/** What the local trust table says of a principal. */
export interface TrustSummary {
  readonly principal: string;
  readonly tenant: string;
  /** 0 to 100. */
  readonly level: number;
  readonly capabilities: readonly string[];
  readonly state: 'in force' | 'ended';
  /** ISO 8601. */
  readonly expires?: string;
  readonly note?: string;
}
