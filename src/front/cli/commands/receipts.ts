// `warder receipts`: what happened, and proving it.

import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { WarderError } from '../../../base/errors/errors.ts';
import type { ReceiptFilter, ReceiptSummary } from '../../../trust/receipt/receipt-filter.ts';
import type { FollowedLog } from '../../../trust/verify/log.ts';
import { plain, table } from '../output.ts';
import { addNewLogCommand } from './new-log.ts';
import type { Run } from '../program.ts';
import { readWitnesses, refuseWitnesses, witnessLines } from './witness-options.ts';

interface FilterOptions {
  readonly lease?: string;
  readonly task?: string;
  readonly approval?: string;
  readonly principal?: string;
  readonly tool?: string;
  readonly outcome?: string;
  readonly type?: string;
  readonly tenant?: string;
  readonly since?: string;
  readonly until?: string;
  readonly last?: string;
}

/** How many receipts `list` gives when `--last` does not say. */
const LISTED = 50;
const LISTED_JSON = 10_000;

/** Adds `receipts list|show|proof|verify|export|follow|checkpoint|new-log`. */
export function addReceiptCommands(program: Command, run: Run): void {
  const receipts = program.command('receipts').description('what happened, and proofs of it');
  withFilters(receipts.command('list'))
    .description('receipts, newest first')
    .action((options: FilterOptions) =>
      run(async ({ operator, out }) => {
        // Programs want them all, people the latest.
        const filter = { last: out.json ? LISTED_JSON : LISTED, ...readFilter(options) };
        const rows = await (await operator()).call('receipts.list', filter);
        const cells = rows.map((row) => [
          String(row.index),
          row.id,
          row.time,
          row.type,
          row.outcome,
          row.tool ?? '',
          row.principal ?? '',
        ]);
        const header = ['LEAF', 'ID', 'TIME', 'TYPE', 'OUTCOME', 'TOOL', 'PRINCIPAL'];
        out.result(rows, table(header, cells));
      }),
    );
  receipts
    .command('show')
    .argument('<id>')
    .description('one receipt, with what its commitments stand for')
    .action((id: string) =>
      run(async ({ operator, out }) => {
        const receipt = await (await operator()).call('receipts.show', { id });
        out.result(receipt, JSON.stringify(receipt, null, 2).split('\n').map(plain));
      }),
    );
  receipts
    .command('proof')
    .argument('<id>')
    .description('the tlog-proof of one receipt; waits for the covering checkpoint')
    .action((id: string) =>
      run(async ({ operator, out }) => {
        const { proof } = await (await operator()).call('receipts.proof', { id });
        out.result({ id, proof }, proof.trimEnd());
      }),
    );
  receipts
    .command('verify')
    .argument('[proof]', 'a proof file; without one the whole log is audited')
    .option('--key <file>', 'JWKS, PEM or vkey file; repeat for more', collect, [])
    .option('--any-key', 'one of the given keys suffices; all must have signed otherwise')
    .option('--witness <file>', 'vkeys of witnesses, one per line; repeat for more', collect, [])
    .option('--quorum <n>', 'how many of the witnesses must have cosigned; all otherwise')
    .description('check a receipt offline, or audit the log')
    .action((file: string | undefined, options: VerifyOptions) =>
      run(async ({ operator, out }) => {
        if (file === undefined) {
          refuseWitnesses(options);
          const audit = await (await operator()).call('receipts.audit', {});
          out.result(audit, [
            `the log holds: ${audit.size} leaves, root ${audit.root}`,
            ...(audit.follows === undefined ? [] : [followsLine(audit.follows)]),
          ]);
          return;
        }
        await verifyFile(file, options, out);
      }),
    );
  addNewLogCommand(receipts, run);
  withFilters(receipts.command('export'))
    .description('receipts with their openings, one JSON document per line, oldest first')
    .action((options: FilterOptions) =>
      run(async ({ operator }) => {
        const client = await operator();
        const stop = stopOnSignal();
        for await (const item of client.stream('receipts.export', readFilter(options), stop)) {
          process.stdout.write(`${JSON.stringify(item)}\n`);
        }
      }),
    );
  withFilters(receipts.command('follow'))
    .description('receipts as they are written')
    .action((options: FilterOptions) =>
      run(async ({ operator, out }) => {
        const client = await operator();
        const stop = stopOnSignal();
        for await (const item of client.stream('receipts.follow', readFilter(options), stop)) {
          const { index, id, time, type, outcome, tool = '' } = item as ReceiptSummary;
          out.item(item, [index, id, time, type, outcome, tool].map(String).map(plain).join('  '));
        }
      }),
    );
  receipts
    .command('checkpoint')
    .description('sign the current head and print the note')
    .action(() =>
      run(async ({ operator, out }) => {
        const { note } = await (await operator()).call('receipts.checkpoint', {});
        out.result({ note }, note.trimEnd());
      }),
    );
}

function followsLine({ origin, size, lost, reason }: FollowedLog): string {
  return plain(
    `  it took the place of ${origin}, last signed with ${size} leaves, ${lost} of them lost: ${reason}`,
  );
}

interface VerifyOptions {
  readonly key: readonly string[];
  readonly anyKey?: true;
  readonly witness: readonly string[];
  readonly quorum?: string;
}

async function verifyFile(
  file: string,
  options: VerifyOptions,
  out: { result(value: unknown, lines: readonly string[]): void },
): Promise<void> {
  if (options.key.length === 0) {
    throw new WarderError('usage', 'a proof is verified with the keys you trust', {
      hint: 'give each with `--key FILE`; `warder keys list` prints them',
    });
  }
  const { loadKeys } = await import('../../../trust/verify/keys.ts');
  const { verifyReceipt } = await import('../../../trust/verify/receipt.ts');
  const keys = await loadKeys(options.key.map((path) => readText(path)));
  const verified = await verifyReceipt(readText(file), keys, {
    require: options.anyKey === true ? 'any' : 'all',
    ...(await readWitnesses(options)),
  });
  out.result(verified, [
    `verified: leaf ${verified.index} of ${verified.treeSize} in \`${verified.origin}\``,
    `signed by ${verified.signedBy.join(' and ')}`,
    ...witnessLines(verified.cosignedBy),
    plain(JSON.stringify(verified.statement)),
  ]);
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new WarderError('usage', `cannot read \`${path}\``, { cause, hint: 'name a file' });
  }
}

function withFilters(command: Command): Command {
  return command
    .option('--lease <state-key>')
    .option('--task <id>')
    .option('--approval <id>', 'every step of what a person was asked about')
    .option('--principal <name>')
    .option('--tool <name>')
    .option('--outcome <outcome>')
    .option('--type <type>')
    .option('--tenant <id>')
    .option('--since <time>', 'ISO 8601, inclusive')
    .option('--until <time>', 'ISO 8601, exclusive')
    .option('--last <n>', 'at most this many');
}

function readFilter(options: FilterOptions): ReceiptFilter {
  const { since, until, last, ...named } = options;
  const filter: { -readonly [Key in keyof ReceiptFilter]: ReceiptFilter[Key] } = { ...named };
  if (since !== undefined) filter.since = readTime(since);
  if (until !== undefined) filter.until = readTime(until);
  if (last !== undefined) {
    if (!/^[1-9]\d{0,6}$/.test(last)) {
      throw new WarderError('usage', `\`--last ${last}\` is not a count`, { hint: 'e.g. 20' });
    }
    filter.last = Number(last);
  }
  return filter;
}

function readTime(text: string): number {
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) {
    throw new WarderError('usage', `\`${text}\` is not a time`, {
      hint: 'e.g. 2026-11-21T09:00:00Z',
    });
  }
  return ms;
}

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}

function stopOnSignal(): AbortSignal {
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort());
  process.once('SIGTERM', () => stop.abort());
  process.stdout.once('error', () => stop.abort());
  return stop.signal;
}
