// The fresh proof behind an operator's commands: who knows the passphrase may change things over that one
// connection for five minutes. There is no token that could be copied.

import { WarderError } from '../../base/errors/errors.ts';
import type { Operations, Streams } from './operations.ts';

/** How long a proof holds, milliseconds. */
const VALID_MS = 5 * 60_000;
/** Wrong answers in a row that cost nothing. */
const FREE_TRIES = 3;
const LONGEST_WAIT_MS = 5 * 60_000;
/** Answers that may wait to be checked. */
const WAITING_MAX = 4;

export type OperationName = keyof Operations | keyof Streams;

/** What only looks. Everything else changes something, whoever adds it. */
const LOOKING: ReadonlySet<OperationName> = new Set<OperationName>([
  'status',
  'doctor',
  'tool.list',
  'tool.show',
  'secret.list',
  'lease.describe',
  'lease.list',
  'lease.show',
  'lease.revocations',
  'approvals.list',
  'approvals.show',
  'approvals.watch',
  'policy.show',
  'policy.check',
  'policy.test',
  'policy.rule',
  'policy.explain',
  'budget.list',
  'trust.list',
  'trust.show',
  'receipts.list',
  'receipts.show',
  'receipts.proof',
  'receipts.checkpoint',
  'receipts.audit',
  'receipts.report',
  'receipts.follow',
  'receipts.export',
  'keys.list',
  'keys.jwks',
]);

/** Whether an operation needs a proof where proofs are asked for. */
export function needsProof(operation: OperationName): boolean {
  return !LOOKING.has(operation);
}

export interface ProofDeskOptions {
  /** Tells whether a text is the operator's passphrase. */
  readonly check: (passphrase: string) => Promise<boolean>;
  /** Milliseconds. */
  readonly monotonic: () => number;
  /** Told of each wrong answer; one that cannot be recorded is refused all the same. */
  readonly refused: () => Promise<void>;
}

/** The proofs of one operator's socket. */
export class ProofDesk {
  readonly #options: ProofDeskOptions;
  /** Until when, by connection. */
  readonly #proven = new WeakMap<object, number>();
  #wrong = 0;
  #waitUntil = 0;
  #waiting = 0;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: ProofDeskOptions) {
    this.#options = options;
  }

  /**
   * Takes an answer for a connection. Answers are checked one at a time.
   *
   * @throws WarderError `proof-required` when it is wrong; `limit-reached` after several wrong ones, until
   *   the wait is over.
   */
  async prove(connection: object, passphrase: string): Promise<{ readonly validSeconds: number }> {
    if (this.#waiting >= WAITING_MAX) throw tooMany(1);
    this.#waiting += 1;
    const mine = this.#turn.then(() => this.#judge(passphrase));
    this.#turn = mine.catch(() => undefined);
    try {
      await mine;
    } finally {
      this.#waiting -= 1;
    }
    this.#proven.set(connection, this.#options.monotonic() + VALID_MS);
    return { validSeconds: VALID_MS / 1000 };
  }

  /**
   * Lets an operation pass.
   *
   * @throws WarderError `proof-required` when it changes something and the connection has no fresh proof.
   */
  demand(connection: object, operation: OperationName): void {
    if (!needsProof(operation)) return;
    if (this.#options.monotonic() < (this.#proven.get(connection) ?? -Infinity)) return;
    throw new WarderError('proof-required', `\`${operation}\` needs the operator's passphrase`, {
      hint: 'type it when the command asks, or hand it over with `--proof fd:N`',
    });
  }

  async #judge(passphrase: string): Promise<void> {
    const { check, monotonic, refused } = this.#options;
    const left = this.#waitUntil - monotonic();
    if (left > 0) throw tooMany(left / 1000);
    if (await check(passphrase)) {
      this.#wrong = 0;
      return;
    }
    this.#wrong += 1;
    const over = this.#wrong - FREE_TRIES;
    if (over >= 0) {
      this.#waitUntil = monotonic() + Math.min(1000 * 2 ** Math.min(over, 20), LONGEST_WAIT_MS);
    }
    await refused();
    throw new WarderError('proof-required', 'that is not the passphrase of this operator', {
      hint: 'as root: `warder setup --separated --new-passphrase NAME` sets another',
    });
  }
}

function tooMany(seconds: number): WarderError {
  const wait = Math.ceil(seconds);
  return new WarderError('limit-reached', 'too many wrong passphrases', {
    hint: `try again in ${wait} s; the wrong ones are on the receipts`,
    data: { retryAfterSeconds: wait },
  });
}
