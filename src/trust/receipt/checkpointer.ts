// Keeps the signed head behind the log as short a way as the signers allow, and publishes it.

import { encodeUtf8 } from '../../base/encoding/utf8.ts';
import { asWarderError, WarderError } from '../../base/errors/errors.ts';
import { formatHead, type Head, verifyCheckpoint } from '../verify/checkpoint.ts';
import { OpenedOnce } from '../signer/opened-once.ts';
import type { TrustedKeys } from '../verify/keys.ts';
import { formatNote, noteSignature } from '../verify/note.ts';
import { checkpointEvidence } from './checkpoint-admitter.ts';
import { CHECKPOINT_KEY, CHECKPOINT_TENANT, checkpointTable } from './checkpoint-table.ts';
import { proveGrowth } from './prove-growth.ts';
import {
  type Checkpoint,
  checkLast,
  checkLastWhole,
  checkNotPutBack,
  type Heads,
  type HeadSources,
  reopenHeads,
  requirementOf,
} from './reopened-heads.ts';
import { showRotation } from './rotation-leaf.ts';
import type { TileContents } from './tile-directory.ts';

/** How it is with signing. */
export interface CheckpointerState {
  readonly state: 'idle' | 'signing' | 'cosigning' | 'failing' | 'closed';
  /** Leaves the published checkpoint covers. */
  readonly signedSize: number;
  /** Why the last attempt failed, while it is failing. */
  readonly error?: WarderError;
  /** Attempts that failed in a row. */
  readonly failures: number;
}

export interface CheckpointerParts extends HeadSources {
  readonly contents: TileContents;
  /** Milliseconds since an arbitrary start. */
  readonly monotonic: () => number;
  /** Resolves after that many milliseconds, or as soon as the signal is aborted; never rejects. */
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** Rest after a checkpoint, while nobody waits for the next, as a multiple of the time it took. */
const REST = 9;
const LONGEST_REST_MS = 250;
/** Witnesses are others' machines: heads nobody waits for are not shown to them more often. */
const LONGEST_REST_WITNESSED_MS = 2_000;
/** Lets the answers of the calls whose leaves woke us leave first. */
const SHORTEST_REST_MS = 1;
const FIRST_BACK_OFF_MS = 100;
const LONGEST_BACK_OFF_MS = 30_000;

interface Waiter {
  readonly index: number;
  readonly resolve: (checkpoint: Checkpoint) => void;
  readonly reject: (error: WarderError) => void;
}

/**
 * Signs the current head as soon as the previous signature is back. There is no fixed window: while
 * somebody waits for a checkpoint it never rests; when nobody does, it rests nine times as long as the last
 * one took, up to a quarter of a second (two seconds where there are witnesses), so that a busy log does not
 * spend its time on heads nobody asked for.
 *
 * Where there are witnesses, a signed head is shown to them before it is published, and the next is signed
 * only after that: what comes meanwhile gathers, and is in the next.
 */
export class Checkpointer {
  readonly #parts: CheckpointerParts;
  readonly #unlisten: () => void;
  #published: Checkpoint | undefined;
  /** Signed, and not seen by enough witnesses yet. */
  #shown: Checkpoint | undefined;
  #waiters: Waiter[] = [];
  #running: Promise<void> | undefined;
  #wake = new AbortController();
  #restUntil = 0;
  #failures = 0;
  #error: WarderError | undefined;
  #closed = false;
  #turn: Promise<unknown> = Promise.resolve();
  readonly #held = new OpenedOnce(() => this.#hold());

  private constructor(parts: CheckpointerParts, { published, shown }: Heads) {
    this.#parts = parts;
    this.#published = published;
    this.#shown = shown;
    this.#unlisten = parts.log.onGrowth(() => this.#kick());
  }

  /**
   * Opens it: re-verifies the published checkpoint and holds the log against it. Signs nothing until
   * {@link Checkpointer.start}.
   *
   * @throws WarderError `verification-failed` when the log is not the one that was signed;
   *   `not-trusted` when other keys signed it.
   */
  static async open(parts: CheckpointerParts): Promise<Checkpointer> {
    return new Checkpointer(parts, await reopenHeads(parts));
  }

  /**
   * Resolves when the log holds everything that the signers remember. Where they were away when it was opened, this
   * was not asked yet.
   *
   * @throws WarderError `unavailable` while they are away; `verification-failed` when it is another log.
   */
  held(): Promise<void> {
    return this.#held.get();
  }

  /** Starts signing; until then leaves only gather. */
  start(): void {
    this.#kick();
  }

  /** The last published checkpoint. */
  get published(): Checkpoint | undefined {
    return this.#published;
  }

  /** The keys, as verifiers are given them. */
  get keys(): TrustedKeys {
    return this.#parts.signers.trusted;
  }

  /** Runs `work` while no head is signed: what it does to the keys no head sees half done. */
  still<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  state(): CheckpointerState {
    const signedSize = this.#published?.size ?? 0;
    const atWork = this.#shown === undefined ? 'signing' : 'cosigning';
    const busy = this.#running === undefined ? 'idle' : atWork;
    return {
      state: this.#closed ? 'closed' : this.#error === undefined ? busy : 'failing',
      signedSize,
      failures: this.#failures,
      ...(this.#error === undefined ? {} : { error: this.#error }),
    };
  }

  /**
   * The published checkpoint that covers leaf `index`, when there is one.
   *
   * @throws WarderError `not-found` when there is no such durable leaf; `unavailable` when an attempt
   *   to sign fails while this waits (signing goes on being tried).
   */
  async covering(index: number): Promise<Checkpoint> {
    if (index >= this.#parts.log.size) {
      throw new WarderError('not-found', `there is no leaf ${index} in the log`);
    }
    if (this.#published !== undefined && this.#published.size > index) return this.#published;
    if (this.#closed) throw closed();
    const { promise, resolve, reject } = Promise.withResolvers<Checkpoint>();
    this.#waiters.push({ index, resolve, reject });
    this.#wake.abort();
    this.#kick();
    return promise;
  }

  /** A checkpoint over everything durable now, be it nothing. */
  async current(): Promise<Checkpoint> {
    return this.covering(this.#parts.log.size - 1);
  }

  /** Ends after the signature under way. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#unlisten();
    this.#wake.abort();
    await this.#parts.witnesses?.close();
    await this.#running;
    for (const waiter of this.#waiters.splice(0)) waiter.reject(closed());
  }

  async #hold(): Promise<void> {
    const last = await this.#parts.memory.last();
    checkLastWhole(this.#parts.log, last);
    checkNotPutBack(last, this.#published);
  }

  #kick(): void {
    if (this.#closed || this.#running !== undefined) return;
    this.#running = this.#run().finally(() => {
      this.#running = undefined;
      // A leaf may have come between the last look and now.
      if (this.#isBehind()) this.#kick();
    });
  }

  #isBehind(): boolean {
    if (this.#closed) return false;
    return this.#waiters.length > 0 || this.#parts.log.size > (this.#published?.size ?? 0);
  }

  async #run(): Promise<void> {
    const { witnesses, monotonic } = this.#parts;
    const longestRest = witnesses === undefined ? LONGEST_REST_MS : LONGEST_REST_WITNESSED_MS;
    while (this.#isBehind()) {
      await this.#rest();
      const started = monotonic();
      try {
        const checkpoint = await this.#next();
        this.#failures = 0;
        this.#error = undefined;
        const ended = monotonic();
        this.#restUntil = ended + Math.min((ended - started) * REST, longestRest);
        this.#answer(checkpoint);
      } catch (thrown) {
        this.#failures += 1;
        this.#error = asWarderError(thrown);
        this.#refuseWaiters(this.#error);
        const backOff = FIRST_BACK_OFF_MS * 2 ** Math.min(this.#failures - 1, 10);
        await this.#pause(Math.min(backOff, LONGEST_BACK_OFF_MS));
      }
    }
  }

  async #rest(): Promise<void> {
    if (this.#waiters.length > 0) return;
    await this.#pause(Math.max(SHORTEST_REST_MS, this.#restUntil - this.#parts.monotonic()));
  }

  /** Until the time is over, somebody waits, or this is closed: who woke it before wakes it no more. */
  async #pause(ms: number): Promise<void> {
    if (this.#closed) return;
    this.#wake = new AbortController();
    await this.#parts.pause(ms, this.#wake.signal);
  }

  async #next(): Promise<Checkpoint> {
    const { log, witnesses } = this.#parts;
    const sign = async (): Promise<Checkpoint> => {
      const head = log.head();
      return { ...head, note: await this.#sign(head) };
    };
    if (witnesses === undefined) return this.still(async () => this.#publish(await sign()));
    witnesses.check();
    this.#shown = (await this.#stillGood(this.#shown)) ?? (await this.still(sign));
    const shown = this.#shown;
    const result = await witnesses.cosign(shown, log);
    if (result.kind === 'cosigned') {
      const checkpoint = await this.#publish({ ...shown, note: result.note });
      this.#shown = undefined;
      return checkpoint;
    }
    this.#shown = result.kind === 'short' ? { ...shown, note: result.note } : undefined;
    if (result.kind === 'short') throw result.error;
    throw new WarderError('unavailable', 'a witness has seen a later head of this log', {
      hint: 'a later one is signed next; ask again',
    });
  }

  /** A head that waits for witnesses, unless its keys count no longer: they may be rotated meanwhile. */
  async #stillGood(shown: Checkpoint | undefined): Promise<Checkpoint | undefined> {
    if (shown === undefined) return undefined;
    try {
      await verifyCheckpoint(shown.note, this.keys);
      return shown;
    } catch {
      return undefined;
    }
  }

  async #publish({ note, ...head }: Checkpoint): Promise<Checkpoint> {
    const { store, directory, contents, witnesses } = this.#parts;
    // Not believed because we made it: published is only what verifies with all its keys and witnesses.
    await verifyCheckpoint(note, this.keys, requirementOf(witnesses));
    await directory.writeUpTo(head.size, contents);
    await store.commit((tx) =>
      tx.put(checkpointTable, CHECKPOINT_TENANT, CHECKPOINT_KEY, { note }),
    );
    await directory.publish(note);
    const before = this.#published;
    this.#published = { ...head, note };
    await directory.prune([before?.size ?? head.size, head.size]);
    return this.#published;
  }

  async #sign(head: Head): Promise<string> {
    const { log, memory, store } = this.#parts;
    const last = await memory.last();
    checkLast(log, last);
    checkNotPutBack(last, this.#published);
    const { proof, shown } = proveGrowth(log, last, head);
    const rotation =
      last.rotation === undefined ? undefined : showRotation(store, log, last.rotation, head.size);
    const evidence = checkpointEvidence(last.size, proof, shown, rotation);
    const text = formatHead(head);
    const payload = encodeUtf8(text);
    const signatures = await Promise.all(
      this.#parts.signers.signersAt(head.size).map(async (signer) => {
        const key = this.keys.find(({ kid }) => kid === signer.key.kid);
        if (key === undefined) throw new WarderError('internal', 'a signer changed its key');
        const signature = await signer.sign({ kind: 'checkpoint', payload, evidence });
        return noteSignature(head.origin, key.raw, signature);
      }),
    );
    return formatNote({ text, signatures });
  }

  #answer(checkpoint: Checkpoint): void {
    const waiting = this.#waiters;
    this.#waiters = waiting.filter(({ index }) => index >= checkpoint.size);
    for (const { index, resolve } of waiting) if (index < checkpoint.size) resolve(checkpoint);
  }

  #refuseWaiters(cause: WarderError): void {
    const error = new WarderError('unavailable', `no checkpoint: ${cause.message}`, {
      hint: cause.hint ?? 'it is tried again; ask again later, or see `warder doctor`',
      cause,
    });
    for (const waiter of this.#waiters.splice(0)) waiter.reject(error);
  }
}

function closed(): WarderError {
  return new WarderError('unavailable', 'the log is closed', {
    hint: 'the daemon is stopping; ask again when it runs',
  });
}
