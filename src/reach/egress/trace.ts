// What a request did, as its receipt will say it.

import type { EgressRefusalCode } from './refusal.ts';

export type EgressState = 'refused' | 'not-sent' | 'sent' | 'answered';

/**
 * For the receipt. `refused`: by the rules; `not-sent`: no byte left; `sent`: bytes may have
 * left and no answer came; `answered`: the server answered, even if not all of it was taken.
 */
export interface EgressEffect {
  readonly kind: 'http';
  readonly state: EgressState;
  readonly count: 1;
  /** Method and URL. */
  readonly target: string;
  /** Both ways, as far as they are known. */
  readonly bytes: number;
}

/** How far the hop under way has got. */
export class Trace {
  #state: EgressState = 'refused';
  #target: string;
  #bytes = 0;

  constructor(method: string, url: string) {
    this.#target = shown(method, url);
  }

  /** A new hop begins. */
  restart(method: string, url: string): void {
    this.#state = 'refused';
    this.#target = shown(method, url);
    this.#bytes = 0;
  }

  get state(): EgressState {
    return this.#state;
  }

  reach(state: EgressState): void {
    this.#state = state;
  }

  count(bytes: number): void {
    this.#bytes += bytes;
  }

  effect(): EgressEffect {
    return {
      kind: 'http',
      state: this.#state,
      count: 1,
      target: this.#target,
      bytes: this.#bytes,
    };
  }

  /** The effect of a hop that ended with this code. */
  failed(code: EgressRefusalCode): EgressEffect {
    if (this.#state === 'refused' && code !== 'denied' && code !== 'invalid') {
      this.#state = 'not-sent';
    }
    return this.effect();
  }
}

const SHOWN = 1024;

/** A hostile method and URL, cut to a length a receipt can hold. */
function shown(method: unknown, url: unknown): string {
  return `${String(method).slice(0, 20)} ${String(url)}`.slice(0, SHOWN).toWellFormed();
}
