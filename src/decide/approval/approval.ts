// An approval: one call that persons are asked about, and what exactly a yes is bound to.

import { hash } from 'node:crypto';
import { canonicalJson } from '../../base/encoding/jcs.ts';
import type { JsonObject } from '../../base/encoding/json.ts';
import type { Table, TenantId } from '../../base/store/store.ts';
import type { Grant, Installation } from '../../catalog/installation.ts';
import type { CheckedLease } from '../../trust/lease/lease.ts';
import type { ApprovalTerms } from '../policy/approval-terms.ts';
import type { RiskSignal } from '../policy/circumstances.ts';
import type { GivenApproval } from '../policy/decide.ts';
import type { ShownReach } from '../policy/reach.ts';
import type { ToolCall } from '../request/tool-call.ts';

export type ApprovalState = 'pending' | 'approved' | 'denied' | 'consumed' | 'expired';

/** Everything a yes is bound to. A call that differs in any of it needs another. */
export interface ApprovalBinding {
  readonly tenant: TenantId;
  readonly principal: string;
  readonly tool: string;
  /** Digest of the call: tool and arguments. */
  readonly digest: string;
  readonly installation: { readonly id: string; readonly digest: string };
  /** Digest of the grant, hex: a changed grant voids what was approved under the old one. */
  readonly grant: string;
  /** Digest of what the call could reach, hex: nobody's yes is for more than they were shown. */
  readonly reached: string;
  /**
   * `lease:STATE-KEY` for a lease that outlives its connection; `agent:NAME` for a connection-bound one,
   * so that the agent's next connection can resume the call.
   */
  readonly holder: string;
}

/** What is asked, and of which call. */
export interface ApprovalRequest extends ApprovalBinding {
  readonly arguments: JsonObject;
  /** From the policies that ask. */
  readonly reason: string;
  /** Opaque ids of those policies. */
  readonly rules: readonly string[];
  /** What was noticed about the call when it asked. */
  readonly signals: readonly RiskSignal[];
  /** What the call can reach with an unlimited yes. */
  readonly reach: ShownReach;
  /** How many different persons have to say yes. */
  readonly persons: number;
  /** The agent whose channel the call came over. */
  readonly agent: string;
  /** State key of the lease the call came under. */
  readonly lease: string;
  readonly task?: string;
  /** Whether an operator made it on behalf of the principal. */
  readonly operator: boolean;
}

/** One person's yes. */
export interface Yes {
  /** Name of the operator whose channel it came over. */
  readonly by: string;
  /** Wall milliseconds. */
  readonly at: number;
  readonly terms?: ApprovalTerms;
}

/** An approval as kept. Key: its id. */
export interface Approval extends ApprovalRequest {
  /** `appr_` and a ULID. */
  readonly id: string;
  readonly state: ApprovalState;
  /** Wall milliseconds. */
  readonly askedAt: number;
  /** Wall milliseconds after which it counts for nothing. */
  readonly expiresAt: number;
  /** In the order they said it, each person once. */
  readonly yeses: readonly Yes[];
  /** Wall milliseconds of the last yes that was needed, or of the no. */
  readonly decidedAt?: number;
  readonly deniedBy?: string;
  /** Why it was denied; shown to the agent. */
  readonly denial?: string;
  readonly consumedAt?: number;
  /** Digest over what was asked and answered: what persons saw and said is what is used. */
  readonly seal: string;
}

export const approvalTable: Table<Approval> = {
  name: 'approval',
  indexes: {
    state: ({ state }) => state,
    digest: ({ digest }) => digest,
    principal: ({ principal }) => principal,
    /** Those that can still matter to a call, by their binding. */
    open: (approval) => (isOpen(approval.state) ? bindingKey(approval) : undefined),
    /** Pending ones by principal, for the cap. */
    waiting: ({ state, principal }) => (state === 'pending' ? principal : undefined),
  },
};

function isOpen(state: ApprovalState): boolean {
  return state === 'pending' || state === 'approved' || state === 'denied';
}

/** The binding of one call. */
export function bindingOf(about: {
  readonly tenant: TenantId;
  readonly principal: string;
  /** Name of the agent whose socket this is. */
  readonly agent: string;
  readonly call: ToolCall;
  readonly installation: Installation;
  readonly lease: CheckedLease;
  readonly reach: ShownReach;
}): ApprovalBinding {
  const { call, installation, lease } = about;
  return {
    tenant: about.tenant,
    principal: about.principal,
    tool: call.tool,
    digest: call.digest,
    installation: { id: installation.id, digest: installation.digest },
    grant: grantDigest(installation.grant),
    reached: reachDigest(about.reach),
    holder: lease.holder === 'connection' ? `agent:${about.agent}` : `lease:${lease.stateKey}`,
  };
}

/** SHA-256 over the canonical form of a grant, hex. */
function grantDigest(grant: Grant): string {
  return hash('sha256', canonicalJson(grant), 'hex');
}

/** Of a reach, what a person is shown. */
export function shownReach(reach: ShownReach): ShownReach {
  const { allowNet, denyNet, read, write, secrets, kv, limits } = reach;
  return { allowNet, denyNet, read, write, secrets, kv, limits };
}

function reachDigest(reach: ShownReach): string {
  return hash('sha256', canonicalJson(shownReach(reach)), 'hex');
}

/** One text per binding. */
export function bindingKey(binding: ApprovalBinding): string {
  const { tenant, principal, tool, digest, grant, reached, holder } = binding;
  const installation = { id: binding.installation.id, digest: binding.installation.digest };
  const bound = { tenant, principal, tool, digest, installation, grant, reached, holder };
  return hash('sha256', canonicalJson(bound), 'hex');
}

/** The same approval with the seal of its content. */
export function sealed(approval: Omit<Approval, 'seal'>): Approval {
  return { ...approval, seal: sealOf(approval) };
}

/** Whether a record is what was asked and answered, of the call and the reach it is bound to. */
export function sealHolds(approval: Approval): boolean {
  return (
    sealOf(approval) === approval.seal &&
    callDigest(approval.tool, approval.arguments) === approval.digest &&
    reachDigest(approval.reach) === approval.reached
  );
}

/** Whether as many different persons said yes as were needed. */
export function isGiven({ yeses, persons }: Approval): boolean {
  return new Set(yeses.map(({ by }) => by)).size >= persons;
}

/** What of an approval the decision about its call looks at. */
export function givenBy({ id, digest, yeses }: Approval): GivenApproval {
  const persons = new Set(yeses.map(({ by }) => by)).size;
  return { id, digest, persons, terms: yeses.flatMap(({ terms }) => terms ?? []) };
}

function sealOf(approval: Omit<Approval, 'seal'>): string {
  const { id, reason, rules, signals, reach, persons, agent, lease, operator } = approval;
  const { task = null, askedAt, expiresAt, yeses, denial = null, deniedBy = null } = approval;
  const asked = { arguments: approval.arguments, reason, rules, signals, reach, persons };
  const asker = { agent, lease, operator, task, askedAt };
  const answered = { yeses, denial, deniedBy, expiresAt };
  const content = { id, binding: bindingKey(approval), asked, asker, answered };
  return hash('sha256', canonicalJson(content), 'hex');
}

/** The call digest that these arguments have; see `ToolCall`. */
export function callDigest(tool: string, args: JsonObject): string {
  return hash('sha256', canonicalJson({ arguments: args, tool }), 'hex');
}
