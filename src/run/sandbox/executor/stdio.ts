// A guest's standard streams: into the call's log, or, for a command, kept for its answer.

import { GuestFailure, GuestOutputTooLarge, type GuestHost } from './engine.ts';
import { LineLog } from './line-log.ts';

/** What a command is started with, and where its streams lead. */
export interface Stdio {
  readonly args: readonly string[];
  readonly input: Uint8Array;
  writeOutput(bytes: Uint8Array): void;
  writeError(bytes: Uint8Array): void;
  /** The guest has ended. */
  end(): void;
}

const ARGUMENTS = ['tool'];
const NOTHING = new Uint8Array(0);

/** No input, output to the log. */
export function loggedStdio(host: GuestHost): Stdio {
  const [output, error] = [new LineLog(host, 'info'), new LineLog(host, 'warn')];
  return {
    args: ARGUMENTS,
    input: NOTHING,
    writeOutput: (bytes) => output.write(bytes),
    writeError: (bytes) => error.write(bytes),
    end: () => {
      output.end();
      error.end();
    },
  };
}

/** Bytes of arguments and input are those of the call's arguments; bounded with them. */
interface CommandArguments {
  readonly args?: readonly string[];
  readonly stdin?: string;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();
/** What of stderr is logged when the command ends without an answer. */
const LAST_WORDS = 4096;
/** When the host does not say what an answer may hold. */
const DEFAULT_BYTES = 1024 * 1024;
/** By default a program's first argument is its own name. */
const PROGRAM = 'tool';

/** Keeps both streams, up to what the call's answer may hold. */
export class KeptStdio implements Stdio {
  readonly args: readonly string[];
  readonly input: Uint8Array;
  readonly #host: GuestHost;
  readonly #limit: number;
  readonly #output = new Kept();
  readonly #error = new Kept();
  #answered = false;

  constructor(host: GuestHost, argumentText: string) {
    const { args = [], stdin = '' } = JSON.parse(argumentText) as CommandArguments;
    if (args.some((each) => each.includes('\0'))) {
      throw new GuestFailure('an argument of a command cannot hold a NUL');
    }
    this.args = [PROGRAM, ...args];
    this.input = encoder.encode(stdin);
    this.#host = host;
    this.#limit = host.outputBytes ?? DEFAULT_BYTES;
  }

  writeOutput(bytes: Uint8Array): void {
    this.#keep(this.#output, bytes);
  }

  writeError(bytes: Uint8Array): void {
    this.#keep(this.#error, bytes);
  }

  /** The JSON of an MCP CallToolResult. What is not UTF-8 shows as U+FFFD. */
  answer(exitCode: number): object {
    this.#answered = true;
    const stdout = decoder.decode(this.#output.bytes());
    const stderr = decoder.decode(this.#error.bytes());
    return {
      content: [{ type: 'text', text: stdout }],
      structuredContent: { exitCode, stdout, stderr },
      isError: exitCode !== 0,
    };
  }

  /** A command that trapped says why on stderr: the operator finds it in the log. */
  end(): void {
    if (this.#answered) return;
    const log = new LineLog(this.#host, 'warn');
    log.write(this.#error.bytes().slice(-LAST_WORDS));
    log.end();
  }

  #keep(kept: Kept, bytes: Uint8Array): void {
    if (this.#output.length + this.#error.length + bytes.length > this.#limit) {
      throw new GuestOutputTooLarge(`the command printed more than ${this.#limit} bytes`);
    }
    kept.add(bytes);
  }
}

/** Bytes that come bit by bit. */
class Kept {
  #buffer = NOTHING;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  add(bytes: Uint8Array): void {
    const length = this.#length + bytes.length;
    if (length > this.#buffer.length) {
      const grown = new Uint8Array(Math.max(1024, length, this.#buffer.length * 2));
      grown.set(this.bytes());
      this.#buffer = grown;
    }
    this.#buffer.set(bytes, this.#length);
    this.#length = length;
  }

  bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }
}
