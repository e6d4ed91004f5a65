import { describe, expect, it } from 'vitest';
import { WarderError } from '../../../../src/base/errors/errors.ts';
import {
  type CaseResult,
  parsePolicyCases,
  type PolicyCase,
} from '../../../../src/decide/policy/policy-test.ts';
import { ECHO, filesOf, holderOf, installed, NOW, PERMIT_ALL } from '../../../support/decision.ts';

const LARGE = `@id("large-asks") @approval("large")
forbid (principal, action == Action::"call:text_echo", resource)
when { context.args has count && context.args.count > 10 } unless { context.approved };`;
const NIGHT = `@id("night")
forbid (principal, action in Action::"call", resource)
when { context.reach.net && context.time.hour < 6 };`;

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
    };
    expect(read).toEqual(wanted);
  });
});
