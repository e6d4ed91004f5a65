import { describe, expect, it } from 'vitest';
import { compileNames, mayMeet } from '../../../../src/decide/rules/names.ts';
import { Effort } from '../../../../src/trust/lease/glob-within.ts';

describe('a list of names', () => {
  it.each([
    ['web_*', 'web_fetch', true],
    ['web_*', 'web_', true],
    ['web_*', 'xweb_a', false],
    // A name is no path: a star crosses a slash, or a rule for `*` would miss some tools.
    ['*', 'fs/write', true],
    ['fs*', 'fs/write', true],
    ['a**b', 'a/x/b', true],
    ['web', 'web_fetch', false],
    ['a.b', 'axb', false],
  ])('%s names %s: %s', (name, text, named) => {
    expect(compileNames([name])(text)).toBe(named);
  });
});

describe('two patterns', () => {
  it.each([
    ['prod_*', '*', true],
    ['prod_*', 'p*_deploy', true],
    ['prod_*', 'prod_deploy', true],
    ['prod_*', 'test_*', false],
    ['*_a', '*_b', false],
    ['a*c', 'ab*', true],
    ['a', 'a', true],
    ['a', 'b', false],
    ['', '*', true],
    ['a*b*c', 'a*c*c', true],
  ])('%s and %s may meet: %s', (one, other, meet) => {
    expect(mayMeet([one], [other], new Effort())).toBe(meet);
    expect(mayMeet([other], [one], new Effort())).toBe(meet);
  });

  it('that would take too long to compare may meet', () => {
    const long = Array.from({ length: 256 }, (_, at) => `a${'*x'.repeat(60)}${at}`);
    expect(mayMeet(long, ['b'.repeat(128)], new Effort(1000))).toBe(true);
  });
});
