// One capability within another: exhaustively where that can be done, and in bounded time whatever comes.

import { describe, expect, it } from 'vitest';
import {
  argumentsFit,
  parseArgumentRules,
  rulesWithin,
} from '../../../src/trust/lease/argument-rule.ts';
import { firstOutside } from '../../../src/trust/lease/capabilities-within.ts';
import { parseCapabilities } from '../../../src/trust/lease/capability.ts';
import { covers } from '../../../src/trust/lease/action.ts';
import { Effort, globWithin } from '../../../src/trust/lease/glob-within.ts';
import { compileGlob } from '../../../src/trust/lease/glob.ts';
import { originWithin } from '../../../src/trust/lease/origin.ts';

const words = (letters: readonly string[], most: number): string[] => {
  let last = [''];
  const all = [''];
  for (let length = 1; length <= most; length += 1) {
    last = last.flatMap((word) => letters.map((letter) => word + letter));
    all.push(...last);
  }
  return all;
};

describe('globs', () => {
  it('all short pairs: within is never said of what is not, and hardly ever denied of what is', () => {
    const values = words(['a', 'b', '/'], 5);
    const patterns = words(['a', '/', '*', '**'], 3);
    const named = patterns.map((pattern) => values.map(compileGlob(pattern)));
    let within = 0;
    let proven = 0;
    for (const [one, narrow] of patterns.entries()) {
      for (const [other, wide] of patterns.entries()) {
        const truly = values.every(
          (_, at) => named[one]?.[at] !== true || named[other]?.[at] === true,
        );
        const said = globWithin(narrow, wide, new Effort());
        if (said) expect([narrow, wide, truly]).toEqual([narrow, wide, true]);
        within += truly ? 1 : 0;
        proven += said ? 1 : 0;
      }
    }
    expect(proven / within).toBeGreaterThan(0.95);
  });

  it('is said of the patterns people write', () => {
    for (const [narrow, wide, within] of [
      ['/data/x', '/data/**', true],
      ['/data/*/y', '/data/**', true],
      ['/data/a*/**', '/data/**', true],
      ['/data/**', '/data/*', false],
      ['/data**', '/data/**', false],
      ['/data', '/data/**', false],
      ['/**', '/data/**', false],
      ['text_echo', 'text_*', true],
      ['text_*', 'text_echo', false],
      ['*', '**', true],
      ['**', '*', false],
    ] as const) {
      expect([narrow, wide, globWithin(narrow, wide, new Effort())]).toEqual([
        narrow,
        wide,
        within,
      ]);
    }
  });
});

describe('origins', () => {
  it.each([
    ['https://a.test', 'https://a.test:443', true],
    ['https://a.test:443', 'https://a.test', true],
    ['https://a.test', '*', true],
    ['*', 'https://*', false],
    ['https://*', '*', true],
    ['https://a.b.test', 'https://*.test', true],
    ['https://*.b.test', 'https://*.test', true],
    ['https://*.test', 'https://*.b.test', false],
    ['https://test', 'https://*.test', false],
    ['https://atest', 'https://*.test', false],
    ['http://a.test', 'https://a.test', false],
    ['https://a.test:8443', 'https://a.test', false],
    ['https://*', 'https://a.test', false],
  ])('%s within %s: %s', (narrow, wide, within) => {
    expect(originWithin(narrow, wide)).toBe(within);
  });
});

const rules = (json: unknown) => {
  const problems: string[] = [];
  const parsed = parseArgumentRules(json, 'arguments', problems);
  expect(problems).toEqual([]);
  return parsed;
};

describe('arguments', () => {
  const read = rules({
    path: { glob: ['/data/**'] },
    limit: { min: 1, max: 10, optional: true },
    mode: { in: ['r', null], optional: true },
  });

  it.each<[boolean, Record<string, unknown>]>([
    [true, { path: '/data/x' }],
    [true, { path: '/data/x', limit: 10, mode: null }],
    [true, { path: ['/data/x', '/data/y'] }],
    [true, { path: [] }],
    [false, {}],
    [false, { path: '/data/../etc/passwd' }],
    [false, { path: '/data/./x' }],
    [false, { path: '/data//x' }],
    [false, { path: '/data/x\\..\\y' }],
    [false, { path: '/data/x\0' }],
    [false, { path: '/data/\ud800' }],
    [false, { path: ['/data/x', '/etc/passwd'] }],
    [false, { path: [['/data/x']] }],
    [false, { path: 7 }],
    [false, { path: { glob: '/data/x' } }],
    // A second argument that carries the path.
    [false, { path: '/data/x', paths: ['/etc/passwd'] }],
    [false, { path: '/data/x', limit: 11 }],
    [false, { path: '/data/x', limit: '5' }],
    [false, { path: '/data/x', limit: Number.NaN }],
    [false, { path: '/data/x', mode: 'w' }],
    [false, { path: '/data/x', toString: 1 }],
    [false, JSON.parse('{"path":"/data/x","__proto__":1}') as Record<string, unknown>],
  ])('fits %s: %j', (fits, given) => {
    expect(argumentsFit(read, given)).toBe(fits);
    const [capability] = parseCapabilities([
      { type: 'tool.call', tools: ['read'], arguments: read },
    ]);
    if (capability === undefined) throw new Error('none');
    expect(covers([capability], { type: 'tool.call', tool: 'read', arguments: given }, 0)).toBe(
      fits,
    );
  });

  it.each<[boolean, unknown, unknown]>([
    [true, { a: { in: [1] } }, { a: { in: [1, 2] } }],
    [true, { a: { in: [1] } }, { a: { max: 5 } }],
    [true, { a: { in: ['/x/y'] } }, { a: { glob: ['/x/*'] } }],
    [true, { a: { glob: ['/x/y'] } }, { a: { glob: ['/x/*'] } }],
    [true, { a: { min: 2, max: 3 } }, { a: { min: 1 } }],
    [true, { a: { any: true } }, { a: { any: true, optional: true } }],
    [true, { a: { any: true } }, { a: { any: true }, b: { any: true, optional: true } }],
    [false, { a: { any: true } }, { a: { any: true }, b: { any: true } }],
    [false, { a: { any: true, optional: true } }, { a: { any: true } }],
    [false, { a: { any: true }, b: { any: true, optional: true } }, { a: { any: true } }],
    [false, { a: { any: true } }, { a: { in: [1] } }],
    [false, { a: { in: ['/x/../y'] } }, { a: { glob: ['/x/**'] } }],
    [false, { a: { max: 3 } }, { a: { min: 1, max: 3 } }],
    [false, { constructor: { any: true } }, {}],
  ])('within %s: %j of %j', (within, narrow, wide) => {
    expect(rulesWithin(rules(narrow), rules(wide), new Effort())).toBe(within);
  });

  it('are part of a call only when they are named: rules on them do not go away in a child', () => {
    const wide = parseCapabilities([
      { type: 'tool.call', tools: ['*'], arguments: { a: { in: [1] } } },
    ]);
    const free = parseCapabilities([{ type: 'tool.call', tools: ['x'] }]);
    expect(firstOutside(free, wide)).toBe(0);
    expect(firstOutside(wide, parseCapabilities([{ type: 'tool.call', tools: ['*'] }]))).toBe(
      undefined,
    );
  });
});

describe('a question about two leases', () => {
  it('takes no longer for hostile ones: what cannot be proven cheaply is refused', () => {
    const stars = (n: number, tail: string): string => `/${'*a'.repeat(400)}${tail}${String(n)}`;
    const list = (tail: string) =>
      parseCapabilities(
        Array.from({ length: 64 }, () => ({
          type: 'fs.read',
          paths: Array.from({ length: 256 }, (_, n) => stars(n, tail)),
        })),
      );
    const [narrow, wide] = [list('x'), list('y')];
    const before = process.cpuUsage();
    expect(firstOutside(narrow, wide)).toBe(0);
    const { user } = process.cpuUsage(before);
    // All of it would be 10^14 steps.
    expect(user).toBeLessThan(5_000_000);
  });
});
