// Bounds how many calls are worked on, in all and of each tool, and how many wait.

import { WarderError } from '../base/errors/errors.ts';
import type { Installation } from '../catalog/installation.ts';
import { type Comer, type Room, WaitingLine } from './waiting-line.ts';

/** The part of the places that the waiting calls of one tool may take from all the others. */
const LARGEST_LINE = 1 / 4;

/** Lets calls in: `concurrent` of all, of each tool as many as its grant says; others queue. */
export class Turnstile {
  readonly #room: Room;
  readonly #line = new WaitingLine();
  readonly #tools = new Map<string, WaitingLine>();
  readonly #longestLine: number;
  #served = 0;

  /** @param waiting how many may queue; those that come when the line is full are refused. */
  constructor(concurrent: number, waiting: number) {
    this.#room = { places: concurrent, waiting, full: tooManyWait };
    this.#longestLine = Math.max(1, Math.floor(concurrent * LARGEST_LINE));
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
   * A place among the calls of one installation, for calls that are inside.
   *
   * @returns how to give it back, and whether it had to wait.
   * @throws WarderError as {@link enter}.
   */
  async enterTool(
    tenant: string,
    { id, name, grant }: Installation,
    comer: Comer,
  ): Promise<{ readonly leave: () => void; readonly waited: boolean }> {
    const key = `${tenant}/${id}`;
    const line = this.#tools.get(key) ?? new WaitingLine();
    this.#tools.set(key, line);
    const places = grant.limits.concurrentCalls;
    const room = { places, waiting: this.#longestLine, full: () => tooManyWaitFor(name) };
    const leave = (): void => {
      line.leave();
      this.#forgetIfEmpty(key, line);
    };
    try {
      if (line.tryEnter(comer, room)) return { leave, waited: false };
      await line.wait(comer, room);
      return { leave, waited: true };
    } catch (error) {
      this.#forgetIfEmpty(key, line);
      throw error;
    }
  }

  #forgetIfEmpty(key: string, line: WaitingLine): void {
    if (line.empty && this.#tools.get(key) === line) this.#tools.delete(key);
  }
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
  #leaveTool: (() => void) | undefined;

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

  /** @returns whether it had to wait. Throws as {@link Turnstile.enterTool}. */
  async seated(tenant: string, installation: Installation): Promise<boolean> {
    const { leave, waited } = await this.#turnstile.enterTool(tenant, installation, this.#comer);
    this.#leaveTool = leave;
    return waited;
  }

  [Symbol.dispose](): void {
    this.#leaveTool?.();
    if (this.#inside) this.#turnstile.leave();
    this.#leaveTool = undefined;
    this.#inside = false;
  }
}
