// What `warder doctor` and `warder status` say of the witnesses of the log.

import { witnessRemedy } from '../../trust/witness/witness-trouble.ts';
import type { WitnessStatus } from '../../trust/witness/witness.ts';
import { timeText } from '../../trust/verify/cosignature.ts';
import type { Finding } from '../console/operations.ts';
import type { WitnessReport } from '../console/status-report.ts';
import type { Runtime } from './compose.ts';

/** One finding for each witness, and one on how many there have to be. */
export function witnessFindings({ receipts, config }: Runtime): readonly Finding[] {
  const { witnesses } = receipts;
  if (witnesses === undefined) {
    const text = 'none: that the home and the signer were both put back is detected by nobody';
    const remedy = 'name some in `log.witnesses`, see docs/operations.md';
    return [{ subject: 'witnesses', state: 'note', text, remedy }];
  }
  const { quorum } = config.log;
  const each = witnesses.status();
  const good = each.filter(({ trouble }) => trouble === undefined).length;
  const text = `${quorum} of ${each.length} cosign a checkpoint before it is published`;
  return [
    good >= quorum
      ? { subject: 'witnesses', state: 'ok', text }
      : {
          subject: 'witnesses',
          state: 'problem',
          text: `${text}; ${good} do`,
          remedy: 'receipts are durable; proofs wait until enough witnesses answer',
        },
    ...each.map(witnessFinding),
  ];
}

function witnessFinding(status: WitnessStatus): Finding {
  const subject = `witness ${status.name}`;
  const { trouble } = status;
  if (trouble === undefined) return { subject, state: 'ok', text: witnessText(status) };
  const remedy = witnessRemedy(trouble);
  return { subject, state: 'problem', text: `${trouble.text}; ${witnessText(status)}`, remedy };
}

/** How far a witness has come. */
function witnessText({ size, time }: WitnessStatus): string {
  if (time === undefined) return 'it has cosigned nothing yet';
  return `it last cosigned ${size} leaves, at ${timeText(time)} by its clock`;
}

/** The same for `status`. */
export function witnessReport({ name, size, time, trouble }: WitnessStatus): WitnessReport {
  return {
    name,
    size,
    ...(time === undefined ? {} : { time: timeText(time) }),
    ...(trouble === undefined ? {} : { trouble: trouble.text }),
  };
}
