// An approval: one call that a person is asked about, and what exactly a yes is bound to.

import { hash } from 'node:crypto';
import { canonicalJson } from '../../base/encoding/jcs.ts';
import type { JsonObject } from '../../base/encoding/json.ts';
import type { Table, TenantId } from '../../base/store/store.ts';
import type { Grant, Installation } from '../../catalog/installation.ts';
import type { CheckedLease } from '../../trust/lease/lease.ts';
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
  /**
   * `lease:STATE-KEY` for a lease that outlives its connection; `agent:NAME` for a connection-bound one,
   * so that the agent's next connection can resume the call.
   */
  readonly holder: string;
}

/** What is asked, and of which call. */
export interface ApprovalRequest extends ApprovalBinding {
  readonly arguments: JsonObject;
  readonly reason: string;
  /** What the permit would allow, one line each. */
  readonly effects: readonly string[];
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
  readonly decidedAt?: number;
  readonly decidedBy?: string;
  /** Why it was denied; shown to the agent. */
  readonly denial?: string;
  readonly consumedAt?: number;
  /** Digest over everything but the state: what the person saw is what is used. */
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
}): ApprovalBinding {
  const { call, installation, lease } = about;
  return {
    tenant: about.tenant,
    principal: about.principal,
    tool: call.tool,
    digest: call.digest,
    installation: { id: installation.id, digest: installation.digest },
    grant: grantDigest(installation.grant),
    holder: lease.holder === 'connection' ? `agent:${about.agent}` : `lease:${lease.stateKey}`,
  };
}

/** SHA-256 over the canonical form of a grant, hex. */
function grantDigest(grant: Grant): string {
  return hash('sha256', canonicalJson(grant), 'hex');
}

/** One text per binding. */
export function bindingKey(binding: ApprovalBinding): string {
  const { tenant, principal, tool, digest, grant, holder } = binding;
  const installation = { id: binding.installation.id, digest: binding.installation.digest };
  const bound = { tenant, principal, tool, digest, installation, grant, holder };
  return hash('sha256', canonicalJson(bound), 'hex');
}

/** The seal of an approval with this content. */
export function sealOf(approval: Omit<Approval, 'seal'>): string {
  const { id, arguments: args, reason, effects, askedAt } = approval;
  const sealed = { id, binding: bindingKey(approval), arguments: args, reason, effects, askedAt };
  return hash('sha256', canonicalJson(sealed), 'hex');
}

/** The call digest that these arguments have; see `ToolCall`. */
export function callDigest(tool: string, args: JsonObject): string {
  return hash('sha256', canonicalJson({ arguments: args, tool }), 'hex');
}
