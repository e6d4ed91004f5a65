// The guest that runs now. The SDK makes its WASI without telling whose it is; one guest runs at a
// time in an executor, so it is kept here.

import { GuestFailure, type GuestHost } from '../engine.ts';
import { FileTree } from '../files/file-tree.ts';
import { GuestClocks } from '../guest-clocks.ts';
import { loggedStdio, type Stdio } from '../stdio.ts';
import { Descriptors } from './descriptors.ts';
import { GuestMemory } from './guest-memory.ts';

/** Thrown through a guest that called proc_exit or proc_raise. */
export class GuestExit extends GuestFailure {
  /** Of proc_exit; undefined for a signal. */
  readonly code: number | undefined;

  constructor(message: string, code?: number) {
    super(message);
    this.code = code;
  }
}

/** What one guest has besides its memory. */
export interface Guest {
  readonly host: GuestHost;
  readonly stdio: Stdio;
  readonly clocks: GuestClocks;
  /** Known once it is instantiated. */
  memory: GuestMemory | undefined;
  /** Made when it first asks for one: most tools open nothing. */
  descriptors: Descriptors | undefined;
  /** How it ended itself, or was ended; it can catch what is thrown through it. */
  ended: GuestFailure | undefined;
}

let running: Guest | undefined;

/** Declares `host`'s guest to be the one that runs. */
export function startGuest(host: GuestHost, stdio: Stdio = loggedStdio(host)): void {
  running = {
    host,
    stdio,
    clocks: new GuestClocks(host),
    memory: undefined,
    descriptors: undefined,
    ended: undefined,
  };
}

/** Takes the memory of the guest that runs. */
export function bindMemory(exports: Readonly<Record<string, unknown>>): void {
  const { memory } = exports;
  const isMemory = typeof memory === 'object' && memory !== null && 'buffer' in memory;
  current().memory = isMemory ? new GuestMemory(memory as { buffer: ArrayBuffer }) : undefined;
}

/**
 * The guest that runs has ended well: what it left open is put in place.
 *
 * @throws GuestFailure when something it wrote is lost.
 */
export function settleGuest(): void {
  try {
    running?.descriptors?.tree.finish();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : 'the host failed';
    throw new GuestFailure(`a file the tool left open could not be written: ${why}`, { cause });
  }
}

/** No guest runs any more. */
export function endGuest(): void {
  const last = running;
  running = undefined;
  last?.stdio.end();
}

/** The guest that runs. */
export function current(): Guest {
  if (running === undefined) throw new GuestFailure('no guest runs');
  return running;
}

/** Ends the guest that runs; remembered, since a guest can catch what is thrown through it. */
export function endWith(failure: GuestFailure): never {
  const guest = current();
  guest.ended ??= failure;
  throw guest.ended;
}

/** How the guest that runs ended itself, if it did. */
export function guestExit(): GuestFailure | undefined {
  return running?.ended;
}

/** Memory of the guest that runs. */
export function memory(): GuestMemory {
  return current().memory ?? endWith(new GuestFailure('trap: a WASI call without a memory'));
}

/** Descriptors of the guest that runs. */
export function descriptors(): Descriptors {
  const guest = current();
  guest.descriptors ??= new Descriptors(guest.stdio, new FileTree(guest.host));
  return guest.descriptors;
}
