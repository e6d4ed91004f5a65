// What the command prints: errors with their code and remedy, one document, and nothing a terminal would
// obey, hide or reorder.

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { WarderError } from '../../../../src/base/errors/errors.ts';
import { createOutput, plain, reportError, table } from '../../../../src/front/cli/output.ts';

let stdout: string;
let stderr: string;

beforeEach(() => {
  stdout = '';
  stderr = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => ((stdout += String(text)), true));
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => ((stderr += String(text)), true));
});

afterEach(() => {
  vi.restoreAllMocks();
});

describe('text of unknown origin', () => {
  test.each([
    ['an escape sequence', '\u001b[2Jgone', '\\u{1b}[2Jgone'],
    ['a C1 control', 'a\u009b31m', 'a\\u{9b}31m'],
    ['a carriage return that overwrites', 'safe\rrm -rf', 'safe\\u{d}rm -rf'],
    ['a line break', 'one\ntwo', 'one\\u{a}two'],
    ['a backspace', 'ab\b', 'ab\\u{8}'],
    ['a right-to-left override', 'a\u202egnp.exe', 'a\\u{202e}gnp.exe'],
    ['isolates', '\u2066a\u2069', '\\u{2066}a\\u{2069}'],
    ['an Arabic letter mark', 'a\u061cb', 'a\\u{61c}b'],
    ['a zero-width space', 'pay\u200bpal', 'pay\\u{200b}pal'],
    ['a soft hyphen', 'a\u00adb', 'a\\u{ad}b'],
    ['a byte order mark', '\ufeffa', '\\u{feff}a'],
    ['a line separator', 'a\u2028b', 'a\\u{2028}b'],
    ['a Hangul filler', 'a\u3164b', 'a\\u{3164}b'],
    ['letters in tag characters', 'a\u{e0061}\u{e0062}', 'a\\u{e0061}\\u{e0062}'],
    ['a hidden variation selector', 'a\u{e0100}', 'a\\u{e0100}'],
    ['half a character', 'a\ud800b', 'a\\u{d800}b'],
  ])('%s is made visible', (_, text, shown) => {
    expect(plain(text)).toBe(shown);
  });

  test.each(['schön', '日本語 テスト', 'مرحبا', '❤️ 👍🏽', 'a – b', 'x\u00a0y'])(
    'what people write stays as it is: %s',
    (text) => {
      expect(plain(text)).toBe(text);
    },
  );
});

describe('an error', () => {
  const error = new WarderError('policy-denied', 'policy refuses `pay`', { hint: 'pay less' });

  test('is one line with its code and one with the remedy, on stderr', () => {
    expect(reportError(error, false)).toBe(3);
    expect(stderr).toBe('error[policy-denied]: policy refuses `pay`\nhint: pay less\n');
    expect(stdout).toBe('');
  });

  test('is with --json also the one document on stdout', () => {
    expect(reportError(error, true, { approval: 'appr_1' })).toBe(3);
    expect(JSON.parse(stdout)).toEqual({
      error: { code: 'policy-denied', message: 'policy refuses `pay`', hint: 'pay less' },
      approval: 'appr_1',
    });
    expect(stdout.split('\n')).toHaveLength(2);
  });

  test('that quotes a tool cannot write on the terminal', () => {
    const hostile = '\u001b]0;owned\u0007\nerror[none]: all is well';
    reportError(new WarderError('tool-failed', hostile, { hint: hostile }), false);
    expect(stderr).not.toContain('\u001b');
    expect(stderr.trimEnd().split('\n')).toHaveLength(2);
  });

  test('of ours is exit code 1, without its stack', () => {
    expect(reportError(new TypeError('of undefined'), false)).toBe(1);
    expect(stderr).toBe('error[internal]: of undefined\n');
  });

  test('that carries a hint of its own is a missing part', () => {
    const missing = Object.assign(new Error('no socket'), { hint: 'start it' });
    expect(reportError(missing, false)).toBe(7);
    expect(stderr).toBe('error[unavailable]: no socket\nhint: start it\n');
  });
});

describe('a result', () => {
  test('is its lines, or with --json one document and nothing else', () => {
    createOutput(false).result({ a: 1 }, ['one', 'two']);
    expect(stdout).toBe('one\ntwo\n');
    stdout = '';
    createOutput(true).result({ a: 1 }, ['one', 'two']);
    expect(stdout).toBe('{"a":1}\n');
  });

  test('of nothing prints nothing', () => {
    createOutput(false).result({}, []);
    expect(stdout).toBe('');
  });

  test('of a stream is one line each', () => {
    const out = createOutput(true);
    out.item({ n: 1 }, 'one');
    out.item({ n: 2 }, 'two');
    expect(stdout).toBe('{"n":1}\n{"n":2}\n');
  });

  test('never shares stdout with a note', () => {
    createOutput(true).note('by the way');
    expect([stdout, stderr]).toEqual(['', 'by the way\n']);
  });
});

test('a table lines up, and its cells stay in their rows', () => {
  expect(
    table(
      ['ID', 'TEXT'],
      [
        ['1', 'a\nb'],
        ['1000', ''],
      ],
    ),
  ).toEqual(['ID    TEXT', '1     a\\u{a}b', '1000']);
});
