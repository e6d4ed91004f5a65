// Requests for leases among what waits for a person: how operators see them, and what they say.

import { parseJson } from '../../../base/encoding/parse-json.ts';
import { WarderError } from '../../../base/errors/errors.ts';
import { renderText } from '../../../decide/approval/render.ts';
import { parseCapabilities } from '../../../trust/lease/capability.ts';
import { thumbprint } from '../../../trust/lease/holder-jwk.ts';
import type { Capability, Confirmation } from '../../../trust/lease/lease.ts';
import { leaseRequestTable, termsOf } from '../../../trust/lease/lease-request.ts';
import type { RequestStatus } from '../../../trust/lease/request-book.ts';
import type { ApprovalAnswer, LeaseApproval } from '../../console/approval-summary.ts';
import type { Operations } from '../../console/operations.ts';
import type { Runtime } from '../compose.ts';
import { obstacle } from './approval-summary.ts';
import { OPERATOR_TENANT } from './tools.ts';

type Approved = Operations['approvals.approve']['input'];
type Denied = Operations['approvals.deny']['input'];
type Parts = Pick<Runtime, 'administration' | 'gate' | 'leaseDecisions' | 'operators' | 'store'>;

/** Whether an id is that of a request for a lease. */
export function isLeaseRequest(id: string): boolean {
  return id.startsWith('lreq_');
}

export class LeaseApprovals {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Of every tenant. */
  list(state: string | undefined): readonly LeaseApproval[] {
    return this.#parts.leaseDecisions
      .list(undefined, state === 'pending' ? 'pending' : 'all')
      .filter((request) => state === undefined || request.state === state)
      .map((request) => this.#summary(request));
  }

  show(id: string): LeaseApproval {
    return this.#summary(this.#parts.leaseDecisions.show(this.#tenantOf(id), id));
  }

  async approve(input: Approved): Promise<LeaseApproval> {
    const { id, capabilities, ttl, without, limits, within } = input;
    if (without !== undefined || limits !== undefined || within !== undefined) {
      throw new WarderError('usage', 'a lease is narrowed by its capabilities and its life', {
        hint: 'use `--capabilities` and `--ttl`',
      });
    }
    const { leaseDecisions, administration, gate } = this.#parts;
    const tenant = this.#tenantOf(id);
    const { digest: seen } = leaseDecisions.show(tenant, id);
    const decided = await leaseDecisions.approve(tenant, id, {
      seen,
      by: administration.operator,
      ...(capabilities === undefined
        ? {}
        : { capabilities: parseCapabilities(parseJson(capabilities)) }),
      ...(ttl === undefined ? {} : { ttlSeconds: ttl }),
    });
    gate.approvals.changed();
    return this.#summary(decided);
  }

  async deny({ id, reason = 'an operator said no' }: Denied): Promise<LeaseApproval> {
    const { leaseDecisions, administration, gate } = this.#parts;
    const tenant = this.#tenantOf(id);
    const { digest: seen } = leaseDecisions.show(tenant, id);
    const by = administration.operator;
    const decided = await leaseDecisions.deny(tenant, id, { seen, by, reason });
    gate.approvals.changed();
    return this.#summary(decided);
  }

  /** When it is nowhere, the book's own error says so. */
  #tenantOf(id: string): string {
    const rows = this.#parts.store.read((reader) =>
      reader.list(leaseRequestTable, undefined, { keyPrefix: id, limit: 1 }),
    );
    return rows[0]?.key === id ? rows[0].tenant : OPERATOR_TENANT;
  }

  #summary(request: RequestStatus): LeaseApproval {
    const { gate, operators } = this.#parts;
    const { id, state, yeses, grounds, parent, lease } = request;
    const now = gate.now();
    const { needed, stops } = this.#standing(request);
    const stopped = stops ?? obstacle(needed, operators.length);
    const terms = termsOf(request);
    return {
      kind: 'lease',
      id,
      state,
      given: yeses.length,
      needed,
      ...(stopped === undefined ? {} : { obstacle: stopped }),
      principal: renderText(request.principal),
      agent: renderText(request.agent),
      tenant: renderText(request.tenant),
      task: renderText(request.task),
      reason: renderText(request.reason),
      why: renderText(grounds.why ?? ''),
      rules: grounds.rules.map((rule) => renderText(rule)),
      holder: renderText(holderOf(request.cnf)),
      capabilities: terms.capabilities.map(lineOf),
      ttlSeconds: terms.ttlSeconds,
      ...(request.terms === undefined
        ? {}
        : {
            askedCapabilities: request.capabilities.map(lineOf),
            askedTtlSeconds: request.ttlSeconds,
          }),
      limits: limitsOf(request),
      ...(parent === undefined ? {} : { parent: renderText(parent.stateKey) }),
      ...(lease === undefined ? {} : { lease: renderText(lease) }),
      answers: answersOf(request),
      asked: new Date(request.askedAt).toISOString(),
      waitedSeconds: Math.floor(((request.decidedAt ?? now) - request.askedAt) / 1000),
      expires: new Date(request.expiresAt).toISOString(),
      digest: request.digest,
    };
  }

  /** How many have to say yes as policy is now, and why none can. */
  #standing(request: RequestStatus): { readonly needed: number; readonly stops?: string } {
    const { persons } = request.grounds;
    if (request.state !== 'pending') return { needed: persons };
    const judged = this.#parts.leaseDecisions.judge(request);
    switch (judged.verdict) {
      case 'auto_approve':
        return { needed: 1 };
      case 'route_to_approver':
        return { needed: judged.persons };
      case 'hard_deny':
        return { needed: persons, stops: renderText(judged.error.message) };
    }
  }
}

function lineOf(capability: Capability): string {
  return renderText(JSON.stringify(capability));
}

/** Whom the lease would be bound to. */
function holderOf(cnf: Confirmation): string {
  if ('conn' in cnf) return 'the connection that asked';
  return `the key ${'jkt' in cnf ? cnf.jkt : thumbprint(cnf.jwk)}`;
}

/** What else it would say, one line each. */
function limitsOf(request: RequestStatus): readonly string[] {
  const { maxUses, maxBytes, rate, maxExp, delegatable, maxDepth } = request;
  return [
    ...(maxUses === undefined ? [] : [`at most ${maxUses} calls`]),
    ...(maxBytes === undefined ? [] : [`at most ${maxBytes} bytes`]),
    ...(rate === undefined ? [] : [`at most ${rate.uses} calls in ${rate.seconds} s`]),
    ...(maxExp === undefined
      ? []
      : [`signed anew until ${new Date(maxExp * 1000).toISOString()} at the latest`]),
    ...(delegatable !== false && (maxDepth ?? 0) > 0
      ? [`leases may be made from it, ${maxDepth} deep`]
      : ['no lease may be made from it']),
  ];
}

function answersOf(request: RequestStatus): readonly ApprovalAnswer[] {
  const { yeses, state, decidedBy, decidedAt = 0, denial } = request;
  const said = yeses.map(({ by, at }) => ({
    by: renderText(by),
    at: new Date(at).toISOString(),
    verdict: 'approved' as const,
  }));
  if (state !== 'denied') return said;
  const no = {
    by: renderText(decidedBy ?? ''),
    at: new Date(decidedAt).toISOString(),
    verdict: 'denied' as const,
    ...(denial === undefined ? {} : { reason: renderText(denial) }),
  };
  return [...said, no];
}
