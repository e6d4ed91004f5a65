import { describe, expect, it } from 'vitest';
import { WarderError } from '../../../../src/base/errors/errors.ts';
import { parsePolicyCases, type PolicyCase } from '../../../../src/decide/policy/policy-case.ts';
import type { CaseResult } from '../../../../src/decide/policy/policy-test.ts';
import type { Capability } from '../../../../src/trust/lease/lease.ts';
import { ECHO, filesOf, holderOf, installed, NOW, PERMIT_ALL } from '../../../support/decision.ts';

const LARGE = `@id("large-asks") @approval("large")
forbid (principal, action == Action::"call:text_echo", resource)
when { context.args has count && context.args.count > 10 } unless { context.approved };`;
const NIGHT = `@id("night")
forbid (principal, action in Action::"call", resource)
when { context.reach.net && context.time.hour < 6 };`;

const TEXT: readonly Capability[] = [{ type: 'tool.call', tools: ['text_*'] }];
const MAIL: readonly Capability[] = [{ type: 'tool.call', tools: ['mail_*'] }];

async function run(each: object, ...policies: readonly string[]): Promise<CaseResult> {
  const holder = await holderOf(PERMIT_ALL);
  const installation = installed();
  const cases = parsePolicyCases(JSON.stringify({ cases: [each] }));
  const [result] = holder.test(filesOf(...policies), cases, {
    find: (_, tool) => {
      if (tool !== ECHO.name) throw new WarderError('not-found', `there is no tool \`${tool}\``);
      return { installation, definition: ECHO };
    },
    capabilitiesOf: (principal) =>
      principal === 'agent:none'
        ? []
        : [
            { type: 'tool.call', tools: ['*'] },
            { type: 'http.call', methods: ['*'], origins: ['*'], paths: ['/**'] },
          ],
    agent: (name) => {
      if (name !== 'desk') throw new WarderError('not-found', `no agent \`${name}\``);
      return {
        principal: 'agent:desk',
        tenant: 'default',
        ceiling: {
          free: { capabilities: TEXT, ttlSeconds: 600 },
          most: { capabilities: [...TEXT, ...MAIL], ttlSeconds: 3600 },
        },
      };
    },
    now: NOW,
  });
  if (result === undefined) throw new Error('no result');
  return result;
}

const echo = { tool: 'text_echo', arguments: { text: 'hi' } };

describe('policy cases', () => {
  it('pass when what becomes of the call is what they say', async () => {
    const allowed = await run({ ...echo, name: 'plain', expect: 'allow' }, PERMIT_ALL, LARGE);
    expect(allowed).toEqual({
      name: 'plain',
      expected: 'allow',
      got: 'allow',
      passed: true,
      rules: [expect.stringMatching(/^"rule_[0-9a-f]{16}" at 0\.cedar:1$/)],
    });
    const asked = { ...echo, arguments: { text: 'hi', count: 11 }, expect: 'ask' };
    expect(await run({ ...asked, rules: ['large-asks'] }, PERMIT_ALL, LARGE)).toMatchObject({
      got: 'ask',
      passed: true,
      rules: ['"large-asks" at 1.cedar:1'],
    });
    expect(await run({ ...echo, expect: 'refuse' }, LARGE)).toMatchObject({ passed: true });
  });

  it('fail when it is not, or rests on another policy', async () => {
    expect(await run({ ...echo, expect: 'ask' }, PERMIT_ALL, LARGE)).toMatchObject({
      got: 'allow',
      passed: false,
    });
    const other = {
      ...echo,
      arguments: { text: 'hi', count: 11 },
      expect: 'ask',
      rules: ['night'],
    };
    expect(await run(other, PERMIT_ALL, LARGE, NIGHT)).toMatchObject({
      got: 'ask',
      passed: false,
      why: 'it does not rest on "night"',
    });
  });

  it('are judged at their own time and under their own grant', async () => {
    const net = ['--allow-net', 'GET https://example.com/**'];
    const night = { ...echo, time: '2026-01-31T03:00:00Z', grant: net };
    expect((await run({ ...night, expect: 'refuse' }, PERMIT_ALL, NIGHT)).passed).toBe(true);
    const noon = { ...night, time: '2026-01-31T12:00:00Z' };
    expect((await run({ ...noon, expect: 'allow' }, PERMIT_ALL, NIGHT)).passed).toBe(true);
    const closed = { ...night, grant: [] };
    expect((await run({ ...closed, expect: 'allow' }, PERMIT_ALL, NIGHT)).passed).toBe(true);
  });

  it.each([
    ['no such tool', { ...echo, tool: 'nothing' }, 'no tool'],
    ['arguments outside the schema', { ...echo, arguments: { text: 1 } }, 'text'],
    ['a lease that does not cover it', { ...echo, principal: 'agent:none' }, 'lease'],
    ['a bad grant', { ...echo, grant: ['--alow-net', 'x'] }, 'not a grant flag'],
  ])('%s is a refusal that says why', async (_, each, why) => {
    const result = await run({ ...each, expect: 'refuse' }, PERMIT_ALL);
    expect(result.got).toBe('refuse');
    expect(result.why).toContain(why);
  });

  it('an erring policy is a refusal, as it is for a call', async () => {
    const erring = 'forbid (principal, action, resource) when { context.args.count > 1 };';
    const result = await run({ ...echo, expect: 'refuse' }, PERMIT_ALL, erring);
    expect(result).toMatchObject({ got: 'refuse', passed: true });
    expect(result.why).toContain('count');
  });

  it('are judged under the circumstances they name', async () => {
    const judged = async (condition: string, facts: object): Promise<string> => {
      const policy = `permit (principal, action in Action::"call", resource) when { ${condition} };`;
      return (await run({ ...echo, ...facts, expect: 'allow' }, policy)).got;
    };
    const trusted = 'context.trust.level >= 50 && context.trust.capabilities.contains("pay")';
    expect(await judged(trusted, { trust: { level: 50, capabilities: ['pay'] } })).toBe('allow');
    expect(await judged(trusted, { trust: { level: 50 } })).toBe('refuse');
    expect(await judged('context.trust.known', {})).toBe('refuse');
    const risky = 'context.risk.signals.contains("odd")';
    expect(await judged(risky, { risk: ['odd'] })).toBe('allow');
    expect(await judged(risky, {})).toBe('refuse');
    expect(await judged('context.budget.left < 10', { budgetLeft: 9 })).toBe('allow');
    expect(await judged('context.budget.left < 10', {})).toBe('refuse');
    const payments = 'resource in Category::"payments"';
    expect(await judged(payments, { categories: ['payments'] })).toBe('allow');
    expect(await judged(payments, { grant: ['--category', 'payments'] })).toBe('allow');
    expect(await judged(payments, {})).toBe('refuse');
    const lease =
      'context.lease.delegatable && context.lease.secondsLeft < 10 && ' +
      'context.lease has usesLeft && context.lease.usesLeft == 1 && ' +
      'context.lease has maxUses && context.lease.maxUses == 5';
    const facts = { delegatable: true, secondsLeft: 9, usesLeft: 1, maxUses: 5 };
    expect(await judged(lease, facts)).toBe('allow');
    expect(await judged(lease, { ...facts, delegatable: false })).toBe('refuse');
  });

  it('about a lease are judged as a request for it', async () => {
    const policies = [
      'permit (principal, action == Action::"lease", resource);',
      `@id("more-asks") @approval("more") forbid (principal, action == Action::"lease", resource)
       unless { context.free || context.approved };`,
      `@id("trusted") forbid (principal, action == Action::"lease", resource)
       when { context.seconds > 1800 } unless { context.trust.level >= 50 };`,
    ];
    const asks = (lease: object, more: object = {}) =>
      run({ agent: 'desk', lease, expect: 'allow', ...more }, ...policies);
    expect(await asks({})).toMatchObject({ got: 'allow', passed: true });
    expect(await asks({ capabilities: MAIL }, { expect: 'ask', rules: ['more-asks'] })).toEqual({
      name: 'case 1',
      expected: 'ask',
      got: 'ask',
      passed: true,
      rules: ['"more-asks" at 1.cedar:1'],
    });
    expect((await asks({ seconds: 2000 })).got).toBe('refuse');
    expect((await asks({ seconds: 2000 }, { trust: { level: 60 } })).got).toBe('ask');
    expect(await asks({ seconds: 3601 })).toMatchObject({
      got: 'refuse',
      why: expect.stringContaining('3600') as string,
    });
    const other = { capabilities: [{ type: 'tool.call', tools: ['*'] }] };
    expect(await asks(other)).toMatchObject({
      got: 'refuse',
      why: expect.stringContaining('beyond') as string,
    });
    expect((await asks({}, { agent: 'nobody' })).why).toContain('no agent');
  });

  it.each([
    ['[]', 'the file is not'],
    ['{"cases": []}', 'there are no cases'],
    ['{"cases": [{"tool": "t", "expect": "yes"}]}', '`expect` is not'],
    ['{"cases": [{"expect": "ask"}]}', '`tool` is not a text'],
    ['{"cases": [{"tool": "t", "expect": "ask", "argument": {}}]}', 'did you mean `arguments`?'],
    ['{"cases": [{"tool": "t", "expect": "ask", "time": "noon"}]}', '`time` is not like'],
    ['{"cases": [{"tool": "t", "expect": "ask", "rules": [1]}]}', '`rules` is not a list'],
    ['{"cases": [{"tool": "t", "expect": "ask", "depth": -1}]}', '`depth` is not'],
    ['{"cases": [{"tool": "t", "expect": "ask", "capabilities": [{}]}]}', '`capabilities`'],
    ['{"cases": [{"tool": "t", "expect": "ask", "trust": {"level": 101}}]}', '`trust` is not like'],
    ['{"cases": [{"tool": "t", "expect": "ask", "trust": {"levl": 1}}]}', '`trust` is not like'],
    ['{"cases": [{"tool": "t", "expect": "ask", "budgetLeft": 101}]}', '`budgetLeft` is not'],
    ['{"cases": [{"tool": "t", "expect": "ask", "risk": "odd"}]}', '`risk` is not a list'],
    ['{"cases": [{"tool": "t", "expect": "ask", "categories": ["A B"]}]}', '`categories` is not'],
    ['{"cases": [{"lease": {}, "tool": "t", "expect": "ask"}]}', 'unknown member `tool`'],
    ['{"cases": [{"lease": {"ttl": 5}, "expect": "ask"}]}', 'lease: unknown member `ttl`'],
    ['{"cases": [{"lease": {"seconds": 0}, "expect": "ask"}]}', 'lease: `seconds` is not'],
    ['{"cases": [{"lease": [], "expect": "ask"}]}', '`lease` is not an object'],
    ['{"cases": [], "more": 1}', 'the file is not'],
  ])('%s is refused', (text, reason) => {
    expect(() => parsePolicyCases(text)).toThrow(reason);
  });

  it('read with what was left out filled in', () => {
    const [read] = parsePolicyCases('{"cases": [{"tool": "t", "expect": "ask"}]}');
    const wanted: PolicyCase = {
      name: 'case 1',
      tool: 't',
      arguments: {},
      expect: 'ask',
      rules: [],
      principal: 'agent:default',
      tenant: 'default',
      operator: false,
      depth: 0,
      delegatable: false,
      secondsLeft: 3600,
      risk: [],
    };
    expect(read).toEqual(wanted);
  });
});
