// The witnesses of the config at work: their keys read, and found to be others' than the log's.

import { asWarderError, WarderError } from '../../base/errors/errors.ts';
import { checkWitnesses } from '../../trust/verify/cosignature.ts';
import { parseWitnessVkey, witnessesOf } from '../../trust/verify/witness-key.ts';
import { type WitnessAddress, WitnessGroup } from '../../trust/witness/witness-group.ts';
import type { WitnessGroupParts } from '../../trust/witness/witness-group.ts';
import type { Config } from '../config/config.ts';

/**
 * Undefined when the config names none.
 *
 * @throws WarderError `usage` for a vkey that is none, one key twice, or a key of the log.
 */
export async function openWitnesses(
  { log }: Config,
  parts: Omit<WitnessGroupParts, 'witnesses' | 'policy' | 'origin'>,
): Promise<WitnessGroup | undefined> {
  if (log.witnesses.length === 0) return undefined;
  try {
    const witnesses: WitnessAddress[] = [];
    for (const { vkey, ...address } of log.witnesses) {
      witnesses.push({ key: await parseWitnessVkey(vkey), ...address });
    }
    const policy = witnessesOf(
      witnesses.map(({ key }) => key),
      log.quorum,
    );
    checkWitnesses(policy.keys, parts.logKeys());
    return new WitnessGroup({ ...parts, origin: log.origin, witnesses, policy });
  } catch (thrown) {
    const cause = asWarderError(thrown);
    throw new WarderError('usage', `\`log.witnesses\` of config.json: ${cause.message}`, {
      cause,
      ...(cause.hint === undefined ? {} : { hint: cause.hint }),
    });
  }
}
