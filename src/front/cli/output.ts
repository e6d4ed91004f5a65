// What the command prints: one JSON document with `--json`, plain lines otherwise; errors on stderr.

import { asWarderError, WarderError } from '../../base/errors/errors.ts';

/** Where a command prints to, and in which form. */
export interface Output {
  readonly json: boolean;
  /** The command's one result: `value` with `--json`, else `lines`. */
  result(value: unknown, lines: string | readonly string[]): void;
  /** One element of a stream. */
  item(value: unknown, line: string): void;
  /** Something worth knowing beside the result; stderr. */
  note(line: string): void;
}

export function createOutput(json: boolean): Output {
  const print = (text: string): void => void process.stdout.write(`${text}\n`);
  return {
    json,
    result: (value, lines) => {
      if (json) return print(JSON.stringify(value));
      const text = typeof lines === 'string' ? lines : lines.join('\n');
      if (text !== '') print(text);
    },
    item: (value, line) => print(json ? JSON.stringify(value) : line),
    note: (line) => void process.stderr.write(`${line}\n`),
  };
}

/** Prints an error as `error[code]: text` and `hint: remedy`; returns the exit code. */
export function reportError(thrown: unknown, json: boolean, extra: object = {}): number {
  const error = toWarderError(thrown);
  // Both may quote what a tool or a file said.
  process.stderr.write(`error[${error.code}]: ${plain(error.message)}\n`);
  if (error.hint !== undefined) process.stderr.write(`hint: ${plain(error.hint)}\n`);
  if (error.code === 'internal' && process.env['WARDER_DEBUG'] && error.cause instanceof Error) {
    process.stderr.write(`${error.cause.stack ?? ''}\n`);
  }
  if (json) {
    const { code, message } = error;
    const body = { code, message, ...(error.hint === undefined ? {} : { hint: error.hint }) };
    process.stdout.write(`${JSON.stringify({ error: body, ...extra })}\n`);
  }
  return error.exitCode;
}

function toWarderError(thrown: unknown): WarderError {
  if (thrown instanceof Error && 'hint' in thrown && !(thrown instanceof WarderError)) {
    return new WarderError('unavailable', thrown.message, { hint: String(thrown.hint) });
  }
  return asWarderError(thrown);
}

/** Columns padded to the widest cell; control characters made visible. */
export function table(
  header: readonly string[],
  rows: readonly (readonly string[])[],
): readonly string[] {
  const cells = [header, ...rows.map((row) => row.map(plain))];
  const widths = header.map((_, column) =>
    Math.max(...cells.map((row) => row[column]?.length ?? 0)),
  );
  return cells.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

/**
 * What a terminal obeys or hides: controls, format and bidirectional characters, lone surrogates, line
 * and paragraph separators, and characters without a glyph. Emoji keep their variation selectors.
 */
const HIDDEN =
  /(?![\ufe00-\ufe0f])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

/** Text of unknown origin made safe for a terminal: nothing is obeyed, hidden or reordered. */
export function plain(text: string): string {
  return text.replace(HIDDEN, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return `\\u{${code.toString(16)}}`;
  });
}
