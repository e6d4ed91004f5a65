// Answers that are not to be seen: asked on the terminal itself, whatever stdin and stdout are, or read from
// an inherited descriptor. Never an argument, never the environment.

import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { ReadStream } from 'node:tty';
import { WarderError } from '../../base/errors/errors.ts';

/** More than any passphrase. */
const MOST = 4096;

/**
 * Asks on the terminal of this process.
 *
 * @throws WarderError `usage` with `hint` when there is none, or nothing is typed.
 */
export async function askHidden(question: string, hint: string): Promise<string> {
  let descriptor: number;
  try {
    descriptor = openSync('/dev/tty', 'r+');
  } catch (cause) {
    throw new WarderError('usage', 'there is no terminal to ask on', { cause, hint });
  }
  const echo = openSync('/dev/tty', 'w');
  const input = new ReadStream(descriptor);
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const terminal = createInterface({ input, output: silent, terminal: true });
  try {
    return await new Promise((resolve, reject) => {
      terminal.once('line', resolve);
      terminal.once('close', () => {
        reject(new WarderError('usage', 'nothing was typed', { hint }));
      });
      // Only now: what is typed from here on is not echoed.
      writeSync(echo, question);
    });
  } finally {
    terminal.close();
    input.destroy();
    writeSync(echo, '\n');
    closeSync(echo);
  }
}

/**
 * The first line of what `fd:N` holds.
 *
 * @throws WarderError `usage` when `source` is not of that form, or cannot be read.
 */
export function readDescriptor(source: string, flag: string): string {
  const hint = `\`${flag} fd:N\` names an inherited descriptor`;
  const number = /^fd:(\d{1,4})$/.exec(source)?.[1];
  if (number === undefined) {
    throw new WarderError('usage', `\`${flag}\` takes no value from the command line`, { hint });
  }
  let text: string;
  try {
    text = readFileSync(Number(number), 'utf8');
  } catch (cause) {
    throw new WarderError('usage', `cannot read \`${source}\``, { cause, hint });
  }
  const [line = ''] = text.slice(0, MOST).split('\n');
  return line;
}
