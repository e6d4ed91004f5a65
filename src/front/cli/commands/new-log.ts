// `warder receipts new-log`: an operator ends a log whose leaves are lost. Needs no daemon, and none may run.

import type { Command } from 'commander';
import { WarderError } from '../../../base/errors/errors.ts';
import type { Run } from '../program.ts';

/** Adds the command to `receipts`. */
export function addNewLogCommand(receipts: Command, run: Run): void {
  receipts
    .command('new-log')
    .requiredOption(
      '--reason <text>',
      'why leaves are lost; stands in the first leaf of the new log',
    )
    .description('archive a log whose leaves are lost, and begin another; ends every lease')
    .action(({ reason }: { reason: string }) =>
      run(async ({ home, out, operatorIfRunning }) => {
        if ((await operatorIfRunning()) !== undefined) {
          throw new WarderError('conflict', 'the daemon runs: its log can be opened', {
            hint: '`new-log` is for a log that cannot be opened because leaves are lost',
          });
        }
        const { beginNewLog } = await import('../../daemon/new-log.ts');
        const { systemClock } = await import('../../../base/clock/clock.ts');
        const begun = await beginNewLog(home, { reason, now: systemClock.wall() });
        const { before, kept, lost, forked, origin, archive } = begun;
        out.result(begun, [
          `begun: ${origin}`,
          `  its first leaf names the head of ${before.size} leaves of ${before.origin}`,
          `  ${lost} of them are lost, ${kept} are in ${archive}`,
          ...(forked ? ['  and those are not the leaves that were signed'] : []),
          '  leases issued before have ended; give verifiers the new `warder keys jwks`',
        ]);
      }),
    );
}
