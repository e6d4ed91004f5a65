// Files on a guest's behalf. The daemon decides; a broker process without keys, one for each grant,
// touches the disk, and can be ended when the disk does not answer.

import { randomBytes } from 'node:crypto';
import { type Clock, systemClock } from '../../base/clock/clock.ts';
import { WarderError } from '../../base/errors/errors.ts';
import { Brokers } from '../../base/process/brokers.ts';
import { assertPermit, type Permit } from '../../decide/policy/permit.ts';
import { filesLimits } from './broker/call-files.ts';
import { canWalk } from './broker/descriptor-walk.ts';
import type { FileRequest, FilesEffect, FileValue } from './messages.ts';
import { OwnTree } from './own-tree.ts';
import type { FilesFault, FilesRefusalCode } from './refusal.ts';
import { GuestFilesSession } from './session.ts';
import { type FilesProcess, startBroker } from './start-broker.ts';

export type { FileRequest, FilesEffect } from './messages.ts';

/** The file operations of running guests. */
export interface Files {
  /**
   * What one running call may do. Costs nothing until it is used.
   *
   * @param record told of each operation that is worth a receipt.
   * @throws TypeError when `permit` is not a permit of this process.
   */
  open(permit: Permit, record: (effect: FilesEffect) => void): FilesSession;
  /** Starts what the first operation would otherwise wait for. */
  warm(): void;
  /** Brokers in use. */
  processes(): Promise<readonly { readonly pid: number }[]>;
  /** Ends every broker. */
  close(): Promise<void>;
}

/** One call's files. */
export interface FilesSession {
  /** Does one operation. Never rejects for a guest's fault, or for a broker that died of it. */
  serve(
    request: FileRequest | { readonly op: 'file-roots' },
    signal: AbortSignal,
  ): Promise<FilesReply>;
  /** Changes not answered yet, as a receipt would have to tell them now. */
  underWay(): readonly FilesEffect[];
  /** What is still open is dropped: what was not put in place is gone. Nothing is served any more. */
  close(): void;
}

export type FilesReply =
  | {
      readonly ok: true;
      readonly value: FileValue | { readonly roots: readonly string[] };
      readonly bytes?: Uint8Array;
    }
  | {
      readonly ok: false;
      readonly code: FilesRefusalCode;
      readonly message: string;
      readonly fault?: FilesFault;
    };

export interface FilesOptions extends FilesProcess {
  readonly clock?: Clock;
  /** Brokers at most, and milliseconds one may idle. */
  readonly brokers?: { readonly most: number; readonly idleMs: number };
}

const DEFAULT_BROKERS = { most: 32, idleMs: 60_000 };

/** @throws WarderError `unavailable` where descriptors cannot be walked: not Linux, or no /proc. */
export function createFiles(options: FilesOptions): Files {
  if (!canWalk()) {
    throw new WarderError('unavailable', 'files cannot be opened safely on this system', {
      hint: 'run warder on Linux with /proc mounted',
    });
  }
  const { clock = systemClock } = options;
  const own = new OwnTree({ denied: options.deny, secret: options.hidden ?? options.deny }, () =>
    clock.monotonic(),
  );
  const makers = new WeakMap<object, string>();
  const brokers = new Brokers({
    start: () => {
      const maker = randomBytes(16).toString('hex');
      const broker = startBroker(options, maker, filesLimits.readBytes);
      makers.set(broker, maker);
      return broker;
    },
    clock,
    ...(options.brokers ?? DEFAULT_BROKERS),
  });
  const shared = {
    brokers,
    own,
    clock,
    makerOf: makers,
    told: new WeakMap(),
    dead: new Set<string>(),
  };
  return {
    open: (permit, record) => {
      assertPermit(permit);
      return new GuestFilesSession(shared, permit, record);
    },
    warm: () => brokers.warm(),
    processes: () => brokers.list(),
    close: () => brokers.close(),
  };
}
