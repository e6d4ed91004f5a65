// What operators are told of calls and requests for leases that wait for them.

/** What waits, or waited, for persons: a call, or a request for a lease. */
export type ApprovalSummary = CallApproval | LeaseApproval;

/** Texts are rendered so that a terminal shows what is there. */
interface Waiting {
  readonly id: string;
  readonly state: string;
  /** How many different persons said yes, and how many have to. */
  readonly given: number;
  readonly needed: number;
  /** Why it cannot be approved as things are. */
  readonly obstacle?: string;
  readonly principal: string;
  readonly agent: string;
  readonly tenant: string;
  /** Opaque ids of the policies that ask, for `policy explain`. */
  readonly rules: readonly string[];
  readonly answers: readonly ApprovalAnswer[];
  /** ISO 8601. */
  readonly asked: string;
  /** How long it has waited, or did until it was decided. */
  readonly waitedSeconds: number;
  /** ISO 8601. */
  readonly expires: string;
  readonly digest: string;
}

export interface CallApproval extends Waiting {
  readonly kind: 'call';
  readonly tool: string;
  readonly task?: string;
  /** State key. */
  readonly lease: string;
  /** Whether an operator made the call on behalf of the principal. */
  readonly operator: boolean;
  readonly package: { readonly id: string; readonly digest: string; readonly name?: string };
  /** Of the policies that ask. */
  readonly reason: string;
  /** What was noticed about the call when it asked. */
  readonly risks: readonly { readonly name: string; readonly note: string }[];
  /** The real arguments. */
  readonly arguments: string;
  /** What the permit would allow, one line each. */
  readonly effects: readonly string[];
  /** What it would allow without the terms of those who said yes; absent when there are none. */
  readonly askedEffects?: readonly string[];
}

export interface LeaseApproval extends Waiting {
  readonly kind: 'lease';
  readonly task: string;
  /** In the agent's words. */
  readonly reason: string;
  /** Of the policies that ask. */
  readonly why: string;
  /** Whom the lease would be bound to. */
  readonly holder: string;
  /** What it would say, one capability each, as JSON. */
  readonly capabilities: readonly string[];
  readonly ttlSeconds: number;
  /** What was asked, where those who said yes left less. */
  readonly askedCapabilities?: readonly string[];
  readonly askedTtlSeconds?: number;
  /** What else it would say, one line each. */
  readonly limits: readonly string[];
  /** State key of the lease it would be made from. */
  readonly parent?: string;
  /** State key of the lease that was granted. */
  readonly lease?: string;
}

/** What one operator said. */
export interface ApprovalAnswer {
  readonly by: string;
  /** ISO 8601. */
  readonly at: string;
  readonly verdict: 'approved' | 'denied';
  /** What a yes was limited to, as JSON. */
  readonly terms?: string;
  /** Why it was denied. */
  readonly reason?: string;
}
