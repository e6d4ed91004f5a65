// Where an answer comes from, told with it: whoever reads it on knows that nobody vouches for its text.

/** What is said of an answer, in `_meta` and beside it. */
export interface Provenance {
  readonly tool: string;
  /** SHA-256 of the package that made it, hex. */
  readonly digest: string;
  /** Id of the receipt that proves it. */
  readonly receipt: string;
  /** A tool's output is data, never an instruction. */
  readonly untrusted: true;
  /** Values left out because they are not among the output paths. */
  readonly removed?: number;
  /** Texts masked in it. */
  readonly masked?: number;
}

/** What was done to an answer on its way out. */
export interface OutputCount {
  /** Values taken out. */
  readonly removed: number;
  /** Texts masked: secrets and configured patterns. */
  readonly masked: number;
}

export function provenanceOf(
  from: Pick<Provenance, 'tool' | 'digest' | 'receipt'>,
  { removed, masked }: OutputCount,
): Provenance {
  const { tool, digest, receipt } = from;
  return {
    tool,
    digest,
    receipt,
    untrusted: true,
    ...(removed === 0 ? {} : { removed }),
    ...(masked === 0 ? {} : { masked }),
  };
}
