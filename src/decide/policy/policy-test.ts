// Judges the cases of an operator by a policy set. `warder policy test` runs it. Nothing is read, written
// or permitted.

import { asWarderError } from '../../base/errors/errors.ts';
import type { FoundTool } from '../../catalog/catalog.ts';
import { applyGrant } from '../../catalog/grant.ts';
import { parseGrantFlags } from '../../catalog/grant-flags.ts';
import { checkArguments } from '../../catalog/schemas.ts';
import type { Capability } from '../../trust/lease/capability.ts';
import { judgeRequest, type LeaseCeiling } from '../../trust/lease/lease-request.ts';
import { parseToolCall } from '../request/parse-tool-call.ts';
import { decideLease } from './decide-lease.ts';
import { judge } from './judge.ts';
import { coversTool } from './narrowing.ts';
import type { CallCase, Expectation, LeaseCase, PolicyCase } from './policy-case.ts';
import type { PolicySet } from './policy-set.ts';
import { placeOfRule, type Rule } from './policy-source.ts';
import { reachOf } from './reach.ts';

/** How a case went. */
export interface CaseResult {
  readonly name: string;
  readonly expected: Expectation;
  readonly got: Expectation;
  readonly passed: boolean;
  /** `"ID" at FILE:LINE` of the policies it rests on. */
  readonly rules: readonly string[];
  /** What refused it before policy was asked, or went wrong, or which policy was missing. */
  readonly why?: string;
}

/** An agent, as far as requests for leases look at it. */
export interface CaseAgent {
  readonly principal: string;
  readonly tenant: string;
  readonly ceiling: LeaseCeiling;
}

/** What cases are run against. */
export interface CaseGround {
  readonly policies: PolicySet;
  /** @throws WarderError `not-found`. */
  readonly find: (tenant: string, tool: string) => FoundTool;
  /** What leases of a principal say when a case does not. */
  readonly capabilitiesOf: (principal: string) => readonly Capability[];
  /** @throws WarderError `not-found`. */
  readonly agent: (name: string) => CaseAgent;
  /** Wall milliseconds for cases without a time. */
  readonly now: number;
}

/** Runs one case. Never throws: what cannot be judged is a refusal, as it is for a call. */
export function runPolicyCase(each: PolicyCase, ground: CaseGround): CaseResult {
  const judged = judgeCase(each, ground);
  const ids = judged.rules.flatMap(({ id }) => id ?? []);
  const missing = each.rules.filter((id) => !ids.includes(id));
  const why =
    judged.why ??
    (missing.length === 0 ? undefined : `it does not rest on ${missing.map(quoted).join(', ')}`);
  return {
    name: each.name,
    expected: each.expect,
    got: judged.got,
    passed: judged.got === each.expect && missing.length === 0,
    rules: judged.rules.map((rule) => `${quoted(rule.id ?? rule.rule)} at ${placeOfRule(rule)}`),
    ...(why === undefined ? {} : { why }),
  };
}

interface Judged {
  readonly got: Expectation;
  readonly rules: readonly Rule[];
  readonly why?: string;
}

function judgeCase(each: PolicyCase, ground: CaseGround): Judged {
  try {
    return 'lease' in each ? judgeLeaseCase(each, ground) : judgeCallCase(each, ground);
  } catch (thrown) {
    return refused(asWarderError(thrown).message);
  }
}

function judgeCallCase(each: CallCase, ground: CaseGround): Judged {
  const { principal, tenant, operator, agent, task, depth } = each;
  const found = ground.find(tenant, each.tool);
  const { definition } = found;
  const installation = withGrant(found.installation, each);
  const call = parseToolCall(each.tool, { parsed: each.arguments });
  checkArguments(definition, call.arguments);
  const capabilities = each.capabilities ?? ground.capabilitiesOf(principal);
  if (!coversTool(capabilities, each.tool)) return refused('the lease does not cover the tool');
  const now = each.time ?? ground.now;
  const judged = judge(
    ground.policies,
    {
      call,
      definition,
      installation,
      principal,
      tenant,
      operator,
      ...(agent === undefined ? {} : { agent }),
      now,
      lease: {
        stateKey: 'policy-test',
        holder: 'connection',
        claims: {
          del_depth: depth,
          del_max: depth + (each.delegatable ? 1 : 0),
          exp: Math.floor(now / 1000) + each.secondsLeft,
          ...(each.maxUses === undefined ? {} : { max_uses: each.maxUses }),
          ...(task === undefined ? {} : { task }),
        },
        chain: [],
      },
      circumstances: {
        ...(each.trust === undefined ? {} : { trust: each.trust }),
        risk: { signals: each.risk.map((name) => ({ name, note: name })), verdict: 'none' },
        ...(each.budgetLeft === undefined ? {} : { budgetLeft: each.budgetLeft }),
        ...(each.usesLeft === undefined ? {} : { usesLeft: each.usesLeft }),
      },
    },
    reachOf(installation.grant, capabilities),
  );
  const { rules } = judged;
  if (judged.verdict !== 'error') return { got: judged.verdict, rules };
  return { got: 'refuse', rules, why: judged.reasons.join('; ') };
}

/** The installation with what the case says of its grant in the place of what is granted. */
function withGrant(
  installation: FoundTool['installation'],
  { grant: flags, categories }: CallCase,
): FoundTool['installation'] {
  const granted =
    flags === undefined
      ? installation.grant
      : applyGrant(installation.grant, parseGrantFlags(flags), 'reset');
  const grant = categories === undefined ? granted : { ...granted, categories };
  return grant === installation.grant ? installation : { ...installation, grant };
}

function judgeLeaseCase(each: LeaseCase, ground: CaseGround): Judged {
  const { policies } = ground;
  const { task, reason, depth } = each.lease;
  const { principal, tenant, ceiling } = ground.agent(each.agent);
  const capabilities = each.lease.capabilities ?? ceiling.free.capabilities;
  const ttlSeconds = each.lease.seconds ?? ceiling.free.ttlSeconds;
  const measured = judgeRequest({ capabilities, ttlSeconds }, ceiling);
  if (measured.verdict === 'hard_deny') return refused(measured.reason);
  const decision = decideLease(policies, {
    tenant: each.tenant ?? tenant,
    principal: each.principal ?? principal,
    agent: each.agent,
    task,
    reason,
    ttlSeconds,
    capabilities,
    depth,
    free: measured.verdict === 'auto_approve',
    operator: each.operator,
    now: each.time ?? ground.now,
    circumstances: each.trust === undefined ? {} : { trust: each.trust },
  });
  const rules = decision.rules.flatMap((id) => policies.rule(id) ?? []);
  switch (decision.kind) {
    case 'granted':
      return { got: 'allow', rules };
    case 'approval-required':
      return { got: 'ask', rules };
    case 'refused': {
      const why = decision.faults.join('; ');
      return { got: 'refuse', rules, ...(why === '' ? {} : { why }) };
    }
  }
}

function refused(why: string): Judged {
  return { got: 'refuse', rules: [], why };
}

function quoted(id: string): string {
  return `"${id}"`;
}
