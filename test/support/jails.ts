// The jails this host can make, for tests that run under each; a host that can make none is told.

import { detectJail } from '../../src/base/process/detect-jail.ts';
import type { Jail, JailKind } from '../../src/base/process/jail-plan.ts';

const KINDS: readonly JailKind[] = ['bubblewrap', 'unshare'];

/** Every way to jail that works here. */
export async function workingJails(): Promise<readonly Jail[]> {
  const reports = await Promise.all(KINDS.map((kind) => detectJail({ kinds: [kind] })));
  return reports.flatMap(({ jail }) => jail ?? []);
}
