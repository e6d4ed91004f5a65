// The leases a signer signed and has not seen proven in a head of the log since. Durable before a signature.

import { closeSync, fdatasyncSync, openSync, renameSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { decodeHex, encodeHex } from '../../base/encoding/hex.ts';
import { sameBytes, sha256Text } from '../../base/encoding/sha256.ts';
import { WarderError } from '../../base/errors/errors.ts';
import { createDurably } from './durable-file.ts';
import type { PlacedLeaf } from './leaf-set.ts';

/** A lease's leaf as remembered. */
export interface RememberedLease extends PlacedLeaf {
  /** Size of the last head when its signature was asked for. */
  readonly since: number;
}

/** More leases than this are not signed ahead of the heads that prove them. */
export const UNPROVEN_MAX = 4096;
/** Leases in it that were proven meanwhile, before the file is written anew. */
const STALE_MAX = 1024;
/** Longest file looked at; far more than can be written. */
const BYTES_MAX = 4 * 1024 * 1024;
const LEASE = /^(0|[1-9]\d{0,15}) (0|[1-9]\d{0,15}) ([0-9a-f]{64})$/;

const header = (origin: string): string => `warder-signer-leases 1 ${origin}`;

/** One line for all that is synced at once, with its digest: it is whole, or it is seen that it is not. */
function formatLine(leases: readonly RememberedLease[]): string {
  const text = leases
    .map(({ since, index, hash }) => `${since} ${index} ${encodeHex(hash)}`)
    .join(',');
  return `${text} ${sha256Text(text, 'hex')}\n`;
}

/** Undefined for a line that is not whole. */
function parseLine(line: string): readonly RememberedLease[] | undefined {
  const at = line.lastIndexOf(' ');
  const text = line.slice(0, Math.max(0, at));
  if (sha256Text(text, 'hex') !== line.slice(at + 1)) return undefined;
  return text.split(',').map((each) => {
    const [, since = '', index = '', hash = ''] = LEASE.exec(each) ?? [];
    if (hash === '') throw new TypeError(`\`${each.slice(0, 100)}\``);
    return { index: Number(index), hash: decodeHex(hash), since: Number(since) };
  });
}

/** Makes the file of a new log; one that exists stays. */
export async function createLeaseMemory(path: string, origin: string): Promise<void> {
  await createDurably(path, `${header(origin)}\n`);
}

interface Waiting {
  readonly lease: RememberedLease;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * One file, appended to; whoever asks in the same turn of the event loop shares a sync. It is written as the
 * store is, in between: handing a few bytes to another thread takes longer than the disk.
 */
export class LeaseMemory {
  readonly #path: string;
  readonly #origin: string;
  readonly #leases: Map<number, RememberedLease>;
  /** Opened, and the file written anew, before the first line of this process. */
  #file: number | undefined;
  #waiting: Waiting[] = [];
  /** Leases in the file that say nothing any more. */
  #stale = 0;
  #closed = false;

  private constructor(path: string, origin: string, leases: Map<number, RememberedLease>) {
    this.#path = path;
    this.#origin = origin;
    this.#leases = leases;
  }

  /**
   * Reads what is remembered.
   *
   * @throws WarderError `unavailable` when it is missing, which never means that there are none, or damaged.
   */
  static async open(path: string, origin: string): Promise<LeaseMemory> {
    const leases = new Map<number, RememberedLease>();
    try {
      const bytes = await readFile(path);
      if (bytes.length > BYTES_MAX) throw new TypeError('too long');
      const lines = bytes.toString('latin1').split('\n');
      if (lines.shift() !== header(origin)) throw new TypeError('another log');
      // A line is synced before the next is begun, so a power cut tears only the last, which was not answered
      // for: its end is missing, or a part that never came to the disk is zeros.
      const unended = lines.pop() ?? '';
      if (unended === '' && lines.at(-1)?.includes('\0') === true) lines.pop();
      for (const [at, line] of lines.entries()) {
        const found = parseLine(line);
        if (found === undefined) throw new TypeError(`line ${at + 2}`);
        for (const lease of found) leases.set(lease.index, lease);
      }
      return new LeaseMemory(path, origin, leases);
    } catch (cause) {
      throw unusable(path, cause);
    }
  }

  /** In the order of their leaves. */
  get unproven(): readonly RememberedLease[] {
    return [...this.#leases.values()].toSorted((one, other) => one.index - other.index);
  }

  /**
   * Remembers a lease whose signature is asked for; the same leaf again changes nothing.
   *
   * @returns durable when it resolves.
   * @throws WarderError `not-trusted` when another leaf was shown for this place; `unavailable` when there
   *   are too many, or it cannot be written.
   */
  async remember(lease: RememberedLease): Promise<void> {
    const { index, hash } = lease;
    const before = this.#leases.get(index);
    if (before !== undefined && !sameBytes(before.hash, hash)) {
      throw new WarderError('not-trusted', `another lease was said to be leaf ${index}`, {
        hint: 'a log has one leaf in each place: do not ask for a second history',
      });
    }
    if (before === undefined && this.#leases.size >= UNPROVEN_MAX) {
      throw new WarderError('unavailable', `${UNPROVEN_MAX} leases wait to be proven in the log`, {
        hint: 'it goes on once a checkpoint is signed; see `warder doctor`',
      });
    }
    if (before === undefined) this.#leases.set(index, lease);
    // Whoever comes a second time may come before the first is durable; since when it waits stays.
    await this.#append(before ?? lease);
    if (before !== undefined) this.#stale += 1;
  }

  /** Forgets leases that a head was shown to hold. Nobody needs this to be durable. */
  forget(leases: readonly PlacedLeaf[]): void {
    for (const { index } of leases) if (this.#leases.delete(index)) this.#stale += 1;
  }

  close(): void {
    this.#flush();
    this.#closed = true;
    this.#closeFile();
  }

  #append(lease: RememberedLease): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.push({ lease, resolve, reject });
    // Not at once: who asks in the same turn goes along.
    if (this.#waiting.length === 1) queueMicrotask(() => this.#flush());
    return promise;
  }

  #flush(): void {
    const waiting = this.#waiting.splice(0);
    if (waiting.length === 0) return;
    try {
      if (this.#closed) throw new TypeError('it is closed');
      if (this.#stale >= STALE_MAX) this.#closeFile();
      this.#file ??= this.#rewrite();
      writeFileSync(this.#file, formatLine(waiting.map(({ lease }) => lease)));
      fdatasyncSync(this.#file);
    } catch (cause) {
      // Half a line may stand there now: the file is written anew before the next.
      try {
        this.#closeFile();
      } catch {
        // A disk that failed may fail here, too: it is not written to again either way.
      }
      for (const { reject } of waiting) reject(unusable(this.#path, cause));
      return;
    }
    for (const { resolve } of waiting) resolve();
  }

  #closeFile(): void {
    const file = this.#file;
    this.#file = undefined;
    if (file !== undefined) closeSync(file);
  }

  /** Leaves out what says nothing any more, and the half of a line that a power cut left. */
  #rewrite(): number {
    const { unproven } = this;
    const beside = `${this.#path}.new`;
    const text = `${header(this.#origin)}\n${unproven.length === 0 ? '' : formatLine(unproven)}`;
    writeFileSync(beside, text, { mode: 0o600, flush: true });
    renameSync(beside, this.#path);
    const directory = openSync(dirname(this.#path), 'r');
    try {
      fdatasyncSync(directory);
    } finally {
      closeSync(directory);
    }
    this.#stale = 0;
    return openSync(this.#path, 'a', 0o600);
  }
}

function unusable(path: string, cause: unknown): WarderError {
  return new WarderError('unavailable', `the signer's memory \`${path}\` cannot be used`, {
    cause,
    hint: 'restore it from a backup; without it no lease and no checkpoint is signed',
  });
}
