// What an interop run counts: what held, what did not, and what could not be tried here.

export class Tally {
  #passed = 0;
  #failed = 0;
  #leftOut = 0;

  report(good: boolean, what: string): void {
    if (good) this.#passed += 1;
    else this.#failed += 1;
    console.log(`${good ? 'ok' : 'FAILED'}  ${what}`);
  }

  leaveOut(what: string): void {
    this.#leftOut += 1;
    console.log(`left out  ${what}`);
  }

  /** Says the sum; the process ends with 1 when anything failed. */
  end(): void {
    console.log(`${this.#passed} passed, ${this.#failed} failed, ${this.#leftOut} left out`);
    process.exitCode = this.#failed === 0 ? 0 : 1;
  }
}
