// One witness: what it is asked, in which order, and what is known of it.

import { encodeHex } from '../../base/encoding/hex.ts';
import { asWarderError, type WarderError } from '../../base/errors/errors.ts';
import type { Store } from '../../base/store/store.ts';
import type { Head } from '../verify/checkpoint.ts';
import type { TrustedKeys } from '../verify/keys.ts';
import { parseNote } from '../verify/note.ts';
import type { WitnessKey } from '../verify/witness-key.ts';
import {
  bodyText,
  type Conflict,
  type Cosigned,
  formatAddCheckpoint,
  readAnswer,
} from './add-checkpoint.ts';
import { examineNote, type LogHistory, notePath } from './contradiction.ts';
import type { WitnessReply, WitnessRequest } from './exchange.ts';
import { WITNESS_TENANT, witnessTable } from './witness-table.ts';
import { WitnessFailure, type WitnessTrouble } from './witness-trouble.ts';

/** A head that bears the lines of the log's keys. */
export interface SignedNote extends Head {
  readonly note: string;
}

/** What a witness is made of. */
export interface WitnessParts {
  readonly key: WitnessKey;
  /** Submission prefix. */
  readonly url: string;
  /** Monitoring prefix. */
  readonly monitoring: string;
  readonly store: Store;
  /** The log's name. */
  readonly origin: string;
  /** All keys that sign, or signed, heads of the log. */
  readonly logKeys: () => TrustedKeys;
  readonly exchange: (request: WitnessRequest, signal: AbortSignal) => Promise<WitnessReply>;
  /** Wall milliseconds. */
  readonly now: () => number;
  /** Milliseconds since an arbitrary start. */
  readonly monotonic: () => number;
  /** Longest a witness may take for one head, whatever it is asked meanwhile; milliseconds. */
  readonly patienceMs: number;
  /** Ends what is under way. */
  readonly closing: AbortSignal;
}

/** What came of asking. */
export type WitnessOutcome =
  | Cosigned
  | { readonly kind: 'trouble'; readonly trouble: WitnessTrouble }
  /** It shows a later head of our own history: that one has to be signed again before it cosigns anything. */
  | { readonly kind: 'later'; readonly size: number }
  /** It shows that the log has lost leaves. */
  | { readonly kind: 'contradiction'; readonly error: WarderError }
  /** It was still busy with an earlier head when enough others had answered. */
  | { readonly kind: 'not-needed' };

/** How it is with a witness. */
export interface WitnessStatus {
  readonly name: string;
  readonly url: string;
  /** Leaves of the last head it is known to have seen. */
  readonly size: number;
  /** NumericDate seconds of its last cosignature, by its clock. */
  readonly time?: number;
  /** Of the last time it was asked. */
  readonly trouble?: WitnessTrouble;
}

/** Requests for one head: the first, one after it said where it stands, and one if it stands elsewhere again. */
const ATTEMPTS_MAX = 3;
/** How far a witness's clock may be ahead of ours. */
const AHEAD_SECONDS = 300;
const FIRST_REST_MS = 1_000;
const LONGEST_REST_MS = 60_000;

/** A witness at work: one request at a time. */
export class Witness {
  readonly key: WitnessKey;
  readonly #parts: WitnessParts;
  readonly #row: string;
  #known: { readonly size: number; readonly time?: number };
  #trouble: WitnessTrouble | undefined;
  #failures = 0;
  #restUntil = Number.NEGATIVE_INFINITY;
  /** Heads it is asked for, or will be. */
  #waiting = 0;
  #busy: Promise<unknown> = Promise.resolve();
  #saved: Promise<unknown> = Promise.resolve();

  constructor(parts: WitnessParts) {
    this.#parts = parts;
    this.key = parts.key;
    this.#row = encodeHex(parts.key.publicKey);
    const row = parts.store.read((reader) => reader.get(witnessTable, WITNESS_TENANT, this.#row));
    const known = row?.origin === parts.origin ? row : undefined;
    const { size = 0, time } = known ?? {};
    this.#known = { size, ...(time === undefined ? {} : { time }) };
  }

  /** Whether it is better left alone for now: it failed lately, or is busy with an earlier head. */
  get resting(): boolean {
    return this.#waiting > 0 || this.#parts.monotonic() < this.#restUntil;
  }

  status(): WitnessStatus {
    const { key, url } = this.#parts;
    return {
      name: key.name,
      url,
      ...this.#known,
      ...(this.#trouble === undefined ? {} : { trouble: this.#trouble }),
    };
  }

  /**
   * Has a head cosigned. Never rejects.
   *
   * @param enough aborted when its answer is needed no longer: what was not begun is not begun then.
   */
  cosign(head: SignedNote, log: LogHistory, enough: AbortSignal): Promise<WitnessOutcome> {
    this.#waiting += 1;
    const turn = this.#busy.then(async (): Promise<WitnessOutcome> => {
      if (enough.aborted || this.#parts.closing.aborted) return { kind: 'not-needed' };
      const outcome = await this.#outcome(head, log);
      this.#learn(outcome, head.size);
      return outcome;
    });
    this.#busy = turn.finally(() => {
      this.#waiting -= 1;
    });
    return turn;
  }

  /** Waits for what is under way. */
  async close(): Promise<void> {
    await this.#busy;
    await this.#saved;
  }

  async #outcome(head: SignedNote, log: LogHistory): Promise<WitnessOutcome> {
    const { patienceMs, closing } = this.#parts;
    const deadline = AbortSignal.any([AbortSignal.timeout(patienceMs), closing]);
    try {
      return await this.#ask(head, log, deadline);
    } catch (thrown) {
      if (thrown instanceof WitnessFailure) return { kind: 'trouble', trouble: thrown.trouble };
      const error = asWarderError(thrown);
      if (error.code === 'verification-failed') return { kind: 'contradiction', error };
      return { kind: 'trouble', trouble: { kind: 'failing', text: error.message } };
    }
  }

  async #ask(head: SignedNote, log: LogHistory, deadline: AbortSignal): Promise<WitnessOutcome> {
    // More than we have to show is never asked from; it is then said where it stands.
    let from = this.#known.size > head.size ? 0 : this.#known.size;
    for (let attempt = 1; ; attempt += 1) {
      let answer: Cosigned | Conflict;
      try {
        answer = await this.#submit(from, head, log, deadline);
      } catch (thrown) {
        if (!(thrown instanceof WitnessFailure) || thrown.trouble.kind !== 'proof-refused') {
          throw thrown;
        }
        return await this.#examine(thrown, head, log, deadline);
      }
      if (answer.kind === 'cosigned') return answer;
      if (answer.size > head.size) {
        const claim = `it says it has seen ${answer.size} leaves, this head has ${head.size}`;
        return this.#examine(new WitnessFailure('ahead', claim), head, log, deadline);
      }
      if (answer.size === from || attempt === ATTEMPTS_MAX) {
        throw new WitnessFailure('garbled', 'it does not keep to what it says it has seen');
      }
      from = answer.size;
    }
  }

  async #submit(
    from: number,
    { note, size }: SignedNote,
    log: LogHistory,
    deadline: AbortSignal,
  ): Promise<Cosigned | Conflict> {
    const body = formatAddCheckpoint(from, log.tree.consistency(from, size), note);
    const url = below(this.#parts.url, 'add-checkpoint');
    const reply = await this.#parts.exchange({ url, body }, deadline);
    const latest = Math.floor(this.#parts.now() / 1000) + AHEAD_SECONDS;
    return readAnswer(reply, parseNote(note).text, this.key, latest);
  }

  /** It has seen something else, it says. Believed only with a note that bears the lines of all our keys. */
  async #examine(
    claim: WitnessFailure,
    head: SignedNote,
    log: LogHistory,
    deadline: AbortSignal,
  ): Promise<WitnessOutcome> {
    const url = below(this.#parts.monitoring, notePath(log.origin));
    let note: string;
    try {
      const { status, body } = await this.#parts.exchange({ url }, deadline);
      if (status !== 200) throw claim;
      note = bodyText(body);
    } catch {
      throw claim;
    }
    const shown = await examineNote(note, log, this.#parts.logKeys());
    if (shown === undefined || shown.size <= head.size) throw claim;
    return { kind: 'later', size: shown.size };
  }

  #learn(outcome: WitnessOutcome, size: number): void {
    if (outcome.kind === 'not-needed') return;
    if (outcome.kind === 'cosigned') {
      this.#trouble = undefined;
      this.#failures = 0;
      this.#restUntil = Number.NEGATIVE_INFINITY;
      this.#remember(size, outcome.time);
      return;
    }
    if (outcome.kind === 'later') return;
    this.#trouble =
      outcome.kind === 'trouble' ? outcome.trouble : { kind: 'ahead', text: outcome.error.message };
    this.#failures += 1;
    const rest = FIRST_REST_MS * 2 ** Math.min(this.#failures - 1, 10);
    this.#restUntil = this.#parts.monotonic() + Math.min(rest, LONGEST_REST_MS);
  }

  /** The head it cosigned: where the next proof starts. */
  #remember(size: number, time: number): void {
    this.#known = { size, time };
    const { store, origin } = this.#parts;
    // Lost, it costs one more request.
    this.#saved = store
      .commit((tx) => tx.put(witnessTable, WITNESS_TENANT, this.#row, { origin, size, time }))
      .catch(() => undefined);
  }
}

function below(prefix: string, path: string): string {
  return `${prefix.endsWith('/') ? prefix.slice(0, -1) : prefix}/${path}`;
}
