// The witnesses of the config at work: their keys read, and found to be others' than the log's.

import { asWarderError, WarderError } from '../../base/errors/errors.ts';
import { checkWitnesses } from '../../trust/verify/cosignature.ts';
import { parseWitnessVkey, witnessesOf } from '../../trust/verify/witness-key.ts';
import type { Clock } from '../../base/clock/clock.ts';
import type { Store } from '../../base/store/store.ts';
import type { TrustedKeys } from '../../trust/verify/keys.ts';
import { type WitnessAddress, WitnessGroup } from '../../trust/witness/witness-group.ts';
import type { Config } from '../config/config.ts';

/**
 * Empty when the config names none.
 *
 * @param keys all keys that sign, or signed, heads of the log.
 * @throws WarderError `usage` for a vkey that is none, one key twice, or a key of the log.
 */
export async function openWitnesses(
  { log }: Config,
  keys: { readonly trusted: TrustedKeys },
  store: Store,
  clock: Clock,
): Promise<{ readonly witnesses?: WitnessGroup }> {
  if (log.witnesses.length === 0) return {};
  try {
    const witnesses: WitnessAddress[] = [];
    for (const { vkey, ...address } of log.witnesses) {
      witnesses.push({ key: await parseWitnessVkey(vkey), ...address });
    }
    const policy = witnessesOf(
      witnesses.map(({ key }) => key),
      log.quorum,
    );
    checkWitnesses(policy.keys, keys.trusted);
    const group = new WitnessGroup({
      witnesses,
      policy,
      store,
      origin: log.origin,
      logKeys: () => keys.trusted,
      now: () => clock.wall(),
      monotonic: () => clock.monotonic(),
    });
    return { witnesses: group };
  } catch (thrown) {
    const cause = asWarderError(thrown);
    throw new WarderError('usage', `\`log.witnesses\` of config.json: ${cause.message}`, {
      cause,
      ...(cause.hint === undefined ? {} : { hint: cause.hint }),
    });
  }
}
