// What makes a call risky, found out before it is decided; and what callers are given, remembered for it.

import type { FoundTool } from '../catalog/catalog.ts';
import type { ToolCall } from '../decide/request/tool-call.ts';
import { argumentText } from '../decide/risk/argument-text.ts';
import type { AssessedCall } from '../decide/risk/risk-assessor.ts';
import type { ToolAnswer } from '../run/sandbox/runner.ts';
import type { Caller } from './door.ts';
import type { GateParts } from './parts.ts';
import type { CallOutcome } from './run-permitted.ts';

/** A call as far as risk looks at it. */
export interface RiskyCall {
  readonly caller: Pick<Caller, 'tenant' | 'principal'>;
  readonly call: ToolCall;
  readonly found: FoundTool;
  /** Wall milliseconds. */
  readonly now: number;
}

export function assessed({ caller, call, found, now }: RiskyCall): AssessedCall {
  const { tenant, principal } = caller;
  return { tenant, principal, call, digest: found.installation.digest, now };
}

/** Remembers what the caller is told by a tool. */
export function hear(
  gate: Pick<GateParts, 'risk'>,
  caller: Pick<Caller, 'tenant' | 'principal'>,
  outcome: CallOutcome,
): void {
  const text = outcome.kind === 'answered' ? answerText(outcome.answer) : outcome.error.message;
  gate.risk.heard(caller, text);
}

/** All texts of an answer, structured ones too. */
function answerText({ content, structuredContent }: ToolAnswer): string {
  const said = content.flatMap((item) => (item.type === 'text' ? item.text : []));
  if (structuredContent !== undefined) said.push(argumentText(structuredContent));
  return said.join('\n');
}
