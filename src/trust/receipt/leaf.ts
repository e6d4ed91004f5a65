// The leaf: one in-toto Statement v1 per thing that happened. Frozen format; see docs/receipt-format.md.

import type { JsonObject } from '../../base/encoding/json.ts';
import type { TenantId } from '../../base/store/store.ts';

/** What a receipt is about. */
export type ReceiptType =
  | 'call'
  | 'approval'
  | 'lease'
  | 'grant'
  | 'policy'
  | 'key'
  | 'secret'
  | 'daemon'
  | 'authentication'
  | 'receipt'
  | 'log';

/** How a call ended; other types use the ones that fit. */
export type Outcome =
  | 'done'
  | 'tool-error'
  | 'refused'
  | 'approval-required'
  | 'approved'
  | 'denied'
  | 'failed'
  | 'limit'
  | 'cancelled'
  | 'crashed'
  | 'unknown'
  | 'requested'
  | 'issued'
  | 'renewed'
  | 'revoked'
  | 'released'
  | 'changed'
  | 'started'
  | 'stopped'
  | 'disclosed'
  | 'erased';

/** One thing a guest did through the host. */
export interface Effect {
  readonly kind: 'http' | 'kv' | 'file-read' | 'file-write' | 'secret';
  readonly state: 'refused' | 'not-sent' | 'sent' | 'answered';
  /** How often, when folded. */
  readonly count: number;
  /** What it was, e.g. `GET https://api.example.com/v1/items`; committed to, not shown in the leaf. */
  readonly target: string;
  readonly bytes: number;
}

/** What the gate hands in; `buildLeaf` turns it into leaf bytes and openings. */
export interface ReceiptFacts {
  readonly id: string;
  readonly type: ReceiptType;
  readonly outcome: Outcome;
  readonly tenant: TenantId;
  /** Wall milliseconds. */
  readonly time: number;
  /** SHA-256 hex of what the receipt is about: the call digest, the lease's signing input, the policy set. */
  readonly subject: { readonly name: string; readonly sha256: string };
  /** Tool operation, if any. */
  readonly tool?: string;
  readonly installation?: { readonly id: string; readonly digest: string };
  /** Who asked. Committed to. */
  readonly principal?: string;
  /** `operator on behalf of` calls. */
  readonly operator?: boolean;
  /** Lease state key. */
  readonly lease?: string;
  readonly task?: string;
  readonly approval?: string;
  /** Arguments and result. Committed to. */
  readonly arguments?: JsonObject;
  readonly result?: JsonObject;
  readonly effects?: readonly Effect[];
  readonly decision?: {
    readonly effect: 'allow' | 'refuse' | 'ask';
    /** Opaque rule ids. */
    readonly rules: readonly string[];
    readonly policyDigest: string;
    readonly latencyUs: number;
  };
  /** What made a call risky, by name, and what was done about it. */
  readonly risk?: {
    readonly verdict: 'none' | 'ask' | 'refuse';
    readonly signals: readonly string[];
  };
  /** One line for people: the reason of a refusal or failure. Committed to. */
  readonly reason?: string;
  /** Stable code of a refusal or failure. */
  readonly code?: string;
  readonly usage?: Readonly<Record<string, number>>;
  /** What a call that ran costs, in the smallest unit of its currency. Committed to. */
  readonly spend?: { readonly currency: string; readonly amount: number };
  readonly assurance: Assurance;
  /** What the guest was shut into; of leaves without a guest, what the host could do. */
  readonly jail: 'none' | 'bubblewrap' | 'unshare';
  /** Further facts that are public by nature: counts, digests, key ids. */
  readonly detail?: JsonObject;
}

/** security.md: what an approval, a key and a receipt are worth. */
export type Assurance = 'personal' | 'separated' | 'touch' | 'second-device';
