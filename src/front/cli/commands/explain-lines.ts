// An explanation of a call, as `policy explain` prints it.

import type { Explanation, RuleSummary } from '../../console/operations.ts';
import { plain } from '../output.ts';

/** The verdict, the policies, and what the permit is the intersection of. */
export function explanationLines(explained: Explanation): readonly string[] {
  const { preview, rules } = explained;
  const why = preview.error?.message ?? preview.reason;
  return [
    `${preview.verdict}${why === undefined ? '' : `: ${plain(why)}`}`,
    ...grantLines(explained.grant),
    ...(explained.lease ?? []).flatMap(leaseLines),
    ...riskLines(explained.risk ?? []),
    ...approvalLines(explained.approval),
    ...reachLines(explained),
    ...rules.flatMap((rule) => ['', ...ruleLines(rule)]),
  ];
}

/** A policy under a line that says which it is. */
export function ruleLines({ rule, id, place, text }: RuleSummary): readonly string[] {
  return [`// ${rule}${id === undefined ? '' : ` "${id}"`} at ${place}`, text.trimEnd()];
}

function grantLines(grant: Explanation['grant']): readonly string[] {
  if (grant === undefined) return [];
  const { installation, digest, may } = grant;
  const lines = may.length === 0 ? ['only compute'] : may.map(plain);
  return section(`grant of ${installation}, package ${digest.slice(0, 16)}`, lines);
}

function leaseLines(link: NonNullable<Explanation['lease']>[number]): readonly string[] {
  const { stateKey, principal, depth, expires, task, maxUses, maxBytes, rate } = link;
  const bounds = [
    `for ${plain(principal)} until ${expires}`,
    ...(task === undefined ? [] : [`task ${plain(task)}`]),
    ...(maxUses === undefined ? [] : [`at most ${maxUses} uses`]),
    ...(maxBytes === undefined ? [] : [`at most ${maxBytes} bytes`]),
    ...(rate === undefined ? [] : [`at most ${rate.uses} uses in ${rate.seconds} s`]),
  ];
  const made = depth === 0 ? '' : `, made from the one above, depth ${depth}`;
  return section(`lease ${stateKey.slice(0, 16)}${made}`, [
    bounds.join(', '),
    ...link.capabilities.map((each) => plain(JSON.stringify(each))),
  ]);
}

function riskLines(risk: NonNullable<Explanation['risk']>): readonly string[] {
  if (risk.length === 0) return [];
  return section(
    'risk',
    risk.map(({ name, note }) => `${plain(name)}: ${plain(note)}`),
  );
}

function approvalLines(approval: Explanation['approval']): readonly string[] {
  if (approval === undefined) return [];
  const lines = approval.effects.length === 0 ? ['only compute'] : approval.effects;
  return section(`approval ${approval.id}, until ${approval.expires}`, lines);
}

function reachLines({ reach, preview }: Explanation): readonly string[] {
  if (reach === undefined) return [];
  const { net, neverNet, read, write, kv, secrets, env, config, limits, cost, expires } = reach;
  const named = (what: string, values: readonly string[]): string[] =>
    values.map((value) => `${what} ${plain(value)}`);
  const may = [
    ...named('send', net),
    ...(net.length === 0 ? [] : named('never send', neverNet)),
    ...named('read', read),
    ...named('write', write),
    ...(kv ? ['keep values in its own store'] : []),
    ...named('have the secret', secrets),
    ...named('see the environment variable', env),
    ...named('see the setting', config),
  ];
  const bounds = Object.entries(limits).map(([name, value]) => `${name} ${value}`);
  return section(
    preview.verdict === 'auto_approve' ? 'which leaves, in the permit' : 'which a yes would leave',
    [
      ...(may.length === 0 ? ['only compute'] : may),
      ...(cost === undefined ? [] : [`costs ${cost.amount} ${cost.currency}`]),
      bounds.join(', '),
      ...(expires === undefined ? [] : [`ends ${expires}`]),
    ],
  );
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return ['', title, ...lines.map((line) => `  ${line}`)];
}
