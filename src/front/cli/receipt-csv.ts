// Receipts as CSV (RFC 4180) that no spreadsheet takes for formulas. The columns stay: new ones come last.

import type { ReceiptDetail } from '../../trust/receipt/receipt-reader.ts';
import type { KeptOpening } from '../../trust/receipt/openings.ts';

type Column = readonly [name: string, of: (receipt: ReceiptDetail) => string | number | undefined];

const COLUMNS: readonly Column[] = [
  ['leaf', ({ index }) => index],
  ['id', ({ id }) => id],
  ['time', ({ time }) => time],
  ['tenant', ({ tenant }) => tenant],
  ['type', ({ type }) => type],
  ['outcome', ({ outcome }) => outcome],
  ['tool', ({ tool }) => tool],
  ['principal', ({ principal }) => principal],
  ['operator', ({ statement }) => (statement.predicate.operator === true ? 'true' : '')],
  ['lease', ({ lease }) => lease],
  ['task', ({ task }) => task],
  ['approval', ({ approval }) => approval],
  ['code', ({ statement }) => statement.predicate.code],
  ['installation', ({ statement }) => statement.predicate.installation?.id],
  ['package', ({ statement }) => statement.predicate.installation?.digest],
  ['decision', ({ statement }) => statement.predicate.decision?.effect],
  ['rules', ({ statement }) => statement.predicate.decision?.rules.join(' ')],
  ['risk', ({ statement }) => statement.predicate.risk?.verdict],
  ['signals', ({ statement }) => statement.predicate.risk?.signals.join(' ')],
  ['assurance', ({ statement }) => statement.predicate.assurance],
  ['jail', ({ statement }) => statement.predicate.jail],
  [
    'effects',
    ({ statement }) =>
      statement.predicate.effects
        ?.map(({ kind, state, count }) => `${kind} ${state} ${count}`)
        .join('; '),
  ],
  ['hosts', ({ hosts }) => hosts?.join(' ')],
  ['wall_ms', ({ statement }) => statement.predicate.usage?.['wallMs']],
  ['cpu_ms', ({ statement }) => statement.predicate.usage?.['cpuMs']],
  ['net_bytes', ({ statement }) => statement.predicate.usage?.['netBytes']],
  ['spend', ({ openings }) => opened(openings.fields['spend'])],
  ['arguments', ({ openings }) => opened(openings.fields['arguments'])],
  ['result', ({ openings }) => opened(openings.fields['result'])],
  ['reason', ({ openings }) => opened(openings.fields['reason'])],
  ['leaf_hash', ({ leafHash }) => leafHash],
];

/** The first line. */
export const csvHeader: string = `${COLUMNS.map(([name]) => name).join(',')}\r\n`;

/** One receipt as one record. */
export function csvRecord(receipt: ReceiptDetail): string {
  return `${COLUMNS.map(([, of]) => csvCell(of(receipt))).join(',')}\r\n`;
}

/** A text as itself, anything else as JSON; nothing where nothing is kept. */
function opened(kept: KeptOpening | undefined): string | undefined {
  if (kept === undefined || !('value' in kept)) return undefined;
  return typeof kept.value === 'string' ? kept.value : JSON.stringify(kept.value);
}

/** What spreadsheets take for the beginning of a formula, also after white space. */
const FORMULA = /^[\s\0]*[=+\-@\uff1d\uff0b\uff0d\uff20|%]|^[\t\r\n]/;

/**
 * One cell. A text that would be a formula gets an apostrophe before it, which spreadsheets show as text;
 * numbers are never negative here.
 */
export function csvCell(value: string | number | undefined): string {
  if (value === undefined) return '';
  if (typeof value === 'number') return String(value);
  const text = FORMULA.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
