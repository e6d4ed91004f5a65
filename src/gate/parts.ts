// The rooms the gate works with, handed in by the daemon or by an embedder.

import type { Clock } from '../base/clock/clock.ts';
import type { JailName } from '../base/process/jail-plan.ts';
import type { Store } from '../base/store/store.ts';
import type { Catalog } from '../catalog/catalog.ts';
import type { ApprovalBook } from '../decide/approval/approval-book.ts';
import type { BudgetBook } from '../decide/limits/budget-book.ts';
import type { PolicyHolder } from '../decide/policy/policy-holder.ts';
import type { RiskAssessor } from '../decide/risk/risk-assessor.ts';
import type { TrustSource } from '../decide/trust/trust-source.ts';
import type { Vault } from '../reach/vault/vault.ts';
import type { Runner } from '../run/sandbox/runner.ts';
import type { LeaseBook } from '../trust/lease/lease-book.ts';
import type { Assurance } from '../trust/receipt/leaf.ts';
import type { ReceiptLog } from '../trust/receipt/receipt-log.ts';
import type { Firewall } from './firewall/firewall.ts';
import type { CallSessions } from './host-calls.ts';

export interface GateParts {
  readonly clock: Clock;
  /** Throws WarderError `unavailable` when the wall clock was set back. */
  readonly now: () => number;
  readonly random: (bytes: number) => Uint8Array;
  readonly store: Store;
  readonly catalog: Catalog;
  readonly policy: PolicyHolder;
  readonly approvals: ApprovalBook;
  readonly budgets: BudgetBook;
  /** Who vouches for principals: the local table, or an embedder's own source. */
  readonly trust: TrustSource;
  /** What makes a call risky. */
  readonly risk: RiskAssessor;
  /** What may leave a call. */
  readonly firewall: Firewall;
  readonly leases: LeaseBook;
  readonly log: ReceiptLog;
  readonly runner: Runner;
  readonly sessions: CallSessions;
  readonly vault: Vault;
  readonly limits: {
    readonly argumentBytes: number;
    readonly concurrentCalls: number;
    readonly waitingCalls: number;
  };
  readonly assurance: Assurance;
  /** What this host's jail is made by; what a call ran in is said of each. */
  readonly jail: JailName;
}
