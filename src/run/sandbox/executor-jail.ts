// What an executor may take of the host: nothing but memory and time, both bounded.

import type { JailPlan } from '../../base/process/jail-plan.ts';

/** JavaScript heap of an executor. Guest memory and compiled code are outside of it. */
export const OLD_SPACE_MIB = 128;
/** Most memory any guest may ever have, in 64 KiB pages: 1 GiB. A load lowers it. */
export const MAX_PAGES = 16_384;

const MiB = 1024 * 1024;
/**
 * What an executor takes besides its heap and one guest: Node itself with what it reserves and never
 * touches (some 600 MiB), frames, compiled code, and what ended guests left (executor/litter.ts).
 */
const SLACK_BYTES = 1024 * MiB;
/** Nothing of the host but Node and the bundle; nothing to write, nobody to talk to. */
export const executorJail: JailPlan = {
  network: 'none',
  filesystem: { kind: 'minimal', readable: [] },
  limits: {
    dataBytes: OLD_SPACE_MIB * MiB + MAX_PAGES * 65_536 + SLACK_BYTES,
    openFiles: 48,
    processes: 24,
    fileBytes: 0,
  },
};
