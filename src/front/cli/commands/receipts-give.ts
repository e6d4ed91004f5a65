// `warder receipts export|disclose|erase`: receipts for others, and what is kept no longer.

import { chmodSync, closeSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import type { Command } from 'commander';
import { systemClock } from '../../../base/clock/clock.ts';
import { WarderError } from '../../../base/errors/errors.ts';
import type { ReceiptLine } from '../../mcp/receipt-line.ts';
import type { ReceiptFilter } from '../../../trust/receipt/receipt-filter.ts';
import type { ReceiptDetail } from '../../../trust/receipt/receipt-reader.ts';
import { agentSocketPath } from '../../config/home.ts';
import { collect } from '../collect.ts';
import { askAgent } from '../agent-lines.ts';
import type { Context } from '../context.ts';
import type { OperatorClient } from '../operator-client.ts';
import type { Run } from '../program.ts';
import { csvHeader, csvRecord } from '../receipt-csv.ts';
import { type FilterOptions, isFiltered, readFilter, withFilters } from './receipt-filters.ts';
import { stopOnSignal } from './stop-on-signal.ts';

interface ExportOptions extends FilterOptions {
  readonly format: string;
  readonly out?: string;
}

interface DiscloseOptions {
  readonly fields?: string;
  readonly for?: string;
  readonly agent?: string;
  readonly tenant?: string;
  readonly out?: string;
}

interface EraseOptions extends FilterOptions {
  readonly field: readonly string[];
  readonly reason: string;
}

const FORMATS = ['jsonl', 'csv', 'sigstore', 'dsse'];

/** Adds `receipts export|disclose|erase`. */
export function addGivingCommands(receipts: Command, run: Run): void {
  withFilters(receipts.command('export'))
    .argument('[id]', 'one receipt, as a sigstore bundle or a DSSE envelope')
    .option('--format <format>', FORMATS.join(', '), 'jsonl')
    .option(
      '--out <file>',
      'write there rather than to stdout; the old file stays until it is whole',
    )
    .description('receipts with their openings, oldest first; or one, signed for other tools')
    .action((id: string | undefined, options: ExportOptions) =>
      run(async ({ operator }) => {
        const filter = readFilter(options, systemClock.wall());
        const client = await operator();
        switch (options.format) {
          case 'jsonl':
          case 'csv':
            if (id !== undefined) wrongFormat('one receipt is exported for other tools');
            return exportMany(client, filter, options);
          case 'sigstore':
          case 'dsse':
            if (id === undefined) wrongFormat('a signature is over one receipt: name it');
            return exportOne(client, id, filter, options);
          default:
            wrongFormat(`there is no format \`${options.format}\``);
        }
      }),
    );
  receipts
    .command('disclose')
    .argument('<id>')
    .option('--fields <names>', 'which: arguments,result,effects,...; all that is kept otherwise')
    .option('--for <name>', 'whom it is for; the receipt of the disclosure says so')
    .option('--agent <name>', 'as that agent, of a call of its own')
    .option('--tenant <tenant>', 'only when it is of this tenant')
    .option('--out <file>', 'write there rather than to stdout')
    .description('a receipt with openings for one reader; `receipts verify FILE` checks both')
    .action((id: string, options: DiscloseOptions) =>
      run(async (context) => {
        const disclosure = await disclose(context, id, options);
        writeOut(options.out, [`${JSON.stringify(disclosure)}\n`]);
      }),
    );
  withFilters(receipts.command('erase'))
    .argument('[id]', 'one receipt; otherwise all that fit the filters')
    .option('--field <name>', 'only this; repeat for more', collect, [])
    .requiredOption('--reason <text>', 'why; kept with the receipt of the erasure')
    .description('erase what receipts stand for; the receipts stay and stay valid')
    .action((id: string | undefined, options: EraseOptions) =>
      run(async ({ operator, out }) => {
        const { field, reason } = options;
        const { last, ...filter } = readFilter(options, systemClock.wall());
        if (last !== undefined) {
          throw new WarderError('usage', '`--last` is not for erasing', {
            hint: 'name receipts by age, principal or another filter',
          });
        }
        const { tenant: _, ...narrowing } = filter;
        if ((id === undefined) !== isFiltered(narrowing)) {
          throw new WarderError('usage', 'name one receipt, or filters', {
            hint: 'e.g. `--older-than 90d` or `--principal NAME`; a filter for everything is none',
          });
        }
        const erased = await (
          await operator()
        ).call('receipts.erase', {
          ...filter,
          reason,
          ...(id === undefined ? {} : { id }),
          ...(field.length === 0 ? {} : { fields: field }),
        });
        out.result(erased, [
          `erased ${erased.openings} values of ${erased.receipts} ${erased.receipts === 1 ? 'receipt' : 'receipts'}`,
          ...(erased.openApprovals === 0
            ? []
            : [
                `${erased.openApprovals} approvals of these calls still wait or hold, and keep arguments: ` +
                  'erase again when they have ended',
              ]),
          ...erased.backups.map((path) => `still readable in the backup ${path}: remove it`),
        ]);
      }),
    );
}

async function exportMany(
  client: OperatorClient,
  filter: ReceiptFilter,
  { format, out }: ExportOptions,
): Promise<void> {
  const file = out === undefined ? undefined : new WholeFile(out);
  const write = (text: string): void => {
    if (file === undefined) process.stdout.write(text);
    else file.write(text);
  };
  try {
    if (format === 'csv') write(csvHeader);
    for await (const item of client.stream('receipts.export', filter, stopOnSignal())) {
      write(format === 'csv' ? csvRecord(item as ReceiptDetail) : `${JSON.stringify(item)}\n`);
    }
    file?.finish();
  } catch (error) {
    file?.discard();
    throw error;
  }
}

async function exportOne(
  client: OperatorClient,
  id: string,
  filter: ReceiptFilter,
  { format, out }: ExportOptions,
): Promise<void> {
  const { tenant, ...more } = filter;
  if (isFiltered(more)) wrongFormat('a receipt that is named needs no filter');
  const bundle = await client.call('receipts.statement', {
    id,
    ...(tenant === undefined ? {} : { tenant }),
  });
  const document = format === 'dsse' ? bundle.dsseEnvelope : bundle;
  writeOut(out, [`${JSON.stringify(document)}\n`]);
}

async function disclose(
  context: Context,
  id: string,
  { fields, for: to, agent, tenant }: DiscloseOptions,
): Promise<unknown> {
  const names = fields?.split(',').map((name) => name.trim());
  const asked = { id, ...(names === undefined ? {} : { fields: names }) };
  if (agent === undefined) {
    return (await context.operator()).call('receipts.disclose', {
      ...asked,
      ...(to === undefined ? {} : { to }),
      ...(tenant === undefined ? {} : { tenant }),
    });
  }
  if ((to ?? tenant) !== undefined) {
    throw new WarderError('usage', "`--for` and `--tenant` are the operator's", {
      hint: 'an agent gets what is its own, for itself',
    });
  }
  await context.daemon();
  const path = agentSocketPath(context.home, agent);
  const reply = await askAgent<Extract<ReceiptLine, { disclosure: unknown }>>(
    path,
    agent,
    'receipt',
    { op: 'disclose', ...asked },
  );
  return reply.disclosure;
}

function writeOut(path: string | undefined, texts: readonly string[]): void {
  if (path === undefined) {
    for (const text of texts) process.stdout.write(text);
    return;
  }
  const file = new WholeFile(path);
  for (const text of texts) file.write(text);
  file.finish();
}

/** A file that is there when it is whole. For its owner alone: it holds what receipts stand for. */
class WholeFile {
  readonly #path: string;
  readonly #draft: string;
  readonly #descriptor: number;

  constructor(path: string) {
    this.#path = path;
    this.#draft = `${path}.${process.pid}.part`;
    try {
      this.#descriptor = openSync(this.#draft, 'wx', 0o600);
    } catch (cause) {
      throw new WarderError('usage', `cannot write \`${path}\``, {
        cause,
        hint: 'name a file in a directory that is there',
      });
    }
    chmodSync(this.#draft, 0o600);
  }

  write(text: string): void {
    writeSync(this.#descriptor, text);
  }

  finish(): void {
    closeSync(this.#descriptor);
    renameSync(this.#draft, this.#path);
  }

  discard(): void {
    closeSync(this.#descriptor);
    rmSync(this.#draft, { force: true });
  }
}

function wrongFormat(why: string): never {
  throw new WarderError('usage', why, {
    hint: `\`receipts export --format jsonl|csv\` [filters], or \`receipts export ID --format sigstore|dsse\``,
  });
}
