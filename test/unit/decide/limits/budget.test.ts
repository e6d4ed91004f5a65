import { describe, expect, it } from 'vitest';
import { compileBudget, parseBudget } from '../../../../src/decide/limits/budget.ts';
import { periodOf } from '../../../../src/decide/limits/period.ts';

const good = { name: 'b', measure: 'calls', limit: 1, period: 'day', scope: {} };

describe('a budget', () => {
  it('is read as it is written', () => {
    const text = {
      ...good,
      measure: { currency: 'EUR' },
      zone: 'Europe/Berlin',
      scope: { tool: 'web_*' },
      each: ['lease', 'agent', 'category', 'lease'],
    };
    expect(parseBudget(text)).toEqual({ ...text, each: ['agent', 'category', 'lease'] });
  });

  it.each<[string, unknown, string]>([
    ['a text', 'calls', 'not an object'],
    ['an unknown member', { ...good, limt: 2 }, 'did you mean `limit`?'],
    ['an unknown selector', { ...good, scope: { tols: 'x' } }, 'did you mean `scope.tool`?'],
    ['an empty selector', { ...good, scope: { tool: '' } }, '`scope.tool` is not a glob'],
    ['no scope, which elsewhere has meant everything', { ...good, scope: undefined }, '`scope`'],
    ['a negative limit', { ...good, limit: -1 }, '`limit`'],
    ['half a cent', { ...good, limit: 0.5 }, '`limit`'],
    ['a limit past 2^53', { ...good, limit: 2 ** 53 }, '`limit`'],
    ['a limit in words', { ...good, limit: '5' }, '`limit`'],
    ['not a number', { ...good, limit: Number.NaN }, '`limit`'],
    ['an unknown period', { ...good, period: 'week' }, '`period`'],
    ['an unknown zone', { ...good, zone: 'Mars/Olympus' }, '`zone`'],
    ['an unknown measure', { ...good, measure: 'euros' }, '`measure`'],
    ['a currency in small letters', { ...good, measure: { currency: 'eur' } }, '`measure`'],
    ['a name like a path', { ...good, name: '../b' }, '`name`'],
    ['unknown facts to keep apart', { ...good, each: ['user'] }, '`each`'],
  ])('%s is refused', (_, json, reason) => {
    expect(() => parseBudget(json as never)).toThrow(reason);
  });

  it('covers calls whose facts all match', () => {
    const { takersOf } = compileBudget(
      parseBudget({ ...good, scope: { tool: 'web_*', agent: 'desk' } }),
    );
    const subject = {
      tool: 'web_get',
      installation: 'web',
      principal: 'p',
      agent: 'desk',
      lease: ['l'],
      category: [],
    };
    expect(takersOf(subject)).toEqual([{}]);
    expect(takersOf({ ...subject, agent: 'other' })).toEqual([]);
    expect(takersOf({ ...subject, tool: 'text' })).toEqual([]);
  });
});

describe('whose amount a call takes from', () => {
  const subject = {
    tool: 'pay',
    installation: 'shop',
    category: ['payments', 'web'],
    principal: 'p',
    agent: 'desk',
    lease: ['root', 'child'],
  };
  const takers = (change: object, of: object = {}): unknown =>
    compileBudget(parseBudget({ ...good, ...change })).takersOf({ ...subject, ...of });

  it('is that of each category the package is in, or of none', () => {
    expect(takers({ each: ['category'] })).toEqual([{ category: 'payments' }, { category: 'web' }]);
    expect(takers({ each: ['category'] }, { category: [] })).toEqual([{ category: '' }]);
    expect(takers({ each: ['category', 'agent'], scope: { category: 'pay*' } })).toEqual([
      { agent: 'desk', category: 'payments' },
    ]);
    expect(takers({ scope: { category: 'pay*' } }, { category: ['web'] })).toEqual([]);
    expect(takers({ scope: { category: '*' } }, { category: [] })).toEqual([]);
  });

  it('is that of each lease of the chain, so that delegating gives no fresh one', () => {
    expect(takers({ each: ['lease'] })).toEqual([{ lease: 'root' }, { lease: 'child' }]);
    expect(takers({ scope: { lease: 'root' } })).toEqual([{}]);
  });
});

describe('periods', () => {
  const late = Date.parse('2026-03-31T22:30:15Z');

  it('are named by their calendar time', () => {
    expect(periodOf('minute', late)).toBe('2026-03-31T22:30');
    expect(periodOf('hour', late)).toBe('2026-03-31T22');
    expect(periodOf('day', late)).toBe('2026-03-31');
    expect(periodOf('month', late)).toBe('2026-03');
    expect(periodOf('ever', late)).toBe('');
  });

  it('turn over at midnight of their own zone', () => {
    expect(periodOf('day', late, 'Europe/Berlin')).toBe('2026-04-01');
    expect(periodOf('month', late, 'Europe/Berlin')).toBe('2026-04');
    expect(periodOf('day', late, 'America/New_York')).toBe('2026-03-31');
    expect(periodOf('hour', Date.parse('2026-01-01T00:10:00Z'), 'UTC')).toBe('2026-01-01T00');
  });
});
