// Which machines a call contacted, read from the effects of its receipt as far as their targets are kept.

import type { ReceiptStatement } from '../verify/leaf.ts';
import type { Openings } from './openings.ts';

/** `GET https://api.example.com:8443/v1`: the host, with its port if one is named. */
const TARGET = /^\S{1,32} https?:\/\/([^/?#\s]{1,300})/;

/** Hosts that requests were sent to, sorted; none that a rule refused. */
export function contactedHosts(
  { predicate: { effects = [] } }: ReceiptStatement,
  openings: Openings,
): readonly string[] {
  const hosts = new Set<string>();
  for (const [at, { kind, state }] of effects.entries()) {
    if (kind !== 'http' || (state !== 'sent' && state !== 'answered')) continue;
    for (const target of targetsIn(openings, at)) {
      const [, host] = TARGET.exec(target) ?? [];
      if (host !== undefined) hosts.add(host);
    }
  }
  return [...hosts].sort();
}

/** An effect that stands for several has the targets of all of them. */
function targetsIn({ effects }: Openings, at: number): readonly string[] {
  const opening = effects[at];
  if (opening === undefined || !('value' in opening)) return [];
  return [opening.value].flat().filter((value) => typeof value === 'string');
}
