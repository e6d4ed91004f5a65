// What tools told a principal lately, as keyed numbers in memory: enough to notice when it comes back in
// the arguments of a call. No text is kept.

import { anyRun, type FingerprintKey, RUN, sampledRuns, wholeText } from './fingerprints.ts';
import { addressees, bareText, instructionPhrases, passages } from './instructions.ts';
import { RecentNumbers } from './recent-numbers.ts';

/** Runs remembered for one listener, at most; older ones are forgotten first. */
const RUNS_KEPT = 32_768;
/** Of what looked like an instruction. */
const INSTRUCTIONS_KEPT = 8_192;
/** Listeners remembered, the one silent for longest forgotten first. */
const LISTENERS_KEPT = 64;

interface Heard {
  readonly runs: RecentNumbers;
  /** Runs of passages that look like instructions, their phrases, and whom they name. */
  readonly instructions: RecentNumbers;
}

/** What in arguments came from tools. */
export type Repeated = 'instruction' | 'output' | 'nothing';

/** The memory of one process. */
export class OutputMemory {
  readonly #key: FingerprintKey;
  readonly #heard = new Map<string, Heard>();

  constructor(key: FingerprintKey) {
    this.#key = key;
  }

  /** `listener` is given a text that a tool made. */
  hear(listener: string, text: string): void {
    if (text === '') return;
    const heard = this.#heard.get(listener) ?? nothingHeard();
    this.#heard.delete(listener);
    this.#heard.set(listener, heard);
    if (this.#heard.size > LISTENERS_KEPT) {
      for (const [oldest] of this.#heard) {
        this.#heard.delete(oldest);
        break;
      }
    }
    const bare = bareText(text);
    for (const passage of passages(text)) {
      this.#hearInstruction(heard, passage, passage === text ? bare : bareText(passage));
    }
    if (bare.length < RUN) return;
    for (const print of sampledRuns(bare, this.#key)) heard.runs.add(print);
  }

  /** Whether the text of arguments repeats what `listener` was given. */
  repeats(listener: string, text: string): Repeated {
    const heard = this.#heard.get(listener);
    if (heard === undefined) return 'nothing';
    const bare = bareText(text);
    if (this.#repeatsInstruction(heard, text, bare)) return 'instruction';
    return anyRun(bare, this.#key, (print) => heard.runs.has(print)) ? 'output' : 'nothing';
  }

  #hearInstruction(heard: Heard, passage: string, bare: string): void {
    const phrases = instructionPhrases(bare);
    if (phrases.length === 0) return;
    for (const print of sampledRuns(bare, this.#key)) heard.instructions.add(print);
    for (const each of phrases) heard.instructions.add(wholeText(each, this.#key));
    for (const each of addressees(passage)) heard.instructions.add(wholeText(each, this.#key));
  }

  #repeatsInstruction({ instructions }: Heard, text: string, bare: string): boolean {
    if (instructions.isEmpty) return false;
    const isKnown = (each: string): boolean => instructions.has(wholeText(each, this.#key));
    if (instructionPhrases(bare).some(isKnown)) return true;
    for (const addressee of addressees(text)) if (isKnown(addressee)) return true;
    return anyRun(bare, this.#key, (print) => instructions.has(print));
  }
}

function nothingHeard(): Heard {
  return {
    runs: new RecentNumbers(RUNS_KEPT),
    instructions: new RecentNumbers(INSTRUCTIONS_KEPT),
  };
}
