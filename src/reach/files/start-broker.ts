// Starts the process that touches files, with no network and nothing of warder's own in sight.

import { existsSync } from 'node:fs';
import { Broker } from '../../base/process/broker.ts';
import type { Jail, Jailing } from '../../base/process/jail-plan.ts';

/** A listing of 10,000 long names. */
const MAX_ANSWER_HEAD = 16 << 20;
/** A broker that does not answer an abandoned request within this time hangs in the system. */
const STUCK_MS = 50;
const MiB = 1 << 20;

export interface FilesProcess {
  readonly brokerPath: string;
  /** Directories and files of warder's own. */
  readonly deny: readonly string[];
  /**
   * Those of them that hold secrets; all of them when absent. Jailed brokers do not even see them (they
   * have to see what they run).
   */
  readonly hidden?: readonly string[];
  /** How directories are reached; the best way there is when absent. */
  readonly way?: 'openat2' | 'walk';
  readonly jail?: Jail | undefined;
  readonly node?: string;
}

/**
 * @param maker its id, 32 hex digits.
 * @param readBytes bytes of one answer at most.
 */
export function startBroker(options: FilesProcess, maker: string, readBytes: number): Broker {
  const { brokerPath, jail, node } = options;
  return new Broker({
    process: {
      entry: brokerPath,
      args: [maker, ...(options.way === undefined ? [] : [options.way])],
      env: {},
      flags: [
        '--max-old-space-size=128',
        '--max-semi-space-size=2',
        '--single-threaded-gc',
        '--disallow-code-generation-from-strings',
      ],
      ...(node === undefined ? {} : { node }),
      ...(jail === undefined ? {} : { jail: jailing(jail, options) }),
    },
    replyHead: MAX_ANSWER_HEAD,
    replyBody: readBytes,
    stuckMs: STUCK_MS,
  });
}

/** The files are the host's, because they are what a broker is for; but what is denied is not there. */
function jailing(jail: Jail, { hidden = [] }: FilesProcess): Jailing {
  return {
    jail,
    network: 'none',
    filesystem: { kind: 'host', hidden: hidden.filter((path) => existsSync(path)) },
    limits: { dataBytes: 1024 * MiB, openFiles: 1024, processes: 32 },
  };
}
