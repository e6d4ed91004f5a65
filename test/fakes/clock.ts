// A clock that stands still until it is moved.

import type { Clock } from '../../src/base/clock/clock.ts';
import { NOW } from '../support/decision.ts';

export class FakeClock implements Clock {
  #wall: number;
  #monotonic = 0;

  constructor(wall: number = NOW) {
    this.#wall = wall;
  }

  wall(): number {
    return this.#wall;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  /** Both clocks go on. */
  advance(ms: number): void {
    this.#wall += ms;
    this.#monotonic += ms;
  }

  /** Somebody sets the wall clock. */
  set(wall: number): void {
    this.#wall = wall;
  }
}
