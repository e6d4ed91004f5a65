// The guest that runs now. The SDK makes its WASI without telling whose it is; one guest runs at a
// time in an executor, so it is kept here.

import { GuestFailure, type GuestHost } from '../engine.ts';

/** Thrown through a guest that called proc_exit or proc_raise. */
export class GuestExit extends GuestFailure {}

let running: GuestHost | undefined;
let exited: GuestExit | undefined;
let atEnd: (() => void) | undefined;

/** Declares `host`'s guest to be the one that runs. */
export function startGuest(host: GuestHost): void {
  running = host;
  exited = undefined;
}

/** No guest runs any more. */
export function endGuest(): void {
  const last = atEnd;
  atEnd = undefined;
  last?.();
  running = undefined;
  exited = undefined;
}

/** Runs `last` when the guest that runs has ended. */
export function whenGuestEnds(last: () => void): void {
  atEnd = last;
}

/** The host of the guest that runs. */
export function currentHost(): GuestHost {
  if (running === undefined) throw new GuestFailure('no guest runs');
  return running;
}

/** Ends the guest that runs; remembered, since a guest can catch what is thrown through it. */
export function exitGuest(reason: string): never {
  exited ??= new GuestExit(reason);
  throw exited;
}

/** How the guest that runs ended itself, if it did. */
export function guestExit(): GuestExit | undefined {
  return exited;
}
