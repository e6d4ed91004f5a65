// What can be wrong with a witness, each with what an operator can do. None of it is a fault of the log.

/**
 * - `unreachable`: no connection, or it broke.
 * - `slow`: no whole answer in time.
 * - `unknown-log`: it does not know the log, or not its key.
 * - `signature-refused`: it knows the log by another key.
 * - `proof-refused`: our proof does not lead from the head it has to ours, it says, and shows no such head.
 * - `ahead`: it says it has seen more leaves than we have, and does not show it.
 * - `failing`: it answers with an error of its own.
 * - `garbled`: its answer is none the protocol knows.
 * - `bad-cosignature`: what it answers does not hold for our head under its key, or is not there.
 * - `bad-time`: it states a time to come.
 */
export type WitnessTroubleKind =
  | 'unreachable'
  | 'slow'
  | 'unknown-log'
  | 'signature-refused'
  | 'proof-refused'
  | 'ahead'
  | 'failing'
  | 'garbled'
  | 'bad-cosignature'
  | 'bad-time';

/** One trouble with one witness. */
export interface WitnessTrouble {
  readonly kind: WitnessTroubleKind;
  readonly text: string;
}

const REMEDIES: Readonly<Record<WitnessTroubleKind, string>> = {
  unreachable: 'check its `url` and the network; it is asked again',
  slow: 'it is asked again; if it stays so, take another witness',
  'unknown-log':
    'give its operator the origin and the log key: `warder keys list` prints the vkey of type Ed25519',
  'signature-refused':
    'give its operator the log key of this log: `warder keys list` prints the vkey of type Ed25519',
  'proof-refused':
    'ask its operator which head it has: if this log signed it, leaves were lost, see `warder receipts new-log --help`',
  ahead:
    'ask its operator for the note it has: if both our keys signed it, leaves were lost, see `warder receipts new-log --help`',
  failing: 'it is asked again; if it stays so, ask its operator',
  garbled: 'check that `url` is the submission prefix of a C2SP tlog-witness',
  'bad-cosignature': 'check that `vkey` and `url` are of the same witness',
  'bad-time': 'compare the clocks: here and there',
};

/** What an operator can do about it. */
export function witnessRemedy({ kind }: WitnessTrouble): string {
  return REMEDIES[kind];
}

/** Thrown within this room, by whoever finds the trouble. */
export class WitnessFailure extends Error {
  override readonly name = 'WitnessFailure';
  readonly trouble: WitnessTrouble;

  constructor(kind: WitnessTroubleKind, text: string, options?: ErrorOptions) {
    super(text, options);
    this.trouble = { kind, text };
  }
}
