// Bounds how many calls are worked on, in all and of each tool, and how many wait.

import { WarderError } from '../base/errors/errors.ts';
import type { Installation } from '../catalog/installation.ts';
import { type Comer, type Room, WaitingLine } from './waiting-line.ts';

/** The part of the line that calls of one tool may fill. */
const LARGEST_LINE = 1 / 2;

/** Lets calls in: `concurrent` of all, of each tool as many as its grant says; others queue. */
export class Turnstile {
  readonly #room: Room;
  readonly #line = new WaitingLine();
  readonly #tools = new Map<string, WaitingLine>();
  readonly #longestLine: number;
  /** Calls that wait for a seat at a tool. */
  #aside = 0;
  #served = 0;

  /** @param waiting how many may queue; those that come when the line is full are refused. */
  constructor(concurrent: number, waiting: number) {
    this.#room = { places: concurrent, waiting, full: tooManyWait };
    this.#longestLine = Math.ceil(waiting * LARGEST_LINE);
  }

  /** Calls inside now. */
  get running(): number {
    return this.#line.inside;
  }

  /** Calls that ended. */
  get served(): number {
    return this.#served;
  }

  /**
   * @returns whether it had to wait.
   * @throws WarderError `limit-reached` when the line is full, `cancelled` when aborted while waiting.
   */
  async enter(comer: Comer): Promise<boolean> {
    if (this.#line.tryEnter(comer, this.#room)) return false;
    await this.#line.wait(comer, this.#room);
    return true;
  }

  leave(): void {
    this.#served += 1;
    this.#line.leave();
  }

  /**
   * A seat among the calls of one installation, for a call that is inside, if there is one now.
   *
   * @throws WarderError `cancelled` when it was withdrawn.
   */
  trySeat(tenant: string, installation: Installation, comer: Comer): Seat | undefined {
    const key = keyOf(tenant, installation);
    const line = this.#tools.get(key) ?? new WaitingLine();
    if (!line.tryEnter(comer, this.#roomAt(installation))) return undefined;
    this.#tools.set(key, line);
    return { leave: () => this.#leaveSeat(key, line) };
  }

  /**
   * Waits for a seat, outside: who waits for a slow tool keeps no other call from its place.
   *
   * @throws WarderError as {@link enter}; it is outside then.
   */
  async waitForSeat(tenant: string, installation: Installation, comer: Comer): Promise<Seat> {
    this.#line.leave();
    if (this.#aside >= this.#room.waiting) throw tooManyWait();
    const key = keyOf(tenant, installation);
    const line = this.#tools.get(key) ?? new WaitingLine();
    this.#tools.set(key, line);
    this.#aside += 1;
    try {
      await line.wait(comer, this.#roomAt(installation));
    } finally {
      this.#aside -= 1;
      this.#forgetIfEmpty(key, line);
    }
    return { leave: () => this.#leaveSeat(key, line) };
  }

  #roomAt({ name, grant }: Installation): Room {
    const places = grant.limits.concurrentCalls;
    return { places, waiting: this.#longestLine, full: () => tooManyWaitFor(name) };
  }

  #leaveSeat(key: string, line: WaitingLine): void {
    line.leave();
    this.#forgetIfEmpty(key, line);
  }

  #forgetIfEmpty(key: string, line: WaitingLine): void {
    if (line.empty && this.#tools.get(key) === line) this.#tools.delete(key);
  }
}

/** A place among the calls of one installation. */
export interface Seat {
  leave(): void;
}

function keyOf(tenant: string, { id }: Installation): string {
  return `${tenant}/${id}`;
}

function tooManyWait(): WarderError {
  return new WarderError('limit-reached', 'too many calls wait already', {
    hint: 'try again later; the operator sets `limits.waitingCalls` in config.json',
  });
}

function tooManyWaitFor(name: string): WarderError {
  return new WarderError('limit-reached', `too many calls of \`${name}\` wait already`, {
    hint: `try again later; \`warder tool grant ${name} --max-concurrent N\` lets more run at once`,
  });
}

/** One call's passage; leaves by itself at the end of its scope what it was let into. */
export class Ticket implements Disposable {
  readonly #turnstile: Turnstile;
  readonly #comer: Comer;
  #inside = false;
  #seat: Seat | undefined;

  constructor(turnstile: Turnstile, comer: Comer) {
    this.#turnstile = turnstile;
    this.#comer = comer;
  }

  /** @returns whether it had to wait. Throws as {@link Turnstile.enter}. */
  async admitted(): Promise<boolean> {
    const waited = await this.#turnstile.enter(this.#comer);
    this.#inside = true;
    return waited;
  }

  /**
   * Of a call that was admitted.
   *
   * @returns whether it had to wait. Throws as {@link Turnstile.waitForSeat}.
   */
  async seated(tenant: string, installation: Installation): Promise<boolean> {
    this.#seat = this.#turnstile.trySeat(tenant, installation, this.#comer);
    if (this.#seat !== undefined) return false;
    this.#inside = false;
    this.#seat = await this.#turnstile.waitForSeat(tenant, installation, this.#comer);
    await this.admitted();
    return true;
  }

  [Symbol.dispose](): void {
    this.#seat?.leave();
    if (this.#inside) this.#turnstile.leave();
    this.#seat = undefined;
    this.#inside = false;
  }
}
