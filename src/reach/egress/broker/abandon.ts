// Tells a request that nobody waits for it any more. An AbortSignal costs more than the rest of its way.

export class Abandon {
  #happened = false;
  /** Called when it happens. */
  on: (() => void) | undefined;

  get happened(): boolean {
    return this.#happened;
  }

  now(): void {
    this.#happened = true;
    this.on?.();
  }
}
