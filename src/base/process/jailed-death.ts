// The death of a jail: its init is ended by name, and everything in it is gone before that is told.

import { setTimeout as pause } from 'node:timers/promises';
import { childrenOf, isRunning, type SeenProcess, seenProcess } from './process-tree.ts';

const FIRST_PAUSE_MS = 1;
const LONGEST_PAUSE_MS = 50;

/** The processes of one jail as the host sees them; `outer` is our own child. */
export class JailedProcesses {
  readonly #outer: number;
  #init: SeenProcess | undefined;

  constructor(outer: number) {
    this.#outer = outer;
  }

  /** The number of the process inside, once it runs; of the outermost one before and after. */
  get inner(): number {
    const init = this.#findInit();
    return (init === undefined ? undefined : childrenOf(init.pid)[0]) ?? this.#outer;
  }

  /**
   * SIGKILL to init: the kernel ends everything below it and only then lets `outer` see it dead.
   * False when there is no init, for the jail is being made, or is gone.
   */
  kill(): boolean {
    const init = this.#findInit();
    if (init === undefined) return false;
    return shoot(init);
  }

  /** Resolves once init is gone, whatever became of `outer`. */
  async gone(): Promise<void> {
    const init = this.#init;
    if (init === undefined) return;
    for (let ms = FIRST_PAUSE_MS; isRunning(init); ms = Math.min(2 * ms, LONGEST_PAUSE_MS)) {
      shoot(init);
      await pause(ms);
    }
  }

  #findInit(): SeenProcess | undefined {
    if (this.#init !== undefined && isRunning(this.#init)) return this.#init;
    const [pid] = childrenOf(this.#outer);
    const init = pid === undefined ? undefined : seenProcess(pid);
    if (init !== undefined) this.#init = init;
    return init;
  }
}

function shoot({ pid }: SeenProcess): boolean {
  try {
    return process.kill(pid, 'SIGKILL');
  } catch {
    return false;
  }
}
