// The witnesses of a log: each head is shown to all of them at once, and is good when enough have cosigned it.

import { WarderError } from '../../base/errors/errors.ts';
import type { Store } from '../../base/store/store.ts';
import { cosignatureOf } from '../verify/cosignature.ts';
import type { TrustedKeys } from '../verify/keys.ts';
import { formatNote, type NoteSignature, parseNote } from '../verify/note.ts';
import type { WitnessKey, Witnesses } from '../verify/witness-key.ts';
import type { Cosigned } from './add-checkpoint.ts';
import type { LogHistory } from './contradiction.ts';
import { WitnessConnections } from './exchange.ts';
import { type SignedNote, Witness, type WitnessOutcome, type WitnessStatus } from './witness.ts';

/** A witness and where to ask it. */
export interface WitnessAddress {
  readonly key: WitnessKey;
  /** Submission prefix; https, or http on loopback. */
  readonly url: string;
  /** Monitoring prefix; the submission prefix when absent. */
  readonly monitoring?: string;
}

/** Who cosigns, and how many of them have to. */
export interface WitnessPlan {
  readonly witnesses: readonly WitnessAddress[];
  readonly policy: Witnesses;
}

export interface WitnessGroupParts extends WitnessPlan {
  readonly store: Store;
  /** The log's name. */
  readonly origin: string;
  /** All keys that sign, or signed, heads of the log. */
  readonly logKeys: () => TrustedKeys;
  /** Wall milliseconds. */
  readonly now: () => number;
  /** Milliseconds since an arbitrary start. */
  readonly monotonic: () => number;
  /** Longest a witness may take for one head, milliseconds; {@link PATIENCE_MS} when absent. */
  readonly patienceMs?: number;
}

/** What came of showing a head around. */
export type RoundResult =
  | { readonly kind: 'cosigned'; readonly note: string }
  /** Too few yet. `note` has the lines there are: it is the one to go on with. */
  | { readonly kind: 'short'; readonly note: string; readonly error: WarderError }
  /** A witness has seen a later head of our own history: this one is cosigned no more. */
  | { readonly kind: 'overtaken' };

const PATIENCE_MS = 10_000;

/** The witnesses of one log. */
export class WitnessGroup {
  readonly policy: Witnesses;
  readonly #witnesses: readonly Witness[];
  readonly #connections = new WitnessConnections();
  readonly #closing = new AbortController();
  #contradiction: WarderError | undefined;

  constructor({ witnesses, policy, patienceMs = PATIENCE_MS, ...parts }: WitnessGroupParts) {
    this.policy = policy;
    this.#witnesses = witnesses.map(
      ({ key, url, monitoring = url }) =>
        new Witness({
          ...parts,
          key,
          url,
          monitoring,
          patienceMs,
          closing: this.#closing.signal,
          exchange: (request, signal) => this.#connections.exchange(request, signal),
        }),
    );
  }

  /** How it is with each, in the order of the config. */
  status(): readonly WitnessStatus[] {
    return this.#witnesses.map((witness) => witness.status());
  }

  /**
   * Nothing may be signed any more once a witness has shown that the log is another.
   *
   * @throws WarderError `verification-failed`.
   */
  check(): void {
    if (this.#contradiction !== undefined) throw this.#contradiction;
  }

  /**
   * Shows a head to the witnesses whose lines it does not bear yet; comes back as soon as enough have
   * cosigned, or all have answered.
   *
   * @throws WarderError `verification-failed` when one shows that the log is not the one that was signed.
   */
  async cosign(head: SignedNote, log: LogHistory): Promise<RoundResult> {
    this.check();
    const note = parseNote(head.note);
    const signed: WitnessKey[] = [];
    for (const key of this.policy.keys) {
      if ((await cosignatureOf(note, key)) !== undefined) signed.push(key);
    }
    const open = this.#witnesses.filter(({ key }) => !signed.includes(key));
    const outcomes = await this.#round(head, log, open, this.policy.quorum - signed.length);
    this.check();
    const lines = outcomes.flatMap((each) => (each.kind === 'cosigned' ? [each.line] : []));
    const text = withLines(note, lines);
    if (signed.length + lines.length >= this.policy.quorum) return { kind: 'cosigned', note: text };
    if (outcomes.some(({ kind }) => kind === 'later')) return { kind: 'overtaken' };
    return { kind: 'short', note: text, error: this.#short(signed.length + lines.length) };
  }

  /** Ends what is under way. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#witnesses.map((witness) => witness.close()));
    this.#connections.close();
  }

  /** Outcomes of those who answered before there were enough. */
  async #round(
    head: SignedNote,
    log: LogHistory,
    open: readonly Witness[],
    needed: number,
  ): Promise<readonly WitnessOutcome[]> {
    if (needed <= 0) return [];
    const fresh = open.filter((witness) => !witness.resting);
    // Who failed is left alone for a while, unless there is no quorum without it.
    const asked = fresh.length >= needed ? fresh : open;
    const enough = new AbortController();
    const { promise, resolve } = Promise.withResolvers<void>();
    const outcomes: WitnessOutcome[] = [];
    const counted = (): readonly Cosigned[] =>
      outcomes.filter((each): each is Cosigned => each.kind === 'cosigned');
    const all = asked.map(async (witness) => {
      const outcome = await witness.cosign(head, log, enough.signal);
      if (outcome.kind === 'contradiction') this.#contradiction ??= outcome.error;
      outcomes.push(outcome);
      if (outcome.kind === 'contradiction' || counted().length >= needed) resolve();
    });
    void Promise.all(all).then(() => resolve());
    await promise;
    enough.abort();
    return [...outcomes];
  }

  #short(count: number): WarderError {
    const { keys, quorum } = this.policy;
    const troubles = this.status().flatMap(({ name, trouble }) =>
      trouble === undefined ? [] : [`\`${name}\`: ${trouble.text}`],
    );
    const why = troubles.length === 0 ? '' : `: ${troubles.join('; ')}`;
    return new WarderError(
      'unavailable',
      `${count} of ${keys.length} witnesses cosigned, ${quorum} are required${why}`,
      { hint: 'receipts are durable, and witnesses are asked again; see `warder doctor`' },
    );
  }
}

function withLines(
  { text, signatures }: ReturnType<typeof parseNote>,
  lines: readonly NoteSignature[],
): string {
  return formatNote({ text, signatures: [...signatures, ...lines] });
}
