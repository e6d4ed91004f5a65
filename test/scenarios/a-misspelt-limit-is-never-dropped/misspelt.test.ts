// A limit or a grant that is not understood is an error that names what was meant, wherever it can be
// written. The systems before dropped them, and what was meant to bound did not.

import { describe, expect, test } from 'vitest';
import { WarderError } from '../../../src/base/errors/errors.ts';
import { grantFlags, parseGrantFlags } from '../../../src/catalog/grant-flags.ts';
import { parseConfig } from '../../../src/front/config/config.ts';
import { checkInput } from '../../../src/front/console/check-input.ts';

function refusal(act: () => unknown): { readonly message: string; readonly hint: string } {
  try {
    act();
  } catch (error) {
    if (!(error instanceof WarderError)) throw error;
    expect(error.code).toBe('usage');
    return { message: error.message, hint: error.hint ?? '' };
  }
  throw new Error('it was taken');
}

const names = [...grantFlags.valued, ...grantFlags.bare];

describe('grant flags', () => {
  test.each(names)('%s with a letter missing, doubled or of another case', (name) => {
    const letter = name.length - 2;
    const slips = [
      name.slice(0, letter) + name.slice(letter + 1),
      `${name.slice(0, letter)}${name.charAt(letter)}${name.slice(letter)}`,
      name.slice(0, 3) + name.slice(3).toUpperCase(),
      `${name} `,
    ];
    for (const slip of slips.filter((each) => !names.includes(each))) {
      expect(refusal(() => parseGrantFlags([slip, '1'])).hint).toMatch(/did you mean|grants are/);
    }
    const missing = name.slice(0, letter) + name.slice(letter + 1);
    expect(refusal(() => parseGrantFlags([missing, '1'])).hint).toContain(
      `did you mean \`${name}\``,
    );
  });

  test.each([
    '--maxMemory',
    '--memory',
    '--max_memory',
    '--constructor',
    '--__proto__',
    'max-memory',
  ])('%s is no flag', (word) => {
    expect(refusal(() => parseGrantFlags([word, '1MiB'])).message).toContain('not a grant flag');
  });

  test.each([
    ['--max-memory', '64MB'],
    ['--max-memory', '64'],
    ['--max-memory', '-1MiB'],
    ['--max-memory', '1e3MiB'],
    ['--max-memory', 'NaN'],
    ['--timeout', '5'],
    ['--timeout', '0s'],
    ['--timeout', 'Infinity'],
    ['--max-host-calls', '1.5'],
    ['--max-host-calls', ''],
  ])('%s %s is no value', (flag, value) => {
    expect(refusal(() => parseGrantFlags([flag, value])).message).toContain(flag);
  });
});

test('a key of the configuration', () => {
  const misspelt = JSON.stringify({ version: 1, limits: { argumentByte: 5 }, poool: {} });
  const { message, hint } = refusal(() => parseConfig(misspelt, 'config.json'));
  expect(`${message} ${hint}`).toContain('did you mean `argumentBytes`?');
  expect(`${message} ${hint}`).toContain('did you mean `pool`?');
});

test('a member of an operation', () => {
  const { message, hint } = refusal(() =>
    checkInput('tool.grant', {
      name: 'a',
      change: 'add',
      flags: [],
      flag: ['--max-memory', '1MiB'],
    }),
  );
  expect(message).toContain('unknown member `flag`');
  expect(hint).toContain('flags');
});
