// `risk` and `firewall` of config.json: what is done about risky calls, and what may leave any call.

import { existsSync } from 'node:fs';
import { linearPattern } from '../../catalog/linear-pattern.ts';
import type { ClassifierCommand } from '../../decide/risk/command-classifier.ts';
import {
  defaultAnswers,
  type SignalAnswer,
  type SignalAnswers,
  signalAnswers,
  signalNames,
} from '../../decide/risk/signals.ts';
import type { RedactionPattern } from '../../gate/firewall/redaction.ts';
import type { Checker } from './checker.ts';

export interface RiskConfig {
  readonly signals: SignalAnswers;
  /** A second opinion on every call. */
  readonly classifier?: ClassifierConfig;
}

export interface ClassifierConfig extends ClassifierCommand {
  /** Whether it is shown the arguments; their digest otherwise. */
  readonly arguments: boolean;
}

export interface FirewallConfig {
  /** Masked in all that leaves a call. */
  readonly redact: readonly RedactionPattern[];
  /** What is done about arguments in which one of them matches. */
  readonly scanArguments: SignalAnswer;
  /** Largest answer of any tool, bytes. */
  readonly maxOutputBytes: number;
}

const PATTERNS_MAX = 64;
const PATTERN_NAME = /^[a-z0-9][a-z0-9-]{0,39}$/;
const OUTPUT_MAX = 64 * 1024 * 1024;
const scanAnswers = ['off', 'note', 'ask', 'refuse'] as const;

/** Reads `risk`; problems go to `checker`. */
export function readRisk(checker: Checker, json: unknown): RiskConfig {
  const risk = checker.object(json, 'risk', ['signals', 'classifier']);
  const given = checker.object(risk['signals'] ?? {}, 'risk.signals', signalNames);
  const signals = Object.fromEntries(
    signalNames.map((name) => {
      const wanted = given[name] ?? defaultAnswers[name];
      return [name, oneOf(checker, wanted, `risk.signals.${name}`, signalAnswers)];
    }),
  ) as Record<(typeof signalNames)[number], SignalAnswer>;
  if (risk['classifier'] === undefined) return { signals };
  return { signals, classifier: readClassifier(checker, risk['classifier']) };
}

function readClassifier(checker: Checker, json: unknown): ClassifierConfig {
  const at = 'risk.classifier';
  const fields = checker.object(json, at, ['command', 'timeoutMs', 'arguments']);
  const words = checker.texts(fields['command'], `${at}.command`);
  const [program = '', ...rest] = words;
  if (!program.startsWith('/') || words.some((word) => word.includes('\0'))) {
    checker.problem(`\`${at}.command\` must begin with the absolute path of a program`);
  } else if (!existsSync(program)) {
    checker.problem(`\`${at}.command\`: there is no \`${program.slice(0, 200)}\``);
  }
  return {
    command: [program, ...rest],
    timeoutMs: checker.whole(fields['timeoutMs'] ?? 2000, `${at}.timeoutMs`, 10, 60_000),
    arguments: checker.boolean(fields['arguments'] ?? false, `${at}.arguments`),
  };
}

/** Reads `firewall`; problems go to `checker`. */
export function readFirewall(checker: Checker, json: unknown): FirewallConfig {
  const at = 'firewall';
  const fields = checker.object(json, at, ['redact', 'scanArguments', 'maxOutputBytes']);
  const wanted = fields['scanArguments'] ?? 'note';
  const scan = oneOf(checker, wanted, `${at}.scanArguments`, scanAnswers);
  return {
    redact: readPatterns(checker, fields['redact'] ?? [], `${at}.redact`),
    scanArguments: scan === 'off' ? 'ignore' : scan,
    maxOutputBytes: checker.whole(
      fields['maxOutputBytes'] ?? OUTPUT_MAX,
      `${at}.maxOutputBytes`,
      1,
      OUTPUT_MAX,
    ),
  };
}

function oneOf<Name extends string>(
  checker: Checker,
  value: unknown,
  at: string,
  known: readonly [Name, ...Name[]],
): Name {
  if (typeof value !== 'string') checker.problem(`\`${at}\` must be one of ${known.join(', ')}`);
  const [name] = typeof value === 'string' ? checker.names([value], at, known) : [];
  return name ?? known[0];
}

function readPatterns(checker: Checker, json: unknown, at: string): readonly RedactionPattern[] {
  if (!Array.isArray(json) || json.length > PATTERNS_MAX) {
    checker.problem(`\`${at}\` must be a list of at most ${PATTERNS_MAX}`);
    return [];
  }
  const patterns = json.map((each, index) => readPattern(checker, each, `${at}[${index}]`));
  const names = new Set(patterns.map(({ name }) => name));
  if (names.size < patterns.length) checker.problem(`\`${at}\` has one name twice`);
  return patterns;
}

function readPattern(checker: Checker, json: unknown, at: string): RedactionPattern {
  const fields = checker.object(json, at, ['name', 'pattern']);
  const name = checker.text(fields['name'], `${at}.name`);
  if (name !== '' && !PATTERN_NAME.test(name)) {
    checker.problem(`\`${at}.name\` is a name like \`card-number\``);
  }
  const pattern = checker.text(fields['pattern'], `${at}.pattern`);
  try {
    const compiled = linearPattern(pattern);
    if (pattern !== '' && compiled.test('')) {
      checker.problem(`\`${at}.pattern\` matches the empty text, so it would match everywhere`);
    }
  } catch (error) {
    checker.problem(`\`${at}.pattern\`: ${error instanceof Error ? error.message : String(error)}`);
  }
  return { name, pattern };
}
