// `risk` and `firewall` of config.json: strict, with defaults that ask nobody about harmless calls.

import { describe, expect, test } from 'vitest';
import { defaultAnswers } from '../../../src/decide/risk/signals.ts';
import { Checker } from '../../../src/front/config/checker.ts';
import { readFirewall, readRisk } from '../../../src/front/config/risk-section.ts';

function problems(work: (checker: Checker) => unknown): string {
  const checker = new Checker();
  work(checker);
  return checker.problems.join('; ');
}

test('left out: secrets and instructions ask, the rest is noted', () => {
  const checker = new Checker();
  expect(readRisk(checker, {})).toEqual({ signals: defaultAnswers });
  const asking = Object.entries(defaultAnswers).filter(([, answer]) => answer !== 'note');
  expect(asking).toEqual([
    ['secret-in-arguments', 'ask'],
    ['instruction-from-output', 'ask'],
  ]);
  expect(readFirewall(checker, {})).toEqual({
    redact: [],
    scanArguments: 'note',
    maxOutputBytes: 64 << 20,
  });
  expect(checker.problems).toEqual([]);
});

test('what is there is taken', () => {
  const checker = new Checker();
  expect(
    readRisk(checker, {
      signals: { 'first-use': 'ask' },
      classifier: { command: ['/bin/sh', '-c', 'x'], timeoutMs: 500, arguments: true },
    }),
  ).toEqual({
    signals: { ...defaultAnswers, 'first-use': 'ask' },
    classifier: { command: ['/bin/sh', '-c', 'x'], timeoutMs: 500, arguments: true },
  });
  const redact = [{ name: 'card', pattern: '[0-9]{16}' }];
  expect(readFirewall(checker, { redact, scanArguments: 'off' })).toMatchObject({
    redact,
    scanArguments: 'ignore',
  });
  expect(checker.problems).toEqual([]);
});

describe('what is wrong is named', () => {
  test.each<[unknown, string]>([
    [{ signal: {} }, 'unknown key `risk.signal`; did you mean `signals`?'],
    [{ signals: { 'first-uses': 'ask' } }, 'did you mean `first-use`?'],
    [{ signals: { 'first-use': 'asks' } }, 'did you mean `ask`?'],
    [{ signals: { 'first-use': true } }, 'must be one of ignore, note, ask, refuse'],
    [{ classifier: { command: ['sh'] } }, 'the absolute path of a program'],
    [{ classifier: { command: [] } }, 'the absolute path of a program'],
    [{ classifier: { command: ['/nonexistent/x'] } }, 'there is no `/nonexistent/x`'],
    [{ classifier: { command: ['/bin/sh'], timeoutMs: 0 } }, 'from 10 to 60000'],
    [{ classifier: { command: ['/bin/sh'], shell: true } }, 'unknown key'],
  ])('%j', (json, text) => {
    expect(problems((checker) => readRisk(checker, json))).toContain(text);
  });

  test.each<[unknown, string]>([
    [{ redacts: [] }, 'did you mean `redact`?'],
    [{ redact: {} }, 'must be a list'],
    [{ redact: [{ name: 'a' }] }, '`firewall.redact[0].pattern` must be a non-empty string'],
    [{ redact: [{ name: 'A b', pattern: 'x' }] }, 'is a name like `card-number`'],
    [{ redact: [{ name: 'a', pattern: '(x' }] }, '`firewall.redact[0].pattern`: '],
    [{ redact: [{ name: 'a', pattern: '(x)\\1' }] }, 'back-references'],
    [{ redact: [{ name: 'a', pattern: 'x*' }] }, 'matches the empty text'],
    [
      {
        redact: [
          { name: 'a', pattern: 'x' },
          { name: 'a', pattern: 'y' },
        ],
      },
      'has one name twice',
    ],
    [{ scanArguments: 'ignore' }, 'knows no `ignore`'],
    [{ maxOutputBytes: 0 }, 'from 1 to'],
  ])('%j', (json, text) => {
    expect(problems((checker) => readFirewall(checker, json))).toContain(text);
  });
});
