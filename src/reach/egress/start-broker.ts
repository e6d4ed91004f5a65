// Starts the process that speaks to the network, with as little as it can do with.

import { existsSync } from 'node:fs';
import { Broker } from '../../base/process/broker.ts';
import type { Jail, Jailing } from '../../base/process/jail-plan.ts';

const MAX_ANSWER_HEAD = 256 << 10;
/** A broker that does not stop within this time is stuck. */
const STUCK_MS = 2_000;
const MiB = 1 << 20;

/** What the system's resolver reads. Certificates are in Node itself. */
const RESOLVER_FILES = [
  '/etc/resolv.conf',
  '/etc/hosts',
  '/etc/nsswitch.conf',
  '/etc/host.conf',
  '/etc/gai.conf',
  '/etc/services',
];

export interface BrokerProcess {
  readonly brokerPath: string;
  readonly jail?: Jail | undefined;
  readonly node?: string;
}

/** @param wholeAnswer bytes of an answer given in one piece at most. */
export function startBroker(
  { brokerPath, jail, node }: BrokerProcess,
  wholeAnswer: number,
): Broker {
  return new Broker({
    process: {
      entry: brokerPath,
      env: {},
      // No files but its own, no children, threads or addons: hygiene; the jail is the boundary.
      flags: [
        '--permission',
        '--allow-net',
        `--allow-fs-read=${brokerPath}`,
        '--max-old-space-size=192',
        '--max-semi-space-size=4',
        '--single-threaded-gc',
      ],
      ...(node === undefined ? {} : { node }),
      ...(jail === undefined ? {} : { jail: jailing(jail) }),
    },
    replyHead: MAX_ANSWER_HEAD,
    replyBody: wholeAnswer,
    stuckMs: STUCK_MS,
  });
}

/** The network is the host's, because it is what a broker is for; nothing else is. */
function jailing(jail: Jail): Jailing {
  return {
    jail,
    network: 'host',
    filesystem: { kind: 'minimal', readable: RESOLVER_FILES.filter((path) => existsSync(path)) },
    limits: { dataBytes: 1024 * MiB, openFiles: 1024, processes: 32, fileBytes: 0 },
  };
}
