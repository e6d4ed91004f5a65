// What `approvals show` prints: everything a person has to know to decide, in one layout. The daemon made
// the texts safe for a terminal; whatever it may have missed is made visible here.

import type { ApprovalAnswer, ApprovalSummary } from '../../console/operations.ts';
import { plain } from '../output.ts';

/** `pending (1 of 2)`, or the state alone where one person suffices. */
export function stateOf({ state, given, needed }: ApprovalSummary): string {
  return state === 'pending' && needed > 1 ? `pending (${given} of ${needed})` : state;
}

export function approvalLines(approval: ApprovalSummary): readonly string[] {
  const { tool, principal, agent, tenant, task, lease, operator, rules, risks } = approval;
  const { reason, asked, expires, waitedSeconds, askedEffects, shortage } = approval;
  return [
    `approval   ${approval.id} (${stateOf(approval)})`,
    ...(shortage === undefined ? [] : [`cannot be  ${plain(shortage)}`]),
    `tool       ${plain(tool)} of ${approval.package.id}, sha256:${approval.package.digest}`,
    `principal  ${plain(principal)} (tenant ${plain(tenant)}, agent ${plain(agent)})`,
    ...(operator ? ['made by    an operator on its behalf'] : []),
    ...(task === undefined ? [] : [`task       ${plain(task)}`]),
    `lease      ${lease.slice(0, 16)}`,
    `reason     ${plain(reason)}`,
    ...(rules.length === 0 ? [] : [`policies   ${rules.join(' ')}`]),
    ...risks.map(({ name, note }) => `risk       ${plain(name)}: ${plain(note)}`),
    `asked      ${asked}, ${waitedSeconds} s ${approval.state === 'pending' ? 'ago' : 'before it was decided'}`,
    `expires    ${expires}`,
    `digest     ${approval.digest}`,
    'arguments',
    ...indented(approval.arguments),
    'it could',
    ...effects(approval.effects),
    ...(askedEffects === undefined ? [] : ['it asked for', ...effects(askedEffects)]),
    ...approval.answers.flatMap(answerLines),
  ];
}

function answerLines({ by, at, verdict, terms, reason }: ApprovalAnswer): readonly string[] {
  const why = reason === undefined ? '' : `: ${plain(reason)}`;
  return [
    `${verdict.padEnd(10)} by ${plain(by)}, ${at}${why}`,
    ...(terms === undefined ? [] : indented(terms)),
  ];
}

function effects(lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? ['  only compute'] : lines.map((line) => `  ${plain(line)}`);
}

/** Lines of a layout the daemon made. */
function indented(text: string): readonly string[] {
  return text.split('\n').map((line) => `  ${plain(line)}`);
}
