// Looks at a call before it is decided, and says what makes it risky. It can only tighten.

import type { Store, TenantId, Tx } from '../../base/store/store.ts';
import type { Risk, RiskSignal } from '../policy/circumstances.ts';
import type { ToolCall } from '../request/tool-call.ts';
import { argumentText } from './argument-text.ts';
import type { Classifier } from './classifier.ts';
import { namesInternalAddress } from './internal-address.ts';
import type { OutputMemory } from './output-memory.ts';
import { hasRandomText, secretForm } from './secret-forms.ts';
import { type SignalAnswer, type SignalAnswers, type SignalName, signalNotes } from './signals.ts';
import { countToolUse, isUnusualVolume, readToolUse } from './tool-use.ts';

/** What is looked at. */
export interface AssessedCall {
  readonly tenant: TenantId;
  readonly principal: string;
  readonly call: ToolCall;
  /** SHA-256 of the package that is to run, hex. */
  readonly digest: string;
  /** Wall milliseconds. */
  readonly now: number;
}

/** Finds what only others know in the text of arguments. */
export interface ArgumentScan {
  /** Whether it holds a secret of the tenant, in whatever encoding. */
  holdsSecret(tenant: TenantId, text: string): boolean;
  /** Name of a configured pattern that matches in it. */
  matchingPattern(text: string): string | undefined;
}

export interface RiskParts {
  readonly store: Store;
  readonly answers: SignalAnswers;
  /** What is done about arguments that match a pattern of the firewall. */
  readonly patternAnswer: SignalAnswer;
  readonly scan: ArgumentScan;
  readonly memory: OutputMemory;
  readonly classifier?: Classifier;
  /** Whether the classifier is shown the arguments. */
  readonly showArguments: boolean;
}

/** Something noticed, and what is done about it. */
type Finding = readonly [answer: SignalAnswer, signal: Omit<RiskSignal, 'quiet'>];

export class RiskAssessor {
  readonly #parts: RiskParts;

  constructor(parts: RiskParts) {
    this.#parts = parts;
  }

  /** What makes the call risky. Writes nothing. */
  async assess(about: AssessedCall): Promise<Risk> {
    const found = [...this.#inArguments(about), ...this.#inHistory(about)];
    const { classifier } = this.#parts;
    if (classifier !== undefined)
      found.push(...(await this.#secondOpinion(classifier, about, found)));
    return riskOf(found);
  }

  /** Remembers that the call was made; for the transaction of its intent. */
  used(tx: Tx, { tenant, principal, call, digest, now }: AssessedCall): void {
    countToolUse(tx, { tenant, principal, tool: call.tool }, digest, now);
  }

  /** A principal is given a text that a tool made. */
  heard(about: Pick<AssessedCall, 'tenant' | 'principal'>, text: string): void {
    if (this.#isOn('instruction-from-output') || this.#isOn('tool-output-in-arguments')) {
      this.#parts.memory.hear(listener(about), text);
    }
  }

  *#inArguments(about: AssessedCall): Generator<Finding, void> {
    const { scan, memory, patternAnswer } = this.#parts;
    const text = argumentText(about.call.arguments);
    if (text === '') return;
    if (this.#isOn('secret-in-arguments')) {
      const form = secretForm(text);
      if (form !== undefined) {
        yield this.#finding('secret-in-arguments', `the arguments hold ${form}`);
      } else if (scan.holdsSecret(about.tenant, text)) {
        yield this.#finding('secret-in-arguments', 'the arguments hold a secret of the vault');
      }
    }
    if (this.#isOn('random-text-in-arguments') && hasRandomText(text)) {
      yield this.#finding('random-text-in-arguments');
    }
    if (this.#isOn('internal-address') && namesInternalAddress(text)) {
      yield this.#finding('internal-address');
    }
    const repeated = memory.repeats(listener(about), text);
    if (repeated === 'instruction') yield this.#finding('instruction-from-output');
    if (repeated !== 'nothing') yield this.#finding('tool-output-in-arguments');
    const pattern = patternAnswer === 'ignore' ? undefined : scan.matchingPattern(text);
    if (pattern !== undefined) {
      const note = `the arguments match the pattern \`${pattern}\``;
      yield [patternAnswer, { name: 'pattern-in-arguments', note }];
    }
  }

  *#inHistory({ tenant, principal, call, digest, now }: AssessedCall): Generator<Finding, void> {
    const user = { tenant, principal, tool: call.tool };
    const use = this.#parts.store.read((reader) => readToolUse(reader, user));
    if (use === undefined) return yield this.#finding('first-use');
    if (use.digest !== digest) yield this.#finding('changed-tool');
    if (isUnusualVolume(use, now)) yield this.#finding('unusual-volume');
  }

  /** No answer, in whatever way there is none, asks. */
  async #secondOpinion(
    classifier: Classifier,
    { call }: AssessedCall,
    found: readonly Finding[],
  ): Promise<readonly Finding[]> {
    const name = 'classifier';
    try {
      const { verdict, note } = await classifier.classify({
        tool: call.tool,
        argumentsDigest: call.digest,
        signals: riskOf(found).signals.map((signal) => signal.name),
        ...(this.#parts.showArguments ? { arguments: call.arguments } : {}),
      });
      if (verdict === 'none') return [];
      return [[verdict, { name, note: note === '' ? 'the classifier takes it for risky' : note }]];
    } catch {
      return [['ask', { name, note: 'the classifier gave no answer' }]];
    }
  }

  #isOn(name: SignalName): boolean {
    return this.#parts.answers[name] !== 'ignore';
  }

  #finding(name: SignalName, note: string = signalNotes[name]): Finding {
    return [this.#parts.answers[name], { name, note }];
  }
}

const ANSWERS: readonly SignalAnswer[] = ['ignore', 'note', 'ask', 'refuse'];

function riskOf(found: readonly Finding[]): Risk {
  const counted = found.filter(([answer]) => answer !== 'ignore');
  const strictest = Math.max(0, ...counted.map(([answer]) => ANSWERS.indexOf(answer)));
  const verdict = ANSWERS[strictest];
  return {
    signals: counted.map(([answer, signal]) =>
      answer === 'note' ? { ...signal, quiet: true } : signal,
    ),
    verdict: verdict === 'ask' || verdict === 'refuse' ? verdict : 'none',
  };
}

/** All connections of a principal share what it heard: what one of them read another can act on. */
function listener({ tenant, principal }: Pick<AssessedCall, 'tenant' | 'principal'>): string {
  return `${tenant}
${principal}`;
}
