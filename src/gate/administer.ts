// The administrative flows: each is one transaction of the change and the leaf that says so.

import { createHash } from 'node:crypto';
import type { JsonObject } from '../base/encoding/json.ts';
import { canonicalBytes } from '../base/encoding/jcs.ts';
import { ulid } from '../base/encoding/ulid.ts';
import { WarderError } from '../base/errors/errors.ts';
import type { TenantId, Tx } from '../base/store/store.ts';
import { installationTable } from '../catalog/catalog.ts';
import { completeGrant } from '../catalog/grant.ts';
import type { Grant, Installation } from '../catalog/installation.ts';
import { approvalEvent, type Verdict } from './approval-event.ts';
import type { Budget } from '../decide/limits/budget.ts';
import type { PolicyHolder } from '../decide/policy/policy-holder.ts';
import { type PolicySet } from '../decide/policy/policy-set.ts';
import { savePolicy } from '../decide/policy/policy-table.ts';
import type { LeaseEvent } from '../trust/lease/connection-lease.ts';
import type { LeaseLeaf } from '../trust/lease/issue-lease.ts';
import type { Approval } from '../decide/approval/approval.ts';
import type { SecretSummary } from '../reach/vault/vault.ts';
import type { Outcome, ReceiptFacts, ReceiptType } from '../trust/receipt/leaf.ts';
import type { ReceiptRef } from '../trust/receipt/receipt-log.ts';
import type { GateParts } from './parts.ts';

/** The operator whose channel has no name of its own, for the receipt. */
const OPERATOR = 'operator';

type Administered = Pick<
  GateParts,
  | 'store'
  | 'log'
  | 'catalog'
  | 'approvals'
  | 'budgets'
  | 'leases'
  | 'vault'
  | 'now'
  | 'random'
  | 'assurance'
  | 'jail'
>;

/** Something administrative that happened, for its leaf. */
export interface Event {
  readonly type: ReceiptType;
  readonly outcome: Outcome;
  readonly tenant: TenantId;
  readonly subject: ReceiptFacts['subject'];
  readonly principal?: string;
  readonly tool?: string;
  readonly installation?: NonNullable<ReceiptFacts['installation']>;
  readonly lease?: string;
  readonly task?: string;
  readonly approval?: string;
  readonly decision?: NonNullable<ReceiptFacts['decision']>;
  readonly code?: string;
  readonly reason?: string;
  /** What was said; committed to. */
  readonly arguments?: JsonObject;
  readonly detail?: JsonObject;
}

/** Changes what installations, leases and approvals say. */
export class Administration {
  readonly #parts: Administered;
  readonly #operator: string;

  /** @param operator whose channel the changes come over: receipts name them. */
  constructor(parts: Administered, operator: string = OPERATOR) {
    this.#parts = parts;
    this.#operator = operator;
  }

  /** Whose channel the changes come over. */
  get operator(): string {
    return this.#operator;
  }

  /** The same, for changes that come over the channel of that operator. */
  by(operator: string): Administration {
    return new Administration(this.#parts, operator);
  }

  /** One transaction: `change`, and the leaf of the event it returns. */
  async record<T>(
    change: (tx: Tx, now: number) => readonly [result: T, event: Event],
  ): Promise<{ readonly result: T; readonly receipt: ReceiptRef }> {
    const now = this.#parts.now();
    return this.#parts.store.commit((tx) => {
      const [result, event] = change(tx, now);
      const principal = event.principal ?? operatorPrincipal(this.#operator);
      return { result, receipt: recordEvent(tx, this.#parts, now, { ...event, principal }) };
    });
  }

  async addTool(tenant: TenantId, installation: Installation): Promise<Installation> {
    const { result } = await this.record((tx) => {
      const added = this.#parts.catalog.add(tx, tenant, installation);
      return [added, grantEvent(tenant, added, 'changed', 'tool added')];
    });
    return result;
  }

  /**
   * Replaces a grant.
   *
   * @param before the installation as it was when the new grant was worked out.
   * @throws WarderError `conflict` when its grant was changed meanwhile.
   */
  async changeGrant(tenant: TenantId, before: Installation, grant: Grant): Promise<Installation> {
    const { id } = before;
    const { result } = await this.record((tx) => {
      const now = tx.get(installationTable, tenant, id)?.grant;
      if (now === undefined || digestOf(completeGrant(now)) !== digestOf(before.grant)) {
        throw new WarderError('conflict', `the grant of \`${before.name}\` was changed meanwhile`, {
          hint: 'look at it with `warder tool show`, then try again',
        });
      }
      const changed = this.#parts.catalog.grant(tx, tenant, id, grant);
      return [changed, grantEvent(tenant, changed, 'changed', 'grant changed')];
    });
    return result;
  }

  async switchTool(
    tenant: TenantId,
    id: string,
    change: 'enable' | 'disable' | 'remove',
  ): Promise<Installation> {
    const { result } = await this.record((tx) => {
      const changed = this.#parts.catalog[change](tx, tenant, id);
      return [changed, grantEvent(tenant, changed, 'changed', `tool ${change}d`)];
    });
    return result;
  }

  async setBudget(tenant: TenantId, budget: Budget): Promise<void> {
    await this.record((tx) => {
      this.#parts.budgets.set(tx, tenant, budget);
      return [undefined, budgetEvent(tenant, budget, 'budget set')];
    });
  }

  /** @throws WarderError `not-found`. */
  async removeBudget(tenant: TenantId, name: string): Promise<Budget> {
    const { result } = await this.record((tx) => {
      const removed = this.#parts.budgets.remove(tx, tenant, name);
      return [removed, budgetEvent(tenant, removed, 'budget removed')];
    });
    return result;
  }

  /** Takes a value into the vault. The leaf names the secret and its version, nothing else. */
  async setSecret(
    tenant: TenantId,
    name: string,
    value: Uint8Array,
    change: 'set' | 'rotate',
  ): Promise<SecretSummary> {
    const { vault } = this.#parts;
    const { result } = await this.record((tx) => {
      const summary = vault.put(tx, tenant, name, value, change);
      return [summary, secretEvent(tenant, summary, `secret ${change}`)];
    });
    vault.committed(tenant, result);
    return result;
  }

  async removeSecret(tenant: TenantId, name: string): Promise<SecretSummary> {
    const { vault } = this.#parts;
    const { result } = await this.record((tx) => {
      const summary = vault.remove(tx, tenant, name);
      return [summary, secretEvent(tenant, summary, 'secret removed')];
    });
    vault.committed(tenant, result, true);
    return result;
  }

  /** What an operator says of a call that waits for one. */
  async decideApproval(tenant: TenantId, id: string, verdict: Verdict): Promise<Approval> {
    const { approvals } = this.#parts;
    const by = this.#operator;
    const { result } = await this.record((tx, now) => {
      const decided =
        verdict.kind === 'yes'
          ? approvals.approve(tx, tenant, id, { by, terms: verdict.terms }, now)
          : approvals.deny(tx, tenant, id, by, now, verdict.reason);
      return [decided, approvalEvent(decided, verdict)];
    });
    approvals.changed();
    return result;
  }

  async revokeLease(tenant: TenantId, stateKey: string, reason: string): Promise<void> {
    await this.record((tx, now) => {
      this.#parts.leases.revoke(tx, tenant, stateKey, reason, now);
      return [
        undefined,
        {
          type: 'lease',
          outcome: 'revoked',
          tenant,
          subject: { name: 'lease', sha256: stateKey },
          lease: stateKey,
          reason,
        },
      ];
    });
  }

  async daemonEvent(outcome: 'started' | 'stopped', detail: JsonObject): Promise<void> {
    await this.record(() => [
      undefined,
      {
        type: 'daemon',
        outcome,
        tenant: 'default',
        subject: { name: 'daemon', sha256: digestOf(detail) },
        detail,
      },
    ]);
  }

  /**
   * Puts a prepared set in force in the store, and takes away what was used of rates it no longer has;
   * the caller then uses it.
   */
  async policyChanged(
    set: PolicySet,
    before: Pick<PolicyHolder, 'digest' | 'rates'> | undefined,
  ): Promise<void> {
    await this.record((tx, now) => {
      savePolicy(tx, set, now);
      const kept = new Set(set.rates.map(({ budget }) => budget.budget.name));
      const gone = (before?.rates ?? []).filter(({ name }) => !kept.has(name));
      this.#parts.budgets.forget(
        tx,
        gone.map(({ name }) => name),
      );
      return [
        undefined,
        {
          type: 'policy',
          outcome: 'changed',
          tenant: 'default',
          subject: { name: 'policy', sha256: set.digest },
          detail: before === undefined ? {} : { before: before.digest },
        },
      ];
    });
  }

  /** An issuer's word was taken for who somebody is. */
  async authenticated(who: {
    readonly tenant: TenantId;
    readonly principal: string;
    readonly agent: string;
    readonly issuer: string;
    /** SHA-256 of what the issuer signed, hex. */
    readonly digest: string;
  }): Promise<void> {
    const { tenant, principal, agent, issuer, digest } = who;
    await this.record(() => [
      undefined,
      {
        type: 'authentication',
        outcome: 'done',
        tenant,
        principal,
        subject: { name: 'identity', sha256: digest },
        detail: { agent, issuer },
      },
    ]);
  }

  /** Somebody's credentials were refused, outside of any call. */
  async authenticationRefused(
    error: WarderError,
    at: { readonly tenant: TenantId; readonly principal: string; readonly agent: string },
  ): Promise<void> {
    const { tenant, principal, agent } = at;
    const detail = { agent, code: error.code };
    await this.record(() => [
      undefined,
      {
        type: 'authentication',
        outcome: 'refused',
        tenant,
        principal,
        subject: { name: 'agent', sha256: digestOf({ agent }) },
        reason: error.message,
        detail,
      },
    ]);
  }

  /** A lease was issued or given back. */
  async leaseEvent(change: (tx: Tx) => LeaseEvent): Promise<LeaseLeaf> {
    const { receipt } = await this.record((tx) => {
      const { outcome, agent, stateKey, claims, digest } = change(tx);
      return [
        undefined,
        {
          type: 'lease',
          outcome,
          tenant: claims.tenant,
          subject: { name: 'lease', sha256: digest },
          principal: claims.sub,
          lease: stateKey,
          ...(claims.task === undefined ? {} : { task: claims.task }),
          detail: { agent, expires: claims.exp },
        },
      ];
    });
    return this.#parts.log.durable(receipt);
  }
}

/** An operator as receipts name them. */
export function operatorPrincipal(operator: string): string {
  return operator === OPERATOR ? OPERATOR : `operator:${operator}`;
}

/** Appends the leaf of an event. */
export function recordEvent(
  tx: Tx,
  parts: Pick<GateParts, 'log' | 'random' | 'assurance' | 'jail'>,
  now: number,
  event: Event,
): ReceiptRef {
  const { log, random, assurance, jail } = parts;
  return log.append(tx, {
    ...event,
    principal: event.principal ?? OPERATOR,
    id: `${event.type}_${ulid(now, random(10))}`,
    time: now,
    assurance,
    jail,
  });
}

function budgetEvent(tenant: TenantId, budget: Budget, reason: string): Event {
  return {
    type: 'policy',
    outcome: 'changed',
    tenant,
    subject: { name: 'budget', sha256: digestOf(budget) },
    reason,
    detail: { name: budget.name, limit: budget.limit, period: budget.period },
  };
}

function secretEvent(tenant: TenantId, { name, version }: SecretSummary, reason: string): Event {
  return {
    type: 'secret',
    outcome: 'changed',
    tenant,
    subject: { name: 'secret', sha256: digestOf({ tenant, name, version }) },
    reason,
    detail: { name, version },
  };
}

export function grantEvent(
  tenant: TenantId,
  installation: Installation,
  outcome: Outcome,
  reason: string,
): Event {
  const { id, digest, name, grant } = installation;
  return {
    type: 'grant',
    outcome,
    tenant,
    subject: { name: 'package', sha256: digest },
    installation: { id, digest },
    reason,
    detail: { name, grant: digestOf(grant) },
  };
}

function digestOf(value: unknown): string {
  return createHash('sha256').update(canonicalBytes(value)).digest('hex');
}
