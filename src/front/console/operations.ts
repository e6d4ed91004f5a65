// The operator API: every operation of operator.sock with its input and output. `POST /v1/NAME`, JSON both ways.

import type { JsonObject } from '../../base/encoding/json.ts';
import type { Installation } from '../../catalog/installation.ts';
import type { Budget } from '../../decide/limits/budget.ts';
import type { BudgetState } from '../../decide/limits/budget-book.ts';
import type { CaseResult } from '../../decide/policy/policy-test.ts';
import type { OneCallReply, PreviewJson } from '../../gate/answer-json.ts';
import type { Erasure } from '../../gate/receipt-desk.ts';
import type { AwaitedProof } from '../../gate/awaited-proof.ts';
import type { ReceiptFilter, ReceiptSummary } from '../../trust/receipt/receipt-filter.ts';
import type { ReceiptDetail } from '../../trust/receipt/receipt-reader.ts';
import type { TaskReport } from '../../trust/receipt/task-report.ts';
import type { Disclosure } from '../../trust/verify/disclosure.ts';
import type { StatementBundle } from '../../trust/verify/envelope.ts';
import type { FollowedLog } from '../../trust/verify/log.ts';
import type { KeyDocument } from '../../trust/keyring/key-document.ts';
import type { PublicJwk } from '../../trust/signer/signer.ts';
import type { ApprovalSummary, CallApproval } from './approval-summary.ts';
import type { KeyRotated, KeyRotationWish } from './key-rotation.ts';
import type { KeySummary } from './key-summary.ts';
import type { DisclosureWish, ErasureWish } from './receipt-wishes.ts';
import type { StatusReport } from './status-report.ts';
import type { TrustSummary } from './trust-summary.ts';

interface Operation<Input, Output> {
  readonly input: Input;
  readonly output: Output;
}

export interface LeaseSummary {
  readonly stateKey: string;
  readonly jti: string;
  readonly principal: string;
  readonly tenant: string;
  readonly agent?: string;
  readonly state: string;
  /** ISO 8601. */
  readonly issued: string;
  /** ISO 8601. */
  readonly expires: string;
  readonly uses: number;
  readonly maxUses?: number;
  readonly capabilities: readonly unknown[];
}

/** What is told of a secret; its value never is. */
export interface SecretSummary {
  readonly name: string;
  /** Counts the values the name has had. */
  readonly version: number;
  /** ISO 8601. */
  readonly set: string;
  /** Requests it was sent with. */
  readonly uses: number;
  /** ISO 8601. */
  readonly lastUsed?: string;
}

export interface PolicyReport {
  readonly digest: string;
  readonly files: readonly { readonly name: string; readonly text: string }[];
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
}

/** One policy, as the operator sees it. */
export interface RuleSummary {
  /** The opaque id agents and receipts see. */
  readonly rule: string;
  readonly id?: string;
  readonly place: string;
  readonly effect: 'permit' | 'forbid';
  readonly text: string;
}

/** What would become of a call, and by which policies. */
export interface Explanation {
  readonly preview: PreviewJson;
  readonly rules: readonly RuleSummary[];
  /** What a permit is made of, each as far as the call came. */
  readonly grant?: {
    readonly installation: string;
    readonly digest: string;
    /** One line each; none: only compute. */
    readonly may: readonly string[];
  };
  /** From the root of the chain to the lease itself. */
  readonly lease?: readonly {
    readonly stateKey: string;
    readonly principal: string;
    readonly depth: number;
    /** ISO 8601. */
    readonly expires: string;
    readonly task?: string;
    readonly maxUses?: number;
    readonly maxBytes?: number;
    readonly rate?: { readonly uses: number; readonly seconds: number };
    readonly capabilities: readonly unknown[];
  }[];
  /** What was found risky, whatever is done about it. */
  readonly risk?: readonly { readonly name: string; readonly note: string }[];
  /** The approval the permit would use up. */
  readonly approval?: CallApproval;
  /** What all of them leave; of a call that asks, what an unlimited yes would. */
  readonly reach?: {
    readonly net: readonly string[];
    readonly neverNet: readonly string[];
    /** `HOST_DIR:GUEST_DIR`. */
    readonly read: readonly string[];
    readonly write: readonly string[];
    readonly kv: boolean;
    /** Names. */
    readonly secrets: readonly string[];
    readonly env: readonly string[];
    readonly config: readonly string[];
    readonly limits: Readonly<Record<string, number>>;
    readonly cost?: { readonly currency: string; readonly amount: number };
    /** ISO 8601; of a permit. */
    readonly expires?: string;
  };
}

/** What an agent's leases may say at most. */
export interface LeaseCeiling {
  readonly agent: string;
  readonly principal: string;
  readonly tenant: string;
  readonly holder: string;
  readonly ttlSeconds: number;
  readonly capabilities: readonly unknown[];
  /** Enabled operations it covers, by name. */
  readonly tools: readonly string[];
}

export interface Finding {
  readonly subject: string;
  readonly state: 'ok' | 'note' | 'problem';
  readonly text: string;
  readonly remedy?: string;
}

/** A revocation list as it is published. */
export interface RevocationListReport {
  readonly tenant: string;
  readonly seq: number;
  /** ISO 8601. */
  readonly issued: string;
  /** ISO 8601: from then on it proves nothing. */
  readonly nextUpdate: string;
  /** The `revocations+jwt`. */
  readonly list: string;
}

type Empty = Readonly<Record<string, never>>;

/** Which receipt, of this tenant if one is given. */
interface ReceiptName {
  readonly id: string;
  readonly tenant?: string;
}

/** Every operation that answers with one document. */
export interface Operations {
  readonly status: Operation<Empty, StatusReport>;
  readonly stop: Operation<Empty, { readonly stopping: true }>;
  readonly doctor: Operation<Empty, { readonly findings: readonly Finding[] }>;
  readonly call: Operation<
    {
      readonly tool: string;
      /** JSON text. */
      readonly arguments: string;
      readonly as: string;
      readonly approval?: string;
      readonly dryRun?: boolean;
      /** Seconds to wait for the proof of the receipt. */
      readonly waitProof?: number;
    },
    OneCallReply & Partial<AwaitedProof>
  >;
  readonly 'tool.add': Operation<
    {
      readonly tenant?: string;
      readonly name: string;
      readonly wasmBase64: string;
      /** Grant flags as on the command line. */
      readonly flags: readonly string[];
    },
    {
      readonly installation: Installation;
      readonly grant: readonly string[];
      /** What to know before trusting the package's words. */
      readonly warnings: readonly string[];
    }
  >;
  readonly 'tool.list': Operation<
    { readonly tenant?: string },
    { readonly installations: readonly Installation[] }
  >;
  readonly 'tool.show': Operation<
    { readonly tenant?: string; readonly name: string },
    { readonly installation: Installation; readonly grant: readonly string[] }
  >;
  readonly 'tool.grant': Operation<
    {
      readonly tenant?: string;
      readonly name: string;
      readonly change: 'add' | 'remove' | 'reset';
      readonly flags: readonly string[];
    },
    {
      readonly installation: Installation;
      readonly grant: readonly string[];
      /** What to know of what was granted. */
      readonly warnings: readonly string[];
    }
  >;
  readonly 'tool.enable': Operation<
    { readonly tenant?: string; readonly name: string },
    { readonly name: string }
  >;
  readonly 'tool.disable': Operation<
    { readonly tenant?: string; readonly name: string },
    { readonly name: string }
  >;
  readonly 'tool.remove': Operation<
    { readonly tenant?: string; readonly name: string },
    { readonly name: string }
  >;
  readonly 'secret.set': Operation<
    { readonly tenant?: string; readonly name: string; readonly valueBase64: string },
    SecretSummary
  >;
  readonly 'secret.rotate': Operation<
    { readonly tenant?: string; readonly name: string; readonly valueBase64: string },
    SecretSummary
  >;
  readonly 'secret.list': Operation<
    { readonly tenant?: string },
    { readonly secrets: readonly SecretSummary[] }
  >;
  readonly 'secret.remove': Operation<
    { readonly tenant?: string; readonly name: string },
    SecretSummary
  >;
  readonly 'lease.describe': Operation<{ readonly agent: string }, LeaseCeiling>;
  readonly 'lease.list': Operation<Empty, { readonly leases: readonly LeaseSummary[] }>;
  readonly 'lease.show': Operation<{ readonly id: string }, LeaseSummary>;
  /** Exactly one of `id`, `subject`, `holder` and `all` says which. */
  readonly 'lease.revoke': Operation<
    {
      readonly id?: string;
      readonly subject?: string;
      /** RFC 7638 thumbprint. */
      readonly holder?: string;
      readonly all?: boolean;
      readonly tenant?: string;
      readonly reason: string;
    },
    {
      /** Of the one that was named. */
      readonly stateKey?: string;
      /** What ended: state keys, by tenant. */
      readonly ended: readonly { readonly tenant: string; readonly leases: readonly string[] }[];
    }
  >;
  /** The list that says everything up to now. */
  readonly 'lease.revocations': Operation<{ readonly tenant: string }, RevocationListReport>;
  readonly 'approvals.list': Operation<
    { readonly state?: string },
    { readonly approvals: readonly ApprovalSummary[] }
  >;
  readonly 'approvals.show': Operation<{ readonly id: string }, ApprovalSummary>;
  readonly 'approvals.approve': Operation<
    {
      readonly id: string;
      /** JSON text: the only network, files and secrets it may use. */
      readonly capabilities?: string;
      /** What it may not use at all: `net`, `write`, `kv`, `secrets`. */
      readonly without?: readonly string[];
      /** Limits lower than the grant's, as grant flags on the command line. */
      readonly limits?: readonly string[];
      /** Seconds from now within which the call has to start. */
      readonly within?: number;
      /** Of a lease: how long it lasts, seconds. */
      readonly ttl?: number;
    },
    ApprovalSummary
  >;
  readonly 'approvals.deny': Operation<
    { readonly id: string; readonly reason?: string },
    ApprovalSummary
  >;
  readonly 'policy.show': Operation<Empty, PolicyReport>;
  readonly 'policy.check': Operation<
    { readonly files: readonly { readonly name: string; readonly text: string }[] },
    PolicyReport
  >;
  readonly 'policy.set': Operation<
    { readonly files: readonly { readonly name: string; readonly text: string }[] },
    PolicyReport
  >;
  readonly 'policy.test': Operation<
    {
      readonly files: readonly { readonly name: string; readonly text: string }[];
      /** Text of a file of cases. */
      readonly cases: string;
    },
    { readonly results: readonly CaseResult[] }
  >;
  readonly 'budget.list': Operation<
    { readonly tenant?: string },
    { readonly budgets: readonly BudgetState[] }
  >;
  /** JSON text of a budget. */
  readonly 'budget.set': Operation<{ readonly budget: string; readonly tenant?: string }, Budget>;
  readonly 'budget.remove': Operation<{ readonly name: string; readonly tenant?: string }, Budget>;
  readonly 'trust.list': Operation<
    { readonly tenant?: string },
    { readonly entries: readonly TrustSummary[] }
  >;
  readonly 'trust.show': Operation<
    { readonly principal: string; readonly tenant?: string },
    TrustSummary
  >;
  readonly 'trust.set': Operation<
    {
      readonly principal: string;
      readonly level: number;
      readonly capabilities: readonly string[];
      /** A duration from now, or ISO 8601; absent: no end. */
      readonly expires?: string;
      readonly note?: string;
      readonly tenant?: string;
    },
    TrustSummary
  >;
  readonly 'trust.remove': Operation<
    { readonly principal: string; readonly tenant?: string },
    TrustSummary
  >;
  readonly 'policy.rule': Operation<{ readonly rule: string }, RuleSummary>;
  readonly 'policy.explain': Operation<
    { readonly tool: string; readonly arguments: string; readonly as: string },
    Explanation
  >;
  readonly 'receipts.list': Operation<ReceiptFilter, readonly ReceiptSummary[]>;
  readonly 'receipts.show': Operation<ReceiptName, ReceiptDetail>;
  /** Waits for the checkpoint that covers the receipt. */
  readonly 'receipts.proof': Operation<ReceiptName, { readonly proof: string }>;
  /** The receipt in a DSSE envelope, in a sigstore bundle. */
  readonly 'receipts.statement': Operation<ReceiptName, StatementBundle>;
  /** Openings for one reader. */
  readonly 'receipts.disclose': Operation<ReceiptName & DisclosureWish, Disclosure>;
  readonly 'receipts.erase': Operation<ReceiptFilter & ErasureWish, Erasure>;
  readonly 'receipts.report': Operation<ReceiptFilter, { readonly tasks: readonly TaskReport[] }>;
  readonly 'receipts.checkpoint': Operation<Empty, { readonly note: string }>;
  readonly 'receipts.audit': Operation<
    Empty,
    { readonly size: number; readonly root: string; readonly follows?: FollowedLog }
  >;
  readonly 'keys.list': Operation<Empty, { readonly keys: readonly KeySummary[] }>;
  readonly 'keys.jwks': Operation<Empty, KeyDocument>;
  /** Evidence bound to the nonce, else to the last checkpoint; or the answer to a challenge. */
  readonly 'keys.attest': Operation<
    { readonly name: string; readonly nonce?: string; readonly challenge?: string },
    { readonly document: JsonObject }
  >;
  readonly 'keys.create': Operation<{ readonly uri: string }, { readonly jwk: PublicJwk }>;
  readonly 'keys.rotate': Operation<KeyRotationWish, KeyRotated>;
}

/** Operations that answer with JSON lines until the caller hangs up. */
export interface Streams {
  readonly 'receipts.follow': { readonly input: ReceiptFilter; readonly item: ReceiptSummary };
  readonly 'receipts.export': { readonly input: ReceiptFilter; readonly item: ReceiptDetail };
  readonly 'approvals.watch': { readonly input: Empty; readonly item: ApprovalSummary };
}

/** What the daemon implements. */
export type OperationHandlers = {
  readonly [Name in keyof Operations]: (
    input: Operations[Name]['input'],
  ) => Promise<Operations[Name]['output']>;
};

/** What the daemon implements for {@link Streams}. */
export type StreamHandlers = {
  readonly [Name in keyof Streams]: (
    input: Streams[Name]['input'],
    signal: AbortSignal,
  ) => AsyncIterable<Streams[Name]['item']>;
};
