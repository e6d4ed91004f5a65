// What `approvals show` prints: everything a person has to know to decide, in one layout. The daemon made
// the texts safe for a terminal; whatever it may have missed is made visible here.

import type {
  ApprovalAnswer,
  ApprovalSummary,
  CallApproval,
  LeaseApproval,
} from '../../console/approval-summary.ts';
import { plain } from '../output.ts';

/** `pending (1 of 2)`, or the state alone where one person suffices. */
export function stateOf({ state, given, needed }: ApprovalSummary): string {
  return state === 'pending' && needed > 1 ? `pending (${given} of ${needed})` : state;
}

export function approvalLines(summary: ApprovalSummary): readonly string[] {
  const { obstacle, rules, asked, waitedSeconds, expires, digest, answers } = summary;
  return [
    `${summary.kind === 'call' ? 'approval ' : 'request  '}  ${summary.id} (${stateOf(summary)})`,
    ...(obstacle === undefined ? [] : [`cannot be  ${plain(obstacle)}`]),
    ...(summary.kind === 'call' ? callLines(summary) : leaseLines(summary)),
    ...(rules.length === 0 ? [] : [`policies   ${plain(rules.join(' '))}`]),
    `asked      ${asked}, ${waitedSeconds} s ${summary.state === 'pending' ? 'ago' : 'before it was decided'}`,
    `expires    ${expires}`,
    `digest     ${plain(digest)}`,
    ...(summary.kind === 'call' ? callReach(summary) : leaseReach(summary)),
    ...answers.flatMap(answerLines),
  ];
}

function callLines(approval: CallApproval): readonly string[] {
  const { tool, task, lease, operator, risks, reason } = approval;
  return [
    `tool       ${plain(tool)}`,
    `package    ${plain(packageLine(approval.package))}`,
    whoLine(approval),
    ...(operator ? ['made by    an operator on its behalf'] : []),
    ...(task === undefined ? [] : [`task       ${plain(task)}`]),
    `lease      ${plain(lease.slice(0, 16))}`,
    `reason     ${plain(reason)}`,
    ...risks.map(({ name, note }) => `risk       ${plain(name)}: ${plain(note)}`),
  ];
}

function packageLine({ id, digest, name }: CallApproval['package']): string {
  return `${name === undefined ? '' : `${name}, `}${id}, sha256:${digest}`;
}

function callReach(approval: CallApproval): readonly string[] {
  const { effects, askedEffects } = approval;
  return [
    'arguments',
    ...indented(approval.arguments),
    'it could',
    ...effectLines(effects),
    ...(askedEffects === undefined ? [] : ['it asked for', ...effectLines(askedEffects)]),
  ];
}

function leaseLines(request: LeaseApproval): readonly string[] {
  const { task, reason, why, holder, parent, lease } = request;
  return [
    whoLine(request),
    `task       ${plain(task)}`,
    `it says    ${plain(reason)}`,
    ...(why === '' ? [] : [`reason     ${plain(why)}`]),
    `bound to   ${plain(holder)}`,
    ...(parent === undefined ? [] : [`made from  ${plain(parent.slice(0, 16))}`]),
    ...(lease === undefined ? [] : [`lease      ${plain(lease.slice(0, 16))}`]),
  ];
}

function leaseReach(request: LeaseApproval): readonly string[] {
  const { capabilities, ttlSeconds, askedCapabilities, askedTtlSeconds, limits } = request;
  return [
    `it could, for ${ttlSeconds} s`,
    ...capabilities.map((line) => `  ${plain(line)}`),
    ...limits.map((line) => `  ${plain(line)}`),
    ...(askedCapabilities === undefined
      ? []
      : [
          `it asked for ${askedTtlSeconds} s of`,
          ...askedCapabilities.map((line) => `  ${plain(line)}`),
        ]),
  ];
}

function whoLine({ principal, tenant, agent }: ApprovalSummary): string {
  return `principal  ${plain(principal)} (tenant ${plain(tenant)}, agent ${plain(agent)})`;
}

function answerLines({ by, at, verdict, terms, reason }: ApprovalAnswer): readonly string[] {
  const why = reason === undefined ? '' : `: ${plain(reason)}`;
  return [
    `${verdict.padEnd(10)} by ${plain(by)}, ${at}${why}`,
    ...(terms === undefined ? [] : indented(terms)),
  ];
}

function effectLines(lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? ['  only compute'] : lines.map((line) => `  ${plain(line)}`);
}

/** Lines of a layout the daemon made. */
function indented(text: string): readonly string[] {
  return text.split('\n').map((line) => `  ${plain(line)}`);
}
