// What can make a call risky, by name, and what is done about each.

/** Signals that `risk.signals` of the config sets an answer for. */
export const signalNames = [
  'secret-in-arguments',
  'random-text-in-arguments',
  'internal-address',
  'instruction-from-output',
  'tool-output-in-arguments',
  'first-use',
  'unusual-volume',
  'changed-tool',
] as const;

/** Every name a signal can have, for those who look for one. */
export const allSignals: readonly string[] = [...signalNames, 'pattern-in-arguments', 'classifier'];

export type SignalName = (typeof signalNames)[number];

/** Ways to answer, weakest first. `ignore`: it is not even looked for. */
export const signalAnswers = ['ignore', 'note', 'ask', 'refuse'] as const;

export type SignalAnswer = (typeof signalAnswers)[number];

export type SignalAnswers = Readonly<Record<SignalName, SignalAnswer>>;

/** Asks about what harmless calls hardly ever have; the rest is on the receipt, for policies to use. */
export const defaultAnswers: SignalAnswers = {
  'secret-in-arguments': 'ask',
  'random-text-in-arguments': 'note',
  'internal-address': 'note',
  'instruction-from-output': 'ask',
  'tool-output-in-arguments': 'note',
  'first-use': 'note',
  'unusual-volume': 'note',
  'changed-tool': 'note',
};

/** What a person is told; a finding may say more. */
export const signalNotes: Readonly<Record<SignalName, string>> = {
  'secret-in-arguments': 'the arguments hold a secret',
  'random-text-in-arguments': 'the arguments hold a long text made at random, as keys are',
  'internal-address': 'the arguments name an internal address',
  'instruction-from-output':
    'the arguments repeat what looked like an instruction in the output of a tool',
  'tool-output-in-arguments': 'the arguments repeat the output of a tool',
  'first-use': 'this principal never used this tool before',
  'unusual-volume': 'this principal calls this tool far more often than it used to',
  'changed-tool': 'the tool is not the version this principal used last',
};
