import { describe, expect, it } from 'vitest';
import { RuleSet } from '../../../../src/decide/rules/compile-rules.ts';
import { loadCedar } from '../../../../src/decide/policy/cedar.ts';

function compile(...rules: readonly object[]): { texts: readonly string[]; set: RuleSet } {
  const set = new RuleSet();
  const { policies, faults } = set.add('x.rules.json', JSON.stringify({ rules }));
  expect(faults).toEqual([]);
  // Without the comments that say in words what an id stands for.
  const texts = policies.map(({ text }) => text.replaceAll(/^\/\/.*\n/gm, ''));
  return { texts, set };
}

describe('compiling', () => {
  it('allow is a permit', () => {
    const { texts } = compile({
      name: 'desk',
      effect: 'allow',
      agents: ['desk', 'help'],
      tools: ['text_echo'],
      trust: { level: 40, capabilities: ['text'] },
    });
    expect(texts).toEqual([
      `@id("desk")
permit (principal, action == Action::"call:text_echo", resource)
when { principal in [Agent::"desk", Agent::"help"] }
when { context.trust.level >= 40 && context.trust.capabilities.containsAll(["text"]) };`,
    ]);
  });

  it('deny is a forbid with its exception', () => {
    const { texts } = compile({
      name: 'no-payments',
      effect: 'deny',
      applies: 'both',
      hint: 'ask the "till"',
      principals: ['agent:desk'],
      unless: { trust: { level: 90 } },
    });
    expect(texts).toEqual([
      String.raw`@id("no-payments")
@hint("ask the \"till\"")
forbid (principal, action in [Action::"call", Action::"lease"], resource)
when { principal in Principal::"agent:desk" }
unless { context.trust.level >= 90 };`,
    ]);
  });

  it('require-approval is a forbid a yes lifts, and one beyond its ceiling that nothing lifts', () => {
    const { texts } = compile({
      name: 'pays',
      effect: 'require-approval',
      reason: 'it pays',
      approvals: 2,
      categories: ['payments'],
      trust: { level: 10 },
    });
    expect(texts).toEqual([
      `@id("pays")
@approval("it pays")
@approvals("2")
forbid (principal, action in Action::"call", resource)
when { resource in Category::"payments" }
unless { context.approved };`,
      `@id("pays:beyond")
forbid (principal, action in Action::"call", resource)
when { resource in Category::"payments" }
unless { context.trust.level >= 10 };`,
    ]);
  });

  it('equal terms have one id, others another', () => {
    const ceiling = [{ type: 'fs.read', paths: ['/a/**'] }];
    const at = { days: ['monday', 'sunday'], zone: 'UTC' };
    const { texts, set } = compile(
      { name: 'a', effect: 'allow', ceiling, when: at, tools: ['x*', 'y'] },
      {
        name: 'b',
        effect: 'allow',
        ceiling,
        when: { days: ['sunday', 'monday'] },
        tools: ['y', 'x*'],
      },
      { name: 'c', effect: 'allow', ceiling: [{ type: 'fs.write', paths: ['/a/**'] }] },
    );
    expect(set.conditions.size).toEqual({ ceilings: 2, windows: 1, names: 2 });
    expect(texts[0]?.replace('"a"', '"b"')).toBe(texts[1]);
  });

  it('limit is a budget and no policy; every rate is one', () => {
    const rate = { calls: 3, per: 'hour', each: ['agent'] };
    const { texts, set } = compile(
      { name: 'slow', effect: 'limit', rate },
      { name: 'some', effect: 'allow', rate: { calls: 9, per: 'day', zone: 'Europe/Berlin' } },
    );
    expect(texts).toHaveLength(1);
    expect(set.rates.map(({ budget }) => budget.budget)).toEqual([
      { name: 'rule:slow', measure: 'calls', limit: 3, period: 'hour', scope: {}, each: ['agent'] },
      {
        name: 'rule:some',
        measure: 'calls',
        limit: 9,
        period: 'day',
        zone: 'Europe/Berlin',
        scope: {},
        each: [],
      },
    ]);
  });

  it('no text of a rule gets out of its string', async () => {
    const cedar = await loadCedar();
    const hostile = String.raw`"); permit (principal, action, resource); //\" \u{22} ${'$'}{x}`;
    const { texts } = compile({
      name: 'r',
      effect: 'require-approval',
      reason: hostile,
      hint: `${hostile}\\`,
      principals: [hostile, String.raw`a\nb`],
    });
    const parts = cedar.policySetTextToParts(texts.join('\n'));
    if (parts.type === 'failure') throw new Error(JSON.stringify(parts.errors));
    expect(parts.policies).toHaveLength(1);
    const json = cedar.policyToJson(texts[0] ?? '');
    if (json.type === 'failure') throw new Error(JSON.stringify(json.errors));
    expect(json.json.effect).toBe('forbid');
    expect(json.json.annotations).toEqual({ id: 'r', approval: hostile, hint: `${hostile}\\` });
    expect(JSON.stringify(json.json.conditions)).toContain(JSON.stringify(hostile));
  });

  it('a name is used once, in all files', () => {
    const set = new RuleSet();
    const text = '{"rules": [{"name": "a", "effect": "deny"}]}';
    expect(set.add('1.rules.json', text).faults).toEqual([]);
    expect(set.add('2.rules.json', text).faults).toEqual([
      '2.rules.json:1: the name `a` is used at 1.rules.json:1',
    ]);
  });

  it('what every request is measured against is bounded', () => {
    const rules = Array.from({ length: 129 }, (_, at) => ({
      name: `r${at}`,
      effect: 'allow',
      ceiling: [{ type: 'spend', currency: 'EUR', amount: at + 1 }],
    }));
    const { faults } = new RuleSet().add('x.rules.json', JSON.stringify({ rules }));
    expect(faults).toEqual(['the rules have more than 128 different ceilings']);
  });
});
