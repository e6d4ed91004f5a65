// The jails this host can make, for tests that run under each; a host that can make none is told.

import { detectJail } from '../../src/base/process/detect-jail.ts';
import { type Jail, jailKinds } from '../../src/base/process/jail-plan.ts';

/** Every way to jail that works here. */
export async function workingJails(): Promise<readonly Jail[]> {
  const reports = await Promise.all(jailKinds.map((kind) => detectJail({ kinds: [kind] })));
  return reports.flatMap(({ jail }) => jail ?? []);
}
