// What the tour prints: what is done, what a user would type, what came back; and whether it is so.

/** Thrown when a step does not do what it says. */
class StepFailed extends Error {
  override readonly name = 'StepFailed';
}

const WIDTH = 96;
/** Lines of one answer that are shown; the rest is counted. */
const MOST_LINES = 14;
/** Where lines of an answer are wrapped, and cut. */
const BROAD = 120;
const LONGEST = 480;

/** Prints plain lines; no colour, no control characters from what came back. */
export class Narrator {
  readonly #write: (text: string) => void;
  #step = 0;

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  /** Opens a step. */
  step(title: string): void {
    this.#step += 1;
    this.#line('');
    this.#line(
      `── ${String(this.#step)}. ${title} ${'─'.repeat(Math.max(3, WIDTH - title.length - 7))}`,
    );
  }

  /** Text for people. */
  say(text: string): void {
    for (const line of wrap(text, WIDTH)) this.#line(line);
  }

  /** What a user would type, or what an agent's client sends. */
  command(text: string): void {
    this.#line(`  $ ${text}`);
  }

  /** What came back. */
  answer(text: string): void {
    const lines = printable(text).trimEnd().split('\n');
    for (const line of lines.slice(0, MOST_LINES)) {
      const shown = line.length > LONGEST ? `${line.slice(0, LONGEST)}…` : line;
      const parts = shown.length > BROAD ? wrap(shown, BROAD) : [shown];
      for (const part of parts) this.#line(`    ${part}`);
    }
    if (lines.length > MOST_LINES)
      this.#line(`    … ${String(lines.length - MOST_LINES)} more lines`);
  }

  /**
   * States what the step has shown.
   *
   * @throws StepFailed when it has not.
   */
  claim(claim: string, holds: boolean, found?: unknown): void {
    if (!holds) {
      const detail = found === undefined ? '' : `; found ${printable(JSON.stringify(found))}`;
      throw new StepFailed(`not so: ${claim}${detail.slice(0, 2000)}`);
    }
    this.#line(`  ✓ ${claim}`);
  }

  #line(text: string): void {
    this.#write(`${text}\n`);
  }
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/)) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  lines.push(line);
  return lines;
}

function printable(text: string): string {
  return text.replace(/(?!\n)\p{Cc}|\p{Cf}/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return `\\u{${code.toString(16)}}`;
  });
}
