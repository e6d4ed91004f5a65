// Running what was permitted, and reading the run's end as an outcome.

import { asWarderError, type ErrorCode, WarderError } from '../base/errors/errors.ts';
import type { ToolDefinition } from '../catalog/installation.ts';
import { checkStructured } from '../catalog/schemas.ts';
import type { Permit } from '../decide/policy/permit.ts';
import { noUsage, type RunOutcome, type ToolAnswer } from '../run/sandbox/runner.ts';
import type { Outcome } from '../trust/receipt/leaf.ts';
import type { DecidableCall } from './decide-call.ts';
import type { Firewall } from './firewall/firewall.ts';
import type { OutputGuard } from './firewall/output-guard.ts';
import type { CallSession } from './host-calls.ts';
import type { GateParts } from './parts.ts';

/** A run and what it did through the host. */
export interface PermittedRun {
  readonly outcome: RunOutcome;
  readonly session: CallSession;
  readonly guard: OutputGuard;
}

/** How a call ended, as the receipt and the caller are told. */
export type CallOutcome =
  | {
      readonly kind: 'answered';
      readonly outcome: 'done' | 'tool-error';
      readonly answer: ToolAnswer;
    }
  | { readonly kind: 'stopped'; readonly outcome: Outcome; readonly error: WarderError };

/** Runs the guest under its permit. Never rejects: a broken runner is a crashed call. */
export async function runPermitted(
  gate: GateParts,
  permit: Permit,
  { call, found, lease, request }: DecidableCall,
): Promise<PermittedRun> {
  const session = gate.sessions.open(permit, lease);
  const guard = gate.firewall.guard(permit, found.installation.grant.outputPaths);
  const { onLog } = request;
  try {
    const outcome = await gate.runner.run(permit, call, {
      ...(request.signal === undefined ? {} : { signal: request.signal }),
      ...(onLog === undefined
        ? {}
        : {
            onLog: (level, message) => {
              const line = guard.logLine(message);
              if (line === undefined) return;
              gate.risk.heard(permit.terms, line);
              onLog(level, line);
            },
          }),
    });
    return { outcome, session, guard };
  } catch (thrown) {
    const { message } = asWarderError(thrown);
    return { outcome: { kind: 'crashed', reason: message, usage: noUsage }, session, guard };
  } finally {
    gate.sessions.close(session);
  }
}

/**
 * Reads a run's end. An answer that breaks the tool's own output schema is a failure of the tool;
 * whatever it says goes through the guard of its call.
 */
export function outcomeOf(
  run: PermittedRun,
  definition: ToolDefinition,
  limits: Pick<Firewall, 'maxOutputBytes'>,
): CallOutcome {
  const outcome = readOutcome(run, definition, limits);
  const { guard } = run;
  if (outcome.kind === 'answered') return { ...outcome, answer: guard.answer(outcome.answer) };
  const { code, message, hint } = outcome.error;
  const told = guard.reason(message, outcome.outcome === 'failed' ? UNTOLD : undefined);
  if (told === message) return outcome;
  return { ...outcome, error: new WarderError(code, told, hint === undefined ? {} : { hint }) };
}

/** Of a tool of whose answers only listed parts are given. */
const UNTOLD = 'the tool failed; what it said is not among the parts of its answers that are given';

function readOutcome(
  run: PermittedRun,
  definition: ToolDefinition,
  { maxOutputBytes }: Pick<Firewall, 'maxOutputBytes'>,
): CallOutcome {
  const { outcome } = run;
  switch (outcome.kind) {
    case 'answered':
      if (outcome.usage.outputBytes > maxOutputBytes) {
        const reason = `the answer is longer than ${maxOutputBytes} bytes`;
        return stopped('limit', 'tool-limit', reason, ANSWER_HINT);
      }
      if (!outcome.answer.isError) {
        const [fault] = checkStructured(definition, outcome.answer.structuredContent);
        if (fault !== undefined) {
          const where = fault.path === '' ? 'the result' : `\`${fault.path}\``;
          const reason = `the tool broke its own output schema: ${where} ${fault.reason}`;
          return stopped('failed', 'tool-failed', reason, "report it to the tool's author");
        }
      }
      return {
        kind: 'answered',
        outcome: outcome.answer.isError ? 'tool-error' : 'done',
        answer: outcome.answer,
      };
    case 'failed':
      return stopped('failed', 'tool-failed', outcome.reason, 'the tool ended without an answer');
    case 'limit':
      if (run.session.unanswered()) return unknown(outcome.reason);
      return stopped('limit', 'tool-limit', outcome.reason, LIMIT_HINTS[outcome.limit]);
    case 'cancelled':
      if (run.session.unanswered()) return unknown('the call was withdrawn');
      return stopped('cancelled', 'cancelled', 'the call was withdrawn');
    case 'crashed':
      if (run.session.unanswered()) return unknown(outcome.reason);
      return stopped('crashed', 'tool-failed', outcome.reason, 'the next call gets a new executor');
  }
}

const LIMIT_HINTS = {
  deadline: 'the operator can allow more time with `warder tool grant NAME --timeout 30s`',
  cpu: 'the operator can allow more with `warder tool grant NAME --max-cpu 10s`',
  memory: 'the operator can allow more with `warder tool grant NAME --max-memory 256MiB`',
  output: 'ask for less, or the operator can raise `--max-output`',
  'host-calls': 'ask for less in one call',
  log: 'the tool logs more than one call may',
} as const;

const ANSWER_HINT =
  'ask for less, or the operator can raise `firewall.maxOutputBytes` in config.json';

function stopped(outcome: Outcome, code: ErrorCode, reason: string, hint?: string): CallOutcome {
  const detail = hint === undefined ? {} : { hint };
  return { kind: 'stopped', outcome, error: new WarderError(code, reason, detail) };
}

function unknown(reason: string): CallOutcome {
  return stopped(
    'unknown',
    'outcome-unknown',
    `${reason}; a request was sent and not answered`,
    'look at the far end before you try again',
  );
}
