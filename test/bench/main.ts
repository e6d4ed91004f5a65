// `npm run bench -- [FILTER] [--json]`: every figure, each with its control measured in the same run.

import { benchComponent } from './component.ts';
import { benchComponentCall } from './component-call.ts';
import { benchEgress } from './egress.ts';
import { benchFiles } from './files.ts';
import { benchFront } from './front.ts';
import { benchGate } from './gate.ts';
import { benchPolicy } from './policy.ts';
import { benchPool } from './pool.ts';
import { benchLease } from './lease.ts';
import { benchReceipts } from './receipts.ts';
import { createReport } from './report.ts';
import { benchSandbox } from './sandbox.ts';

const args = process.argv.slice(2);
const json = args.includes('--json');
const filter = args.find((arg) => !arg.startsWith('--')) ?? '';
const report = createReport(filter, json);

const suites = [
  {
    names: [
      'lease-verify-es256',
      'lease-verify-eddsa',
      'lease-chain',
      'lease-check',
      'lease-issue',
    ],
    run: benchLease,
  },
  { names: ['policy-decide'], run: benchPolicy },
  {
    names: [
      'receipts-signed',
      'receipts-swtpm',
      'receipts-slow-tpm',
      'receipts-durable',
      'proof-p99',
      'log-audit',
      'append-scale',
    ],
    run: benchReceipts,
  },
  { names: ['gate-scale', 'gate-scale-cpu'], run: benchGate },
  { names: ['call-isolated', 'call-isolated-p99', 'memory-extism'], run: benchSandbox },
  { names: ['memory-component'], run: benchComponent },
  { names: ['call-component'], run: benchComponentCall },
  { names: ['egress-get'], run: benchEgress },
  { names: ['call-parallel', 'call-many-tools'], run: benchPool },
  { names: ['file-read'], run: benchFiles },
  {
    names: ['call-mcp', 'call-rate', 'mcp-start-warm', 'mcp-start-cold', 'memory-daemon'],
    run: benchFront,
  },
];

const chosen = suites.filter(({ names }) => report.wants(...names));
if (chosen.length === 0) {
  process.stderr.write(`no figure has \`${filter}\` in its name\n`);
  process.exitCode = 2;
}
for (const suite of chosen) await suite.run(report);
