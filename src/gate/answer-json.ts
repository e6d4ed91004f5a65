// How answers of the gate travel to the CLI, over the agent socket and the operator socket alike.

import type { ErrorJson } from '../base/errors/errors.ts';
import type { ToolAnswer } from '../run/sandbox/runner.ts';
import type { ReceiptRef } from '../trust/receipt/receipt-log.ts';
import type { CallAnswer, Preview } from './door.ts';
import type { Provenance } from './firewall/provenance.ts';

/** One call's result as one JSON document. */
export type OneCallReply =
  | { readonly answer: ToolAnswer; readonly receipt: ReceiptRef; readonly provenance: Provenance }
  | {
      readonly error: ErrorJson;
      readonly receipt?: ReceiptRef;
      readonly provenance?: Provenance;
      readonly approval?: string;
    }
  | { readonly preview: PreviewJson };

/** A {@link Preview} on the wire. */
export interface PreviewJson {
  readonly verdict: Preview['verdict'];
  readonly reason?: string;
  /** Opaque ids of the policies that decided; in `error.data` when it is refused. */
  readonly rules?: readonly string[];
  readonly error?: ErrorJson;
}

/** A call's answer on the wire. */
export function answerToJson(answer: CallAnswer): OneCallReply {
  const { receipt, provenance } = answer;
  if (answer.kind === 'answered') {
    return { answer: answer.answer, receipt, provenance: answer.provenance };
  }
  return {
    error: answer.error.toJSON(),
    receipt,
    ...(provenance === undefined ? {} : { provenance }),
    ...(answer.approval === undefined ? {} : { approval: answer.approval }),
  };
}

/** A preview on the wire. */
export function previewToJson(preview: Preview): PreviewJson {
  if (preview.verdict === 'hard_deny') {
    return { verdict: preview.verdict, error: preview.error.toJSON() };
  }
  return preview;
}
