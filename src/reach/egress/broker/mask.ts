// Masks the secrets a call has sent in whatever comes back to it, and counts.

import { Redactor } from '../../vault/redactor.ts';
import type { Headers } from '../headers.ts';
import type { Sink } from './decode.ts';

/** Of one call: what one answer was trusted with, a later one may give away. */
export class Mask {
  readonly #values = new Map<string, Uint8Array>();
  #redactor = new Redactor([]);
  /** Of redactors that knew fewer secrets; bodies under way still count in them. */
  readonly #former: Redactor[] = [];
  #told = 0;

  add(value: string): void {
    if (this.#values.has(value)) return;
    this.#values.set(value, Buffer.from(value));
    this.#former.push(this.#redactor);
    this.#redactor = new Redactor([...this.#values.values()]);
  }

  /** Undefined while there is nothing to mask. */
  get inUse(): Mask | undefined {
    return this.#values.size === 0 ? undefined : this;
  }

  headers(headers: Headers): Headers {
    return headers.map(([name, value]) => [this.#redactor.text(name), this.#redactor.text(value)]);
  }

  /** How often something was masked since this was last asked. */
  takeHits(): number {
    const hits = [...this.#former, this.#redactor].reduce((sum, one) => sum + one.hits, 0);
    const fresh = hits - this.#told;
    this.#told = hits;
    return fresh;
  }

  /** Masks a body on its way to `next`. */
  sink(next: Sink): Sink {
    const stream = this.#redactor.stream();
    return {
      push: (chunk) => next.push(stream.push(chunk)),
      end: () => {
        next.push(stream.end());
        next.end();
      },
      fail: (reason) => next.fail(reason),
    };
  }
}
