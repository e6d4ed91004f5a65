// An approval as operators see it: what is asked and by whom, nothing hidden, nothing a terminal obeys.

import type { Approval } from '../../../decide/approval/approval.ts';
import { renderArguments, renderText } from '../../../decide/approval/render.ts';
import { type ApprovalTerms, narrowReach } from '../../../decide/policy/approval-terms.ts';
import { effectsOf } from '../../../decide/policy/reach.ts';
import type { CallApproval } from '../../console/approval-summary.ts';
import type { GateParts } from '../../../gate/parts.ts';
import type { Runtime } from '../compose.ts';

const TENANT = /^[a-z0-9-]{1,32}$/;

export function approvalSummary(
  { gate, operators }: Pick<Runtime, 'gate' | 'operators'>,
  approval: Approval,
): CallApproval {
  const { yeses, persons, reach, state } = approval;
  const now = gate.now();
  const stopped = obstacle(persons, operators.length);
  const terms = yeses.flatMap((yes) => yes.terms ?? []);
  const effects = (each: readonly ApprovalTerms[]): readonly string[] =>
    effectsOf(narrowReach(reach, each, now)).map(renderText);
  return {
    kind: 'call',
    id: approval.id,
    state,
    given: yeses.length,
    needed: persons,
    ...(stopped === undefined ? {} : { obstacle: stopped }),
    tool: renderText(approval.tool),
    principal: renderText(approval.principal),
    agent: renderText(approval.agent),
    tenant: renderText(approval.tenant),
    ...(approval.task === undefined ? {} : { task: renderText(approval.task) }),
    lease: renderText(approval.lease),
    operator: approval.operator,
    package: packageOf(gate, approval),
    reason: renderText(approval.reason),
    rules: approval.rules.map(renderText),
    risks: approval.signals.map(({ name, note }) => ({
      name: renderText(name),
      note: renderText(note),
    })),
    arguments: renderArguments(approval.arguments),
    effects: effects(terms),
    ...(terms.length === 0 ? {} : { askedEffects: effects([]) }),
    answers: answersOf(approval),
    asked: new Date(approval.askedAt).toISOString(),
    waitedSeconds: Math.floor(((approval.decidedAt ?? now) - approval.askedAt) / 1000),
    expires: new Date(approval.expiresAt).toISOString(),
    digest: approval.digest,
  };
}

/** The package by id and digest, and by its name while it is installed. */
function packageOf(
  { catalog }: Pick<GateParts, 'catalog'>,
  { tenant, installation: { id, digest } }: Approval,
): CallApproval['package'] {
  // A row that was edited may name any tenant.
  const installed = TENANT.test(tenant) ? catalog.list(tenant) : [];
  const found = installed.find((each) => each.id === id);
  const rendered = { id: renderText(id), digest: renderText(digest) };
  return found === undefined ? rendered : { ...rendered, name: found.name };
}

function answersOf({ yeses, deniedBy, denial, decidedAt = 0 }: Approval): CallApproval['answers'] {
  const said = yeses.map(({ by, at, terms }) => ({
    by: renderText(by),
    at: new Date(at).toISOString(),
    verdict: 'approved' as const,
    ...(terms === undefined ? {} : { terms: renderArguments({ ...terms } as never) }),
  }));
  if (deniedBy === undefined) return said;
  const no = {
    by: renderText(deniedBy),
    at: new Date(decidedAt).toISOString(),
    verdict: 'denied' as const,
    ...(denial === undefined ? {} : { reason: renderText(denial) }),
  };
  return [...said, no];
}

/** Why something cannot be approved: there are too few operators. */
export function obstacle(needed: number, configured: number): string | undefined {
  if (needed <= configured) return undefined;
  return (
    `it takes ${needed} different operators and ${configured} ${configured === 1 ? 'is' : 'are'} ` +
    'configured: add to `operators` in config.json and restart the daemon'
  );
}
