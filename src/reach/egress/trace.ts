// What a request did, as its receipt will say it.

import type { NetBudget } from './net-budget.ts';
import type { EgressRefusalCode } from './refusal.ts';

/**
 * For the receipt. `refused`: by the rules; `not-sent`: no byte left; `sent`: bytes may have
 * left and no answer came; `answered`: the server answered, even if not all of it was taken.
 */
export interface EgressEffect {
  readonly kind: 'http';
  readonly state: 'refused' | 'not-sent' | 'sent' | 'answered';
  readonly count: 1;
  /** Method and URL. */
  readonly target: string;
  /** Taken from the budget. */
  readonly bytes: number;
}

/** How far the hop under way has got. */
export class Trace {
  readonly #budget: NetBudget;
  #state: EgressEffect['state'] = 'refused';
  #target: string;
  #before: number;

  constructor(method: string, url: string, budget: NetBudget) {
    this.#budget = budget;
    this.#target = shown(method, url);
    this.#before = budget.remaining;
  }

  /** A new hop begins. */
  restart(method: string, url: string): void {
    this.#state = 'refused';
    this.#target = shown(method, url);
    this.#before = this.#budget.remaining;
  }

  reach(state: 'sent' | 'answered'): void {
    this.#state = state;
  }

  effect(): EgressEffect {
    const bytes = this.#before - this.#budget.remaining;
    return { kind: 'http', state: this.#state, count: 1, target: this.#target, bytes };
  }

  /** The effect of a hop that ended with this code. */
  failed(code: EgressRefusalCode): EgressEffect {
    if (this.#state === 'refused' && code !== 'denied' && code !== 'invalid') {
      this.#state = 'not-sent';
    }
    return this.effect();
  }
}

/** A hostile method and URL, cut to a length a receipt can hold. */
function shown(method: unknown, url: unknown): string {
  return `${String(method).slice(0, 20)} ${String(url).slice(0, 1024)}`.toWellFormed();
}
