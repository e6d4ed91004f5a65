// `warder lease`: leases the daemon knows, and ending them.

import type { Command } from 'commander';
import type { LeaseSummary } from '../../console/operations.ts';
import { plain, table } from '../output.ts';
import type { Run } from '../program.ts';
import { addLeaseDeskCommands } from './lease-desk.ts';
import { addOfflineLeaseCommands } from './lease-offline.ts';
import { addRevocationCommands } from './lease-revoke.ts';

/** Adds `lease describe|list|show|revoke` and what needs no daemon. */
export function addLeaseCommands(program: Command, run: Run): void {
  const lease = program.command('lease').description('what agents may do, and for how long');
  lease
    .command('describe')
    .option('--agent <name>', 'which agent', 'default')
    .description('what the leases of an agent may say at most')
    .action((options: { agent: string }) =>
      run(async ({ operator, out }) => {
        const ceiling = await (await operator()).call('lease.describe', { agent: options.agent });
        out.result(ceiling, [
          `agent      ${ceiling.agent}`,
          `principal  ${plain(ceiling.principal)} (tenant ${ceiling.tenant})`,
          `bound to   its ${ceiling.holder}, for ${ceiling.ttlSeconds} s at a time`,
          `covers     ${ceiling.tools.length === 0 ? 'no installed tool' : ceiling.tools.join(' ')}`,
          'may',
          ...ceiling.capabilities.map((capability) => `  ${plain(JSON.stringify(capability))}`),
        ]);
      }),
    );
  lease
    .command('list')
    .description('leases, newest first')
    .action(() =>
      run(async ({ operator, out }) => {
        const { leases } = await (await operator()).call('lease.list', {});
        const rows = leases.map((row) => [
          row.stateKey.slice(0, 16),
          row.state,
          row.principal,
          row.agent ?? '',
          `${row.uses}${row.maxUses === undefined ? '' : `/${row.maxUses}`}`,
          row.expires,
        ]);
        const header = ['LEASE', 'STATE', 'PRINCIPAL', 'AGENT', 'USES', 'EXPIRES'];
        out.result(leases, table(header, rows));
      }),
    );
  lease
    .command('show')
    .argument('<id>', 'state key (16 digits suffice) or jti')
    .description('one lease with its capabilities')
    .action((id: string) =>
      run(async ({ operator, out }) => {
        const found = await (await operator()).call('lease.show', { id });
        out.result(found, describe(found));
      }),
    );
  addRevocationCommands(lease, run);
  addLeaseDeskCommands(lease, run);
  addOfflineLeaseCommands(lease, run);
}

function describe(lease: LeaseSummary): readonly string[] {
  return [
    `lease      ${lease.stateKey}`,
    `jti        ${lease.jti}`,
    `state      ${lease.state}`,
    `principal  ${plain(lease.principal)} (tenant ${lease.tenant})`,
    `issued     ${lease.issued}, expires ${lease.expires}`,
    `uses       ${lease.uses}${lease.maxUses === undefined ? '' : ` of ${lease.maxUses}`}`,
    'may',
    ...lease.capabilities.map((capability) => `  ${plain(JSON.stringify(capability))}`),
  ];
}
