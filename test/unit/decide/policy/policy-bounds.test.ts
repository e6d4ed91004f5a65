import { describe, expect, test } from 'vitest';

import { WarderError } from '../../../../src/base/errors/errors.ts';
import { filesOf, holderOf, inputOf, PERMIT_ALL } from '../../../support/decision.ts';

const policy = (condition: string): string =>
  `permit (principal, action in Action::"call", resource) when { ${condition} };`;

const shapes: readonly (readonly [string, (n: number) => string])[] = [
  ['brackets', (n) => `${'('.repeat(n)}true${')'.repeat(n)}`],
  ['sets', (n) => `${'['.repeat(n)}1${']'.repeat(n)} == 1`],
  ['records', (n) => `${'{a:'.repeat(n)}1${'}'.repeat(n)} == 1`],
  ['conjunctions', (n) => Array.from({ length: n }, () => 'context.approved').join(' && ')],
  ['disjunctions', (n) => Array.from({ length: n }, () => 'context.approved').join(' || ')],
  ['members', (n) => `context${'.a'.repeat(n)}`],
  ['escaped members', (n) => `context${'["a"]'.repeat(n)}`],
  ['calls', (n) => `context${'.contains(1)'.repeat(n)}`],
  ['sums', (n) => `${'1 + '.repeat(n)}1 == 1`],
  ['ifs', (n) => `${'if true then '.repeat(n)}true${' else false'.repeat(n)}`],
  ['else ifs', (n) => `${'if true then true else '.repeat(n)}true`],
  ['negations', (n) => `${'!'.repeat(n)}true`],
  ['presence', (n) => `context has ${Array.from({ length: n }, () => 'a').join('.')}`],
];

describe.each(shapes)('%s', (_, shape) => {
  test.each([60, 140, 400, 1000, 50_000])(
    'of %d neither break the engine nor what is in force',
    async (count) => {
      const holder = await holderOf(PERMIT_ALL);
      try {
        const set = holder.prepare(filesOf(PERMIT_ALL, policy(shape(count))), []);
        holder.use(set);
        holder.decide(inputOf({}));
      } catch (thrown) {
        if (!(thrown instanceof WarderError)) throw thrown;
        expect(thrown.code).toBe('usage');
      }
      const after = await holderOf(PERMIT_ALL);
      expect(after.decide(inputOf({})).kind).toBe('permit');
    },
  );
});

test('brackets in strings and comments count for nothing', async () => {
  const many = '([{'.repeat(100);
  const text = `// ${many}\n${policy(`context.argsJson like "\\"${many}*"`)}`;
  expect((await holderOf(PERMIT_ALL)).prepare(filesOf(text), []).rules).toHaveLength(1);
});

test('a long list of values is no deep policy', async () => {
  const list = Array.from({ length: 1500 }, (_, at) => `"host${at}.example.com"`).join(', ');
  const text = `${PERMIT_ALL} forbid (principal, action, resource) unless { [${list}].contains("host7.example.com") };`;
  const holder = await holderOf(text);
  expect(holder.decide(inputOf({})).kind).toBe('permit');
});
