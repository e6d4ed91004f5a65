// CSV after RFC 4180: quoted fields, doubled quotes, line breaks inside quotes, LF or CRLF.

import { Problem } from '../../../wit/sdk/typescript/tool.ts';
import type { Json } from './path.ts';

export interface CsvOptions {
  /** One character; `,` if absent. */
  readonly delimiter?: string;
  /** Whether the first record names the columns; true if absent. */
  readonly header?: boolean;
  /** Whether fields that are JSON numbers become numbers; true if absent. */
  readonly numbers?: boolean;
}

/** The records of a CSV text. @throws Problem naming the line of a stray or unclosed quote. */
export function parseRecords(text: string, delimiter: string): string[][] {
  const records: string[][] = [];
  // An engine's own search for the end of a field is much faster than a loop in an interpreter.
  const plain = new RegExp(`[^"\\r\\n${delimiter.replace(/[\\\]^-]/, '\\$&')}]*`, 'y');
  let record: string[] = [];
  let line = 1;
  let at = text.startsWith('\ufeff') ? 1 : 0;
  if (at >= text.length) return records;
  for (;;) {
    let value: string;
    if (text[at] === '"') {
      const opened = line;
      value = '';
      let from = at + 1;
      for (;;) {
        const quote = text.indexOf('"', from);
        if (quote < 0) throw new Problem(`line ${opened}: a quoted field does not end`);
        value += text.slice(from, quote);
        at = quote + 1;
        if (text[at] !== '"') break;
        value += '"';
        from = at + 1;
      }
      line += value.split('\n').length - 1;
      const next = text[at];
      if (next !== undefined && next !== delimiter && next !== '\n' && next !== '\r') {
        throw new Problem(`line ${line}: text after a quoted field`);
      }
    } else {
      plain.lastIndex = at;
      value = plain.exec(text)?.[0] ?? '';
      at += value.length;
      if (text[at] === '"') throw new Problem(`line ${line}: a quote inside an unquoted field`);
    }
    record.push(value);
    if (text[at] === delimiter) {
      at += 1;
      continue;
    }
    records.push(record);
    record = [];
    if (text[at] === '\r') at += 1;
    if (text[at] === '\n') at += 1;
    line += 1;
    if (at >= text.length) return records;
  }
}

/** Rows as objects by column name. @throws Problem when a record has too many or too few fields. */
export function parseCsv(text: string, options: CsvOptions): Json[] {
  const records = parseRecords(text, options.delimiter ?? ',').filter(
    (record) => record.length > 1 || record[0] !== '',
  );
  const first = records[0] ?? [];
  const hasHeader = options.header ?? true;
  const names = hasHeader ? first : first.map((_, i) => `column${i + 1}`);
  if (new Set(names).size !== names.length) throw new Problem('two columns have the same name');
  const numbers = options.numbers ?? true;
  const number = /^-?(0|[1-9]\d{0,15})(\.\d+)?([eE][+-]?\d+)?$/;
  return records.slice(hasHeader ? 1 : 0).map((record, i) => {
    if (record.length !== names.length) {
      const found = `${record.length} fields instead of ${names.length}`;
      throw new Problem(`record ${i + 1}: ${found}`);
    }
    // Without a prototype every name, even `__proto__`, is only a name.
    const row = Object.create(null) as { [key: string]: Json };
    for (let k = 0; k < names.length; k += 1) {
      const value = record[k] ?? '';
      row[names[k] ?? ''] = numbers && number.test(value) ? Number(value) : value;
    }
    return row;
  });
}
