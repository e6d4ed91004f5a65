// `--witness` and `--quorum`: which witnesses must have seen what is verified.

import { WarderError } from '../../../base/errors/errors.ts';
import type { Requirement } from '../../../trust/verify/checkpoint.ts';
import { type Cosignature, timeText } from '../../../trust/verify/cosignature.ts';
import { readGivenText } from '../given-files.ts';
import { plain } from '../output.ts';

export interface WitnessOptions {
  readonly witness: readonly string[];
  readonly quorum?: string;
}

/**
 * What the options require; nothing when there are none.
 *
 * @throws WarderError `usage` for a file that cannot be read and a quorum without witnesses or that is no
 *   number; as {@link loadWitnesses} for what is in the files.
 */
export async function readWitnesses({
  witness,
  quorum,
}: WitnessOptions): Promise<Pick<Requirement, 'witnesses'>> {
  if (witness.length === 0) {
    if (quorum === undefined) return {};
    throw new WarderError('usage', '`--quorum` counts witnesses, and none is given', {
      hint: 'give their vkeys with `--witness FILE`',
    });
  }
  if (quorum !== undefined && !/^[1-9]\d?$/.test(quorum)) {
    throw new WarderError('usage', `\`--quorum ${quorum}\` is no count of witnesses`, {
      hint: 'e.g. 2',
    });
  }
  const { loadWitnesses } = await import('../../../trust/verify/witness-key.ts');
  const texts = witness.map((path) => readVkeys(path));
  const count = quorum === undefined ? undefined : Number(quorum);
  return { witnesses: await loadWitnesses(texts, count) };
}

/** @throws WarderError `usage` when the options are given where the config of the home says who counts. */
export function refuseWitnesses({ witness, quorum }: WitnessOptions): void {
  if (witness.length === 0 && quorum === undefined) return;
  throw new WarderError('usage', 'the daemon audits its log with the witnesses of its config', {
    hint: 'leave `--witness` and `--quorum` out, or name a file to verify',
  });
}

/** For people: who had seen it by when. */
export function witnessLines(cosignedBy: readonly Cosignature[]): readonly string[] {
  return cosignedBy.map(
    ({ witness, time }) => `seen by \`${plain(witness)}\` by ${timeText(time)}, by its clock`,
  );
}

function readVkeys(path: string): string {
  return readGivenText(path, { hint: 'name a file with the vkeys of witnesses, one per line' });
}
